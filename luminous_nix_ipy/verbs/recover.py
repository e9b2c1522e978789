"""Finish or undo a change that was cut off.

A change whose supervisor died with the machine, by a reboot or the power, has an intent in the
journal and no outcome. Alone, the verb tells of each how the machine is now: as before, as it
should be, or between. --finish carries the rest out and looks whether all is well; --undo puts the
exact generation, running system and boot entry back. Both show what they run first, and ask.

Examples:
  %nix recover
  %nix recover --undo --dry-run
  %nix recover --finish --yes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..widgets.proposal import Proposal
    from ..widgets.recovering import CutOffView, RecoverPlanView, RecoverReportView


def arguments(parser: Parser) -> None:
    parser.add_argument("id", metavar="CHANGE", nargs="?", help="its id, as the journal has it")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--finish", action="store_true", help="carry out the rest of it")
    how.add_argument("--undo", action="store_true", help="put back what was there before it")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")


def run(
    session: Session,
    *,
    id: str | None = None,
    finish: bool = False,
    undo: bool = False,
    dry_run: bool = False,
    yes: bool = False,
) -> CutOffView | RecoverPlanView | RecoverReportView | Proposal:
    from ..backend.model import NixOperation, OperationType
    from ..backend.recovering import find
    from ..errors import Refused
    from ..widgets.recovering import CutOffView, RecoverPlanView
    from .change import agree

    if finish and undo:
        raise Refused("A change is finished or undone, not both.", "Nothing was done.")
    if not finish and not undo:
        found = session.execute(OperationType.RECOVER)["cut_off"]
        return CutOffView(found if id is None else [find(session.machine, id)])
    how = "finish" if finish else "undo"
    operation = NixOperation(OperationType.RECOVER, dry_run=dry_run, options={"how": how, "id": id})
    plan = session.plan(operation)
    if dry_run:
        return RecoverPlanView(plan)
    words = " ".join(word for word in (id, f"--{how}") if word)
    result: RecoverReportView | Proposal = agree(
        session, operation, plan, yes=yes, line=f"recover {words}"
    )
    return result

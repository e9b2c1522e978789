"""Repair what is broken, through Nix.

What is found and the commands that mend it are shown first, then you are asked. With paths, these
store paths alone are compared with their hashes, and those that are broken are fetched or built
anew; without, whatever %nix doctor finds broken is repaired, with --check contents of the store
too, which takes long. Configurations are never written, and what Nix cannot repair is told.

Examples:
  %nix repair --dry-run
  %nix repair --check --yes
  %nix repair ./result
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..widgets.repairing import RepairPlanView, RepairReportView


def arguments(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a store path or a link to one")
    parser.add_argument("--check", action="store_true", help="compare all paths with their hashes")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")


def run(
    session: Session,
    *,
    paths: str | Sequence[str] = (),
    check: bool = False,
    dry_run: bool = False,
    yes: bool = False,
) -> RepairPlanView | RepairReportView:
    import shlex

    from ..backend.model import NixOperation, OperationType
    from ..wording import plural
    from .consent import ask

    named = [paths] if isinstance(paths, str) else list(paths)
    operation = NixOperation(
        type=OperationType.REPAIR, dry_run=dry_run, options={"paths": named, "check": check}
    )
    from ..widgets.repairing import RepairPlanView, RepairReportView

    if dry_run:
        return RepairPlanView(session.perform(operation)["plan"])
    plan = session.plan(operation)
    if plan.nothing_to_do:
        return RepairPlanView(plan)
    from IPython.display import display

    display(RepairPlanView(plan))  # type: ignore[no-untyped-call]
    if not yes and not plan.refused:
        where = "the PLAYGROUND" if plan.playground else session.host
        line = shlex.join(["repair", *named, *(["--check"] if check else [])])
        ask(
            f"Run {plural(len(plan.commands), 'command')} on {where}?",
            session.shell,
            f"%nix {line} --yes",
        )
    return RepairReportView(session.carry_out(operation, plan))

"""Put back what was current before the last change, or before the change with this ID.

Each change keeps what was current before it until the third later change; --list shows them. The
plan is shown first, then you are asked.

Examples:
  %nix undo --list
  %nix undo --dry-run
  %nix undo
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from .parser import Parser, add_bg
from .safety import Safety, add_safety
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    parser.add_argument("id", metavar="CHANGE", nargs="?", help="its id (the last one)")
    parser.add_argument("--list", action="store_true", help="what can be put back")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)
    add_safety(parser)


def run(
    session: Session,
    *,
    id: str | None = None,
    list: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
    **safety: Unpack[Safety],
) -> NixFrame | PlanView | ReportView | Proposal | Job[PlanView | ReportView]:
    from ..backend.model import NixOperation, OperationType
    from ..backend.roots import list_backups

    backups = list_backups(session.machine)
    if list:
        from .. import frames

        return session.labelled(frames.backups(backups))
    from .change import change

    # The change may have been of any profile; without an ID it is the last one of all.
    profile = next((b.profile for b in backups if id is None or b.id == id), None)
    operation = NixOperation(
        type=OperationType.UNDO,
        options={
            "id": id,
            "profile": profile,
            **safety,
        },
    )
    return change(session, operation, yes=yes, dry_run=dry_run, bg=bg)

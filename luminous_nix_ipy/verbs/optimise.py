"""Store files that are equal only once.

Files of the store that have the same content become links to one (nix-store(1), --optimise). It
reads the whole store, which takes long; it may be interrupted.

Examples:
  %nix optimise --dry-run
  %nix optimise --yes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_bg
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView
    from ..widgets.proposal import Proposal


def arguments(parser: Parser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)


def run(
    session: Session, *, dry_run: bool = False, yes: bool = False, bg: bool = False
) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
    from ..backend.model import NixOperation, OperationType
    from .deletion import delete

    operation = NixOperation(type=OperationType.OPTIMISE)
    return delete(session, operation, "optimise", yes=yes, dry_run=dry_run, bg=bg)

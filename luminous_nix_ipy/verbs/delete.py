"""Delete chosen generations.

The plan is shown first, then you are asked. The current, the running and the booted generation, and
those that a backup or a note keeps, are refused. What they held stays in the store until it is
collected: %nix collect.

Examples:
  %nix delete 3 --dry-run
  %nix delete 3 4 --yes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, add_bg, add_profile, number
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView
    from ..widgets.proposal import Proposal


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "generations", metavar="N", nargs="+", type=number, help="numbers of generations"
    )
    add_profile(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)


def run(
    session: Session,
    *,
    generations: int | Sequence[int],
    profile: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
    from ..backend.model import NixOperation, OperationType
    from .deletion import delete

    numbers = [generations] if isinstance(generations, int) else list(generations)
    operation = NixOperation(
        type=OperationType.DELETE_GENERATIONS,
        options={"generations": numbers, "profile": profile},
    )
    line = f"delete {' '.join(map(str, numbers))}"
    line += "" if profile is None else f" --profile {profile}"
    return delete(session, operation, line, yes=yes, dry_run=dry_run, bg=bg)

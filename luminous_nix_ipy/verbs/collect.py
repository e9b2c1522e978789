"""Delete old generations and what nothing keeps.

The plan is shown first: every generation, whether it goes and why; every path that nothing keeps
then; how much that frees. Then you are asked. Without --keep and --older-than no generation goes;
with both, one goes only where both say so. What is current, running or booted, and what a backup
or a note keeps, stays.

--keep N leaves what nix-env --delete-generations +N leaves: the current generation, the N-1 before
it, and all newer ones. --older-than 30d leaves those of the last 30 days, and the one that was
current 30 days ago.

Examples:
  %nix collect --dry-run
  %nix collect --keep 5 --older-than 30d
  %nix collect --all-profiles --keep 3 --yes
  %nix collect --max 10G --yes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_bg, add_profile, number
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView
    from ..widgets.proposal import Proposal


def arguments(parser: Parser) -> None:
    parser.add_argument("--keep", metavar="N", type=number, help="so many generations stay")
    parser.add_argument("--older-than", metavar="DAYS", help="as in 30d: younger generations stay")
    add_profile(parser)
    parser.add_argument("--all-profiles", action="store_true", help="of every profile")
    parser.add_argument("--max", metavar="SIZE", help="as in 10G: stop when that is freed")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)


def run(
    session: Session,
    *,
    keep: int | None = None,
    older_than: str | None = None,
    profile: str | None = None,
    all_profiles: bool = False,
    max: str | int | None = None,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
    from ..backend.model import NixOperation, OperationType
    from .deletion import delete

    operation = NixOperation(
        type=OperationType.GARBAGE_COLLECT,
        options={
            "keep": keep,
            "older_than": older_than,
            "profile": profile,
            "all_profiles": all_profiles,
            "max": max,
        },
    )
    given = {"--keep": keep, "--older-than": older_than, "--profile": profile, "--max": max}
    words = [f"{name} {value}" for name, value in given.items() if value is not None]
    line = " ".join(["collect", *words, *(["--all-profiles"] if all_profiles else [])])
    return delete(session, operation, line, yes=yes, dry_run=dry_run, bg=bg)

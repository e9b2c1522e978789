"""Remove packages from your own profile.

PKG is a name as %nix installed shows it, or one of its store paths. The new profile is built aside
first; then what changes is shown, and you are asked. %nix undo puts back what was there.

--declare changes nothing: it prints the lines to take out of configuration.nix or home-manager.

Examples:
  %nix remove hello
  %nix remove hello tree --dry-run
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, add_bg, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView, Text


def arguments(parser: Parser) -> None:
    parser.add_argument("packages", metavar="NAME", nargs="+", help="what to remove")
    parser.add_argument(
        "--declare", action="store_true", help="print what to take out of a configuration instead"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)
    add_profile(parser)


def run(
    session: Session,
    *,
    packages: str | Sequence[str],
    declare: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
    profile: str | None = None,
) -> PlanView | ReportView | Proposal | Text | Job[PlanView | ReportView]:
    from ..backend.model import NixOperation, OperationType

    names = [packages] if isinstance(packages, str) else list(packages)
    if declare:
        from .declaration import declaration

        return declaration(names, "take out of")
    from .change import change

    operation = NixOperation(
        type=OperationType.REMOVE, packages=names, options={"profile": profile}
    )
    return change(session, operation, yes=yes, dry_run=dry_run, bg=bg)

"""Install packages into your own profile.

PKG is an attribute of nixpkgs (hello, python3Packages.requests), an installable of a flake
(nixpkgs#hello, .#tool) or a store path. The profile's own tool does it: nix profile or nix-env,
whichever made it. The new profile is built aside first; then what changes is shown, and you are
asked. %nix undo puts back what was there.

--declare changes nothing: it prints the lines for configuration.nix or home-manager instead.

Examples:
  %nix install hello tree
  %nix install hello --dry-run
  %nix install hello --priority 4
  %nix install hello --declare
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, add_bg, add_profile, number
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView, Text


def arguments(parser: Parser) -> None:
    parser.add_argument("packages", metavar="PKG", nargs="+", help="what to install")
    parser.add_argument(
        "--declare", action="store_true", help="print what to write into a configuration instead"
    )
    parser.add_argument(
        "--priority",
        metavar="N",
        type=number,
        help="where two packages have a file, the lower number wins; 5 is usual",
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
    priority: int | None = None,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
    profile: str | None = None,
) -> PlanView | ReportView | Proposal | Text | Job[PlanView | ReportView]:
    from ..backend.model import NixOperation, OperationType

    names = [packages] if isinstance(packages, str) else list(packages)
    if declare:
        from .declaration import declaration

        return declaration(names, "write into")
    from .change import change

    operation = NixOperation(
        type=OperationType.INSTALL,
        packages=names,
        options={"profile": profile, "priority": priority},
    )
    return change(session, operation, yes=yes, dry_run=dry_run, bg=bg)

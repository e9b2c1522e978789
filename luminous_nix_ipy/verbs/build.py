"""Build the configuration, and activate nothing; ./result is then a link to it.

The configuration is found as by %nix switch. Shown is what was built, and which packages differ
from what runs now; --dry-run shows what would be built and fetched.

With --build-host another machine builds it: it is evaluated here, built there by whoever ssh logs
in as, and copied here. Nobody is asked for a password: ssh needs a key that it can use alone.
NIX_SSHOPTS and ~/.ssh/config are heeded.

Examples:
  %nix build
  %nix build --dry-run
  %nix build --flake .#laptop --max-jobs 2
  %nix build --build-host builder@big.example.org
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from .parser import Parser
from .rebuilding import Configuration, add_configuration, options_of, shown
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    add_configuration(parser)
    parser.add_argument("--link", metavar="PATH", help="where the link shall be (./result)")


def run(
    session: Session, *, link: str | None = None, **arguments: Unpack[Configuration]
) -> BuildView | PlanView | ReportView | Proposal | Job[BuildView | PlanView | ReportView]:
    from ..backend.model import NixOperation, OperationType

    options = {**options_of(arguments), "link": link}
    dry_run = arguments["dry_run"]
    operation = NixOperation(OperationType.BUILD, dry_run=dry_run, options=options)
    if arguments["bg"]:
        return session.background(operation, lambda data: shown(session, data))
    return shown(session, session.perform(operation))

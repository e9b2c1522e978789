"""Build the configuration and make it what the next boot starts; what runs goes on.

The configuration is found, built and shown as by %nix switch. Nothing is activated before the next
boot, so what is expected (--expect and the like) is not looked at.

Examples:
  %nix boot
  %nix boot --flake .#laptop --install-bootloader
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from .parser import Parser
from .rebuilding import Rebuild, add_rebuild, rebuild
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    add_rebuild(parser)


def run(
    session: Session, **arguments: Unpack[Rebuild]
) -> BuildView | PlanView | ReportView | Proposal | Job[BuildView | PlanView | ReportView]:
    from ..backend.model import OperationType

    return rebuild(session, OperationType.BOOT, **arguments)

"""Build the configuration and make it what runs and what is booted.

The configuration is found as nixos-rebuild finds it: the flake in /etc/nixos, else what
NIXOS_CONFIG or <nixos-config> names. It is built by you; then the plan is shown: packages, units,
commands and whether it needs a reboot, and you are asked. --dry-run shows what would be built;
where all is built already, the plan. With --build-host another machine builds it (see build).

A specialisation that runs now goes on where what is built has one of the same name.

Where it cannot take over from what runs, it is offered as what the next boot starts.

If a step fails, or afterwards a unit has newly failed or something expected does not hold, exactly
what was there before is put back. What is expected of every change is in the settings expect,
expect_url and expect_unit (%config NixMagics).

Examples:
  %nix switch
  %nix switch --dry-run
  %nix switch --flake /etc/nixos#laptop --specialisation on-battery
  %nix switch --file ./machines.nix --attr web --yes
  %nix switch --expect "ping -c 1 10.0.0.1" --expect-unit nginx --settle 30s
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

    return rebuild(session, OperationType.SWITCH, **arguments)

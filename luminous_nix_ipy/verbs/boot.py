"""Build the configuration and make it what the next boot starts; what runs goes on.

The configuration is found, built and shown as by %nix switch. Nothing is activated before the next
boot, so what is expected (--expect and the like) is not looked at.

Examples:
  %nix boot
  %nix boot --flake .#laptop --install-bootloader
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .rebuilding import Pairs, add_activation, add_configuration, rebuild
from .safety import Span, Texts, add_safety
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    add_configuration(parser)
    add_activation(parser)
    add_safety(parser)


def run(
    session: Session,
    *,
    flake: str | None = None,
    file: str | None = None,
    attr: str | None = None,
    specialisation: str | None = None,
    impure: bool = False,
    override_input: Pairs = None,
    option: Pairs = None,
    show_trace: bool = False,
    max_jobs: int | str | None = None,
    build_host: str | None = None,
    install_bootloader: bool = False,
    expect: Texts = None,
    expect_url: Texts = None,
    expect_unit: Texts = None,
    settle: Span = None,
    confirm_timeout: Span = None,
    force: Texts = None,
    restore: bool = True,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
) -> BuildView | PlanView | ReportView | Proposal | Job[BuildView | PlanView | ReportView]:
    from ..backend.model import OperationType

    return rebuild(
        session,
        OperationType.BOOT,
        flake=flake,
        file=file,
        attr=attr,
        specialisation=specialisation,
        impure=impure,
        override_input=override_input,
        option=option,
        show_trace=show_trace,
        max_jobs=max_jobs,
        build_host=build_host,
        install_bootloader=install_bootloader,
        expect=expect,
        expect_url=expect_url,
        expect_unit=expect_unit,
        settle=settle,
        confirm_timeout=confirm_timeout,
        force=force,
        restore=restore,
        dry_run=dry_run,
        yes=yes,
        bg=bg,
    )

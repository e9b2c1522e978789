"""Verbs that build the configuration and activate it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..verbs.session import session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..verbs.rebuilding import Pairs
    from ..verbs.safety import Span, Texts
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


class Activating:
    """Verbs that build the configuration and activate it."""

    def switch(
        self,
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
        """Build the configuration and make it what runs and what is booted.

        Args:
            flake: a flake reference, `#HOST` where the machine is not this host's name; None: as
                nixos-rebuild finds the configuration.
            file, attr: a Nix file or folder instead, and the system's attribute path in it.
            specialisation: which is to run; None: the one that runs now, "": the system itself.
            impure: let a flake read its surroundings.
            override_input: pairs of a flake's input and another reference for it.
            option: pairs of a setting of Nix and its value for this build.
            show_trace: with where an error comes from.
            max_jobs: builds at the same time, or "auto".
            build_host: the machine that builds it, over ssh: "HOST" or "USER@HOST".
            install_bootloader: install the boot loader itself too.
            expect, expect_url, expect_unit: command lines that must succeed afterwards, URLs that
                must answer with 2xx or 3xx, systemd units that must be active; one or several. If
                one does not hold, what was there before is put back.
            settle: watch so long before it is confirmed: seconds, or text such as "2m".
            confirm_timeout: put it back after so long without a sign of life of this kernel.
            force: checks that may be red; one or several names.
            restore: False leaves all as it is when a step fails.
            dry_run: only return what would be built or, where all is built, the plan.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.

        Example:
            >>> nix.switch(dry_run=True)
        """
        from ..verbs.switch import run

        return run(
            session(),
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

    def boot(
        self,
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
        """Build the configuration and make it what the next boot starts.

        Args: as of `switch`.

        Example:
            >>> nix.boot(dry_run=True)
        """
        from ..verbs.boot import run

        return run(
            session(),
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

    def test(
        self,
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
        """Build the configuration and run it until the next boot.

        Args: as of `switch`.

        Example:
            >>> nix.test(dry_run=True)
        """
        from ..verbs.test import run

        return run(
            session(),
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

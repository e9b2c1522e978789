"""Verbs that build the configuration, and what it is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..frames import NixFrame
    from ..jobs import Job
    from ..verbs.rebuilding import Pairs
    from ..widgets.building import BuildView
    from ..widgets.show import PlanView, ReportView, Text


class Building:
    """Verbs that build the configuration, and what it is built from."""

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
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
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
            install_bootloader: install the boot loader itself too.
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
            install_bootloader=install_bootloader,
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
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
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
            install_bootloader=install_bootloader,
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
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
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
            install_bootloader=install_bootloader,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    def build(
        self,
        *,
        flake: str | None = None,
        file: str | None = None,
        attr: str | None = None,
        impure: bool = False,
        override_input: Pairs = None,
        option: Pairs = None,
        show_trace: bool = False,
        max_jobs: int | str | None = None,
        link: str | None = None,
        dry_run: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
        """Build the configuration, and activate nothing.

        Args: as of `switch`, and
            link: where the link to it shall be; None: ./result.

        Example:
            >>> nix.build().packages
        """
        from ..verbs.build import run

        return run(
            session(),
            flake=flake,
            file=file,
            attr=attr,
            impure=impure,
            override_input=override_input,
            option=option,
            show_trace=show_trace,
            max_jobs=max_jobs,
            link=link,
            dry_run=dry_run,
            bg=bg,
        )

    def update(
        self,
        inputs: str | Sequence[str] = (),
        *,
        flake: str | None = None,
        channels: bool = False,
        commit: bool = False,
        inputs_only: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> (
        NixFrame
        | BuildView
        | PlanView
        | ReportView
        | Job[NixFrame | BuildView | PlanView | ReportView]
    ):
        """Bring the flake's inputs, or root's channels, to their newest, then switch.

        Args:
            inputs: only these; one or several names.
            flake: another flake than the configuration's.
            channels: root's channels, although there is a flake.
            commit: let Nix commit flake.lock.
            inputs_only: return what was updated, without a switch.
            dry_run: only return what there is now.
            yes: agree beforehand; else questions are asked.
            bg: go on beside the notebook and return a job to await.

        Example:
            >>> nix.update("nixpkgs", inputs_only=True, yes=True)
        """
        from ..verbs.update import run

        return run(
            session(),
            inputs=inputs,
            flake=flake,
            channels=channels,
            commit=commit,
            inputs_only=inputs_only,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    @overload
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """What the configuration is built from: the flake's inputs, or root's channels.

        Args:
            flake: another flake than the configuration's.
            channels: root's channels, although there is a flake.
            all_columns: with addresses, versions and whole revisions.
            json: as JSON text.

        Example:
            >>> nix.inputs().nlargest(3, "age_days")
        """
        from ..verbs.inputs import run

        return run(session(), flake=flake, channels=channels, all_columns=all_columns, json=json)

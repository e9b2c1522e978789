"""Verbs that build the configuration, and what it is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..frames import NixFrame
    from ..jobs import Job
    from ..verbs.rebuilding import Pairs
    from ..verbs.safety import Span, Texts
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView, Text


class Building:
    """Verbs that build the configuration, and what it is built from."""

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
        build_host: str | None = None,
        link: str | None = None,
        dry_run: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Proposal | Job[BuildView | PlanView | ReportView]:
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
            build_host=build_host,
            link=link,
            dry_run=dry_run,
            bg=bg,
        )

    def update(
        self,
        inputs: str | Sequence[str] = (),
        *,
        flake: str | None = None,
        build_host: str | None = None,
        channels: bool = False,
        commit: bool = False,
        inputs_only: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> (
        NixFrame
        | BuildView
        | PlanView
        | ReportView
        | Proposal
        | Job[NixFrame | BuildView | PlanView | ReportView]
    ):
        """Bring the flake's inputs, or root's channels, to their newest, then switch.

        Args:
            inputs: only these; one or several names.
            flake: another flake than the configuration's.
            build_host: as of `switch`.
            channels: root's channels, although there is a flake.
            commit: let Nix commit flake.lock.
            inputs_only: return what was updated, without a switch.
            dry_run: only return what there is now.
            yes: agree beforehand; else questions are asked.
            bg: go on beside the notebook and return a job to await.
            expect, expect_url, expect_unit, settle, confirm_timeout, force, restore: as of
                `switch`.

        Example:
            >>> nix.update("nixpkgs", inputs_only=True, yes=True)
        """
        from ..verbs.update import run

        return run(
            session(),
            inputs=inputs,
            flake=flake,
            build_host=build_host,
            channels=channels,
            commit=commit,
            inputs_only=inputs_only,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            expect=expect,
            expect_url=expect_url,
            expect_unit=expect_unit,
            settle=settle,
            confirm_timeout=confirm_timeout,
            force=force,
            restore=restore,
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

"""Verbs of the user's own packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..frames import NixFrame
    from ..jobs import Job
    from ..shell_path import PackageShell
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView, Text


class Packages:
    """Verbs of the user's own packages."""

    def install(
        self,
        packages: str | Sequence[str],
        *,
        declare: bool = False,
        priority: int | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        profile: str | None = None,
    ) -> PlanView | ReportView | Proposal | Text | Job[PlanView | ReportView]:
        """Install packages into your own profile: show what changes, ask, do it.

        Args:
            packages: attributes of nixpkgs, installables of flakes or store paths; one or several.
            declare: only return what to write into a configuration instead.
            priority: where two packages have the same file, the lower number wins; 5 is usual.
            dry_run: only return the plan; nothing is built.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.
            profile: a profile other than your own.

        Example:
            >>> nix.install("hello", dry_run=True)
        """
        from ..verbs.install import run

        return run(
            session(),
            packages=packages,
            declare=declare,
            priority=priority,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            profile=profile,
        )

    def remove(
        self,
        packages: str | Sequence[str],
        *,
        declare: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        profile: str | None = None,
    ) -> PlanView | ReportView | Proposal | Text | Job[PlanView | ReportView]:
        """Remove packages from your own profile: show what changes, ask, do it.

        Args:
            packages: names as `nix.installed()` has them, or store paths; one or several.
            declare: only return what to take out of a configuration instead.
            dry_run: only return the plan; nothing is built.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.
            profile: a profile other than your own.

        Example:
            >>> nix.remove("hello", dry_run=True)
        """
        from ..verbs.remove import run

        return run(
            session(),
            packages=packages,
            declare=declare,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            profile=profile,
        )

    @overload
    def installed(
        self,
        *,
        profile: str | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def installed(
        self, *, profile: str | None = None, all_columns: bool = False, json: Literal[True]
    ) -> Text: ...
    def installed(
        self, *, profile: str | None = None, all_columns: bool = False, json: bool = False
    ) -> object:
        """What is installed in your own profile.

        Args:
            profile: another profile.
            all_columns: with the locked flake, outputs and store paths.
            json: as JSON text.

        Example:
            >>> nix.installed().name
        """
        from ..verbs.installed import run

        return run(session(), profile=profile, all_columns=all_columns, json=json)

    def shell(
        self, packages: str | Sequence[str] = (), *, exit: bool = False
    ) -> PackageShell | Text:
        """Put packages into the PATH of this process, until the context is left.

        Args:
            packages: attributes of nixpkgs, installables or store paths; none shows what is there.
            exit: take away what was put there last.

        Example:
            >>> with nix.shell("hello"):
            ...     subprocess.run(["hello"])
        """
        from ..verbs.shell import run

        return run(session(), packages=packages, exit=exit)

"""Verbs that look at generations and at what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import StatusView, Text


class Looking:
    """Verbs that look at generations and at what was done."""

    @overload
    def status(self, *, json: Literal[False] = False) -> StatusView: ...
    @overload
    def status(self, *, json: Literal[True]) -> Text: ...
    def status(self, *, json: bool = False) -> object:
        """The machine at a glance.

        Example:
            >>> nix.status()
        """
        from ..verbs.status import run

        return run(session(), json=json)

    @overload
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """The generations of a profile, newest first.

        Args:
            profile: its name or path; None is the system's, else the user's own.
            sizes: with the bytes of each closure, and those in no other generation.
            all_columns: with revision, specialisations, description, note and paths.
            json: as JSON text with the keys of nixos-rebuild.

        Example:
            >>> nix.list(sizes=True).nlargest(3, "unique_bytes")
        """
        from ..verbs.list import run

        return run(session(), profile=profile, sizes=sizes, all_columns=all_columns, json=json)

    @overload
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: Literal[True],
    ) -> Text: ...
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: bool = False,
    ) -> object:
        """Which packages differ between two generations or store paths.

        Args:
            before: a number, "booted", "running", "current", "previous", a store path or a link to
                one; None is the previous generation.
            after: the same; None is the current one.
            profile: whose generations are meant.
            json: as JSON text.

        Example:
            >>> nix.diff(41, 42).query("change == 'upgraded'")
        """
        from ..verbs.diff import run

        return run(session(), before=before, after=after, profile=profile, json=json)

    @overload
    def journal(
        self,
        *,
        last: int | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def journal(
        self, *, last: int | None = None, all_columns: bool = False, json: Literal[True]
    ) -> Text: ...
    def journal(
        self, *, last: int | None = None, all_columns: bool = False, json: bool = False
    ) -> object:
        """What was changed, newest first: when, by whom, with what outcome.

        Args:
            last: only so many.
            all_columns: with the commands that were run, what went wrong, paths and ids.
            json: as JSON text.

        Example:
            >>> nix.journal(last=5)
        """
        from ..verbs.journal import run

        return run(session(), last=last, all_columns=all_columns, json=json)

    def metrics(self) -> NixFrame:
        """What was asked of the backend in this kernel: how often, with what success, how fast.

        Example:
            >>> nix.metrics()
        """
        from ..verbs.metrics import run

        return run(session())

"""Verbs that look at generations and at what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from ..frames import NixFrame
    from ..widgets.browser import Browser
    from ..widgets.dashboard import Dashboard
    from ..widgets.journal import ChangeView
    from ..widgets.plots import PlotView
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

    def dashboard(self) -> Dashboard:
        """What an operator looks at in the morning, in one cell that keeps itself true.

        Example:
            >>> nix.dashboard()
        """
        from ..verbs.dashboard import run

        return run(session())

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

    def browse(self, *, profile: str | None = None) -> Browser:
        """The generations of a profile, to sort, filter, compare and act on.

        Args:
            profile: its name or path; None is the system's, else the user's own.

        Example:
            >>> nix.browse()
        """
        from ..verbs.browse import run

        return run(session(), profile=profile)

    def plot(
        self,
        kind: str,
        names: str | Sequence[str] = (),
        *,
        profile: str | None = None,
        last: int | None = None,
    ) -> PlotView:
        """A plot of the past; its `.data` is a DataFrame, its `.figure` one of matplotlib.

        Args:
            kind: "sizes" of generations, "versions" of packages in them, or "builds": how long they
                took.
            names: the packages whose versions to plot.
            profile: whose generations; its name or path.
            last: only so many of the newest; of builds, the names that were built last.

        Example:
            >>> nix.plot("versions", ["linux", "openssl"]).data
        """
        from ..verbs.plot import run

        return run(session(), kind=kind, names=names, profile=profile, last=last)

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
        since: str | None = None,
        until: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        profile: str | None = None,
        user: str | None = None,
        id: None = None,
        verify: bool = False,
        export: None = None,
        yes: bool = False,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def journal(self, *, id: str, json: Literal[False] = False) -> ChangeView: ...
    @overload
    def journal(
        self,
        *,
        last: int | None = None,
        since: str | None = None,
        until: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        profile: str | None = None,
        user: str | None = None,
        export: str | PathLike[str],
        yes: bool = False,
    ) -> Text: ...
    @overload
    def journal(
        self,
        *,
        last: int | None = None,
        since: str | None = None,
        until: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        profile: str | None = None,
        user: str | None = None,
        id: str | None = None,
        verify: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def journal(
        self,
        *,
        last: int | None = None,
        since: str | None = None,
        until: str | None = None,
        operation: str | None = None,
        outcome: str | None = None,
        profile: str | None = None,
        user: str | None = None,
        id: str | None = None,
        verify: bool = False,
        export: str | PathLike[str] | None = None,
        yes: bool = False,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """What was changed, newest first: when, by whom, with what outcome.

        Args:
            last: only so many.
            since: begun at that date or phrase, or later, such as "3 days ago".
            until: begun then or before.
            operation: such as "rollback", or "rollback boot" for that mode alone.
            outcome: "done", "failed", "restored", "interrupted", "cut off" or "under way".
            profile: whose changes; a name or a path.
            user: whoever did it, also through sudo or doas.
            id: one change in full: its intent, its checks, what was run and how it ended.
            verify: go through the whole journals, and raise a NixError where a line was changed,
                taken away or put between.
            export: a file to write: what was chosen as .csv or .json, else every line, verified.
            yes: replace that file.
            all_columns: with the commands that were run, what went wrong, paths and ids.
            json: as JSON text.

        Example:
            >>> nix.journal(since="last week", outcome="failed")
        """
        from ..verbs.journal import run

        return run(
            session(),
            last=last,
            since=since,
            until=until,
            operation=operation,
            outcome=outcome,
            profile=profile,
            user=user,
            id=id,
            verify=verify,
            export=export,
            yes=yes,
            all_columns=all_columns,
            json=json,
        )

    def metrics(self) -> NixFrame:
        """What was asked of the backend in this kernel: how often, with what success, how fast.

        Example:
            >>> nix.metrics()
        """
        from ..verbs.metrics import run

        return run(session())

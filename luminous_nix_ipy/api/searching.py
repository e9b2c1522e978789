"""Verbs that look for packages, options and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..frames import NixFrame
    from ..jobs import Job
    from ..widgets.entries import OptionView, PackageView
    from ..widgets.search_box import SearchBox
    from ..widgets.show import Text

    IndexAction = Literal["status", "update", "add", "remove"]
    OptionKind = Literal["nixos", "home-manager", "darwin"]


class Searching:
    """Verbs that look for packages, options and commands."""

    @overload
    def search(
        self,
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
    ) -> SearchBox: ...
    @overload
    def search(
        self,
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
        program: str,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def search(
        self,
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
        program: str,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    @overload
    def search(
        self,
        words: str | Sequence[str],
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
        program: str | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def search(
        self,
        words: str | Sequence[str],
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
        program: str | None = None,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def search(
        self,
        words: str | Sequence[str] = (),
        *,
        exact: bool = False,
        limit: int | None = None,
        channel: str | None = None,
        flake: str | None = None,
        installed: bool = False,
        license: str | None = None,
        program: str | None = None,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """Packages by words, the likeliest first.

        Args:
            words: in any order; may be misspelt a little. Without them, and without `program`, a
                notebook with widgets shows a box that searches while you type.
            exact: only what is called exactly so.
            limit: at most so many; None is 20.
            channel: in the index of this name.
            flake: in the index of this flake.
            installed: only what this machine has.
            license: only of a licence called so.
            program: only what has this command.
            all_columns: with home pages, positions, flags and more.
            json: as JSON text.

        Example:
            >>> nix.search("text editor").attribute
        """
        from ..verbs.search import run

        return run(
            session(),
            words=words,
            exact=exact,
            limit=limit,
            channel=channel,
            flake=flake,
            installed=installed,
            license=license,
            program=program,
            all_columns=all_columns,
            json=json,
        )

    @overload
    def info(
        self,
        package: str,
        *,
        channel: str | None = None,
        flake: str | None = None,
        json: Literal[False] = False,
    ) -> PackageView: ...
    @overload
    def info(
        self,
        package: str,
        *,
        channel: str | None = None,
        flake: str | None = None,
        json: Literal[True],
    ) -> Text: ...
    def info(
        self,
        package: str,
        *,
        channel: str | None = None,
        flake: str | None = None,
        json: bool = False,
    ) -> object:
        """One package in full, its versions in every index, and whether this machine has it.

        Args:
            package: an attribute of nixpkgs, a package's own name or its main program.
            channel: in the index of this name.
            flake: in the index of this flake.
            json: as JSON text.

        Example:
            >>> nix.info("ripgrep").package.entry.version
        """
        from ..verbs.info import run

        return run(session(), package=package, channel=channel, flake=flake, json=json)

    @overload
    def which(self, command: str, *, json: Literal[False] = False) -> NixFrame: ...
    @overload
    def which(self, command: str, *, json: Literal[True]) -> Text: ...
    def which(self, command: str, *, json: bool = False) -> object:
        """The packages that have a command.

        Args:
            command: its name.
            json: as JSON text.

        Example:
            >>> nix.which("rg").attribute
        """
        from ..verbs.which import run

        return run(session(), command=command, json=json)

    @overload
    def options(
        self,
        *,
        exact: bool = False,
        limit: int | None = None,
        kind: OptionKind | None = None,
    ) -> SearchBox: ...
    @overload
    def options(
        self,
        words: str | Sequence[str],
        *,
        exact: bool = False,
        limit: int | None = None,
        kind: OptionKind | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def options(
        self,
        words: str | Sequence[str],
        *,
        exact: bool = False,
        limit: int | None = None,
        kind: OptionKind | None = None,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def options(
        self,
        words: str | Sequence[str] = (),
        *,
        exact: bool = False,
        limit: int | None = None,
        kind: OptionKind | None = None,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """Options of NixOS, home-manager and nix-darwin by words, the likeliest first.

        Args:
            words: in any order; parts of the name or its description. Without them a notebook
                with widgets shows a box that searches while you type.
            exact: only what is called exactly so.
            limit: at most so many; None is 20.
            kind: of one alone.
            all_columns: every column, none shortened.
            json: as JSON text.

        Example:
            >>> nix.options("nginx vhost ssl").name
        """
        from ..verbs.options import run

        return run(
            session(),
            words=words,
            exact=exact,
            limit=limit,
            kind=kind,
            all_columns=all_columns,
            json=json,
        )

    @overload
    def option(
        self,
        name: str,
        *,
        kind: OptionKind | None = None,
        no_value: bool = False,
        json: Literal[False] = False,
    ) -> OptionView: ...
    @overload
    def option(
        self,
        name: str,
        *,
        kind: OptionKind | None = None,
        no_value: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def option(
        self,
        name: str,
        *,
        kind: OptionKind | None = None,
        no_value: bool = False,
        json: bool = False,
    ) -> object:
        """One option in full, with what this machine's configuration gives it.

        Args:
            name: its path; a name may stand where the option has a placeholder.
            kind: whose option.
            no_value: evaluate nothing.
            json: as JSON text.

        Example:
            >>> nix.option("services.openssh.enable").value
        """
        from ..verbs.option import run

        return run(session(), name=name, kind=kind, no_value=no_value, json=json)

    def index(
        self,
        action: IndexAction | None = None,
        names: str | Sequence[str] = (),
        *,
        name: str | None = None,
        kind: str | None = None,
        sha256: str | None = None,
        bg: bool = False,
        json: bool = False,
    ) -> NixFrame | Text | Job[NixFrame | Text]:
        """The indexes that are searched: which there are, how old, and getting them.

        Args:
            action: None is "status".
            names: which; to add, the channel, URL, path or flake.
            name: what to call what is added.
            kind: what it lists: packages, nixos, home-manager, darwin or programs.
            sha256: the checksum of what is fetched, in hexadecimal digits.
            bg: go on beside the notebook and return a job to await.
            json: as JSON text.

        Example:
            >>> nix.index("update")
        """
        from ..verbs.index import run

        return run(
            session(),
            action=action,
            names=names,
            name=name,
            kind=kind,
            sha256=sha256,
            bg=bg,
            json=json,
        )

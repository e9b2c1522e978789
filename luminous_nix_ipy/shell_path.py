"""Packages in the PATH of this process, and so of every program that it starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from .errors import NotFound

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

_entered: list[PackageShell] = []


def entered() -> tuple[PackageShell, ...]:
    """Those that are in PATH now, the last one last."""
    return tuple(_entered)


class PackageShell:
    """Packages whose programs are found first while it is entered.

    Leaving it takes away exactly what entering it added, whatever else has changed PATH since; what
    kept the packages from the garbage collector goes too.

    Attributes:
        packages: what was asked for.
        paths: their store paths.
        folders: those of their `bin` folders that there are.

    Raises:
        NotFound: none of the packages has a program.
    """

    def __init__(
        self,
        packages: Sequence[str],
        paths: Sequence[str],
        kept: TemporaryDirectory[str] | None = None,
    ) -> None:
        """`kept`: the folder of the links that keep them, which goes at the end."""
        self._kept = kept
        self.packages = tuple(packages)
        self.paths = tuple(paths)
        folders = (os.path.join(path, "bin") for path in paths)
        self.folders = tuple(dict.fromkeys(filter(os.path.isdir, folders)))
        if not self.folders:
            raise NotFound(
                f"{', '.join(packages)} has no program to put into PATH.",
                f"There is no folder bin in {', '.join(paths)}.",
                ["Choose an output that has one, such as nixpkgs#NAME^bin."],
            )

    @property
    def path(self) -> str:
        """The folders, as PATH has them."""
        return os.pathsep.join(self.folders)

    def enter(self) -> None:
        """Put the folders first in PATH; once entered, it stays as it is."""
        if self in _entered:
            return
        os.environ["PATH"] = os.pathsep.join(filter(None, (self.path, os.environ.get("PATH"))))
        _entered.append(self)

    def exit(self) -> None:
        """Take the folders away again."""
        if self not in _entered:
            return
        _entered.remove(self)
        there = os.environ.get("PATH", "").split(os.pathsep)
        for folder in self.folders:
            if folder in there:
                there.remove(folder)
        os.environ["PATH"] = os.pathsep.join(there)
        if self._kept is not None:
            self._kept.cleanup()

    def __enter__(self) -> PackageShell:
        self.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.exit()

    def __repr__(self) -> str:
        names = ", ".join(self.packages)
        state = "first in PATH" if self in _entered else "not in PATH"
        return f"{names}: {state} ({self.path})\nTake it away again: %nix shell --exit"

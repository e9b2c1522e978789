"""Store paths that were built, to be shown and to be used."""

from __future__ import annotations

from collections.abc import Iterator

from ..html import render
from ..wording import printable


class StorePaths:
    """Store paths. `str()` of it, and so `!ls {paths}`, is the paths; one alone can be opened.

    Attributes:
        paths: the paths, a tuple of str.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths

    def __str__(self) -> str:
        return " ".join(self.paths)

    def __fspath__(self) -> str:
        """Raises: ValueError: there are several."""
        (path,) = self.paths
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> str:
        return self.paths[index]

    def __repr__(self) -> str:
        return "\n".join(map(printable, self.paths))

    def _repr_html_(self) -> str:
        return render("text", lines=list(self.paths))

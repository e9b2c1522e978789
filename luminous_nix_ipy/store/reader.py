"""The two ways to read one contract: what a reader answers, and the one that reads directly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from typing import Protocol, TypeVar

from msgspec.structs import replace

from ..machine import Machine
from ..records import Closure, Generation, Profile
from .database import StoreDatabase, open_database
from .generations import list_generations
from .versions import Packages

_T = TypeVar("_T")


class ReaderProtocol(Protocol):
    """Reads what Nix keeps. Both readers return the same records for the same machine.

    Every method may raise DatabaseUnreadable (the direct reader) or CommandFailed (the command
    reader). Paths are whole store paths.
    """

    @property
    def name(self) -> str:
        """ "direct" or "command"."""

    async def generations(
        self,
        profile: Profile,
        *,
        details: bool = True,
        sizes: bool = False,
        kept: Collection[str] = frozenset(),
    ) -> list[Generation]:
        """The generations of a profile, newest first; `kept`: store paths that our roots keep."""

    async def closure(self, path: str) -> Closure:
        """Everything that a store path needs. Raises: NotFound: it is not valid in the store."""

    async def sizes(self, paths: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Path -> (bytes of its closure, bytes of it that are in no other closure of `paths`).
        Paths that are not valid are left out."""

    async def packages(self, paths: Sequence[str], names: Collection[str]) -> Packages:
        """What the closures of store paths have of these names. Paths that are not valid are left
        out."""

    async def is_valid(self, path: str) -> bool:
        """Whether the store has registered the path."""

    async def missing(self, path: str) -> list[str]:
        """The paths of its closure that are not valid or not on disk."""

    async def totals(self) -> tuple[int, int]:
        """Number of valid paths, and the sum of their NAR sizes in bytes."""


class DirectReader:
    """Reads profile links, files and the store's database itself, in worker threads."""

    name = "direct"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    async def generations(
        self,
        profile: Profile,
        *,
        details: bool = True,
        sizes: bool = False,
        kept: Collection[str] = frozenset(),
    ) -> list[Generation]:
        found = await asyncio.to_thread(
            list_generations, self.machine, profile, details=details, kept=kept
        )
        return with_sizes(found, await self.sizes(paths_of(found))) if sizes else found

    async def closure(self, path: str) -> Closure:
        return await self._ask(lambda database: database.closure(path))

    async def sizes(self, paths: Sequence[str]) -> dict[str, tuple[int, int]]:
        return await self._ask(lambda database: database.sizes(paths))

    async def packages(self, paths: Sequence[str], names: Collection[str]) -> Packages:
        return await self._ask(lambda database: database.packages(paths, names))

    async def is_valid(self, path: str) -> bool:
        return await self._ask(lambda database: database.is_valid(path))

    async def missing(self, path: str) -> list[str]:
        return await self._ask(lambda database: database.missing(path))

    async def totals(self) -> tuple[int, int]:
        return await self._ask(lambda database: database.totals())

    async def _ask(self, question: Callable[[StoreDatabase], _T]) -> _T:
        """The answer of the database, opened for this question in a worker thread."""

        def answer() -> _T:
            with closing(open_database(self.machine)) as database:
                return question(database)

        return await asyncio.to_thread(answer)


def paths_of(generations: Sequence[Generation]) -> list[str]:
    """The distinct store paths of some generations, in their order."""
    return list(dict.fromkeys(g.path for g in generations if g.path is not None))


def with_sizes(
    generations: Sequence[Generation], sizes: Mapping[str, tuple[int, int]]
) -> list[Generation]:
    """The generations with closure_bytes and unique_bytes; None for those `sizes` does not name.
    Generations of one path share all of it, so that none of it is unique to either."""
    times = Counter(g.path for g in generations)
    return [
        replace(
            g,
            closure_bytes=sizes[g.path][0],
            unique_bytes=sizes[g.path][1] if times[g.path] == 1 else 0,
        )
        if g.path is not None and g.path in sizes
        else g
        for g in generations
    ]

"""Find packages and options in an index file: by words, by name, by command, by what is near.

    index = open_packages(path)                     # or open_options(path)
    index.search("vs code", limit=10)               # -> [SearchHit[PackageEntry], …], best first
    index.search("editor", keep=lambda entry: not entry.unfree)
    index.find("firefox")                           # -> PackageEntry | None
    index.close_names("fierfox")                    # -> ["firefox", …]
    index.with_program("rg")                        # -> [PackageEntry, …]
    index.complete("fire", limit=20)                # -> ["firefox", …]
    index.facts                                     # -> IndexFacts

An index is read-only: any number of kernels may read one file, and threads may share what is
opened, taking turns. A file that is replaced (`index_build`) goes on answering those who opened it
before; whoever opens it anew reads the new one. No process is started.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

from ..errors import IndexUnusable
from ..search_records import EntryT, IndexFacts, OptionEntry, PackageEntry, SearchHit
from . import index_match
from .index_rank import OPTIONS, PACKAGES, Weights, nearest, rate
from .index_records import record
from .index_schema import connect, facts_of, unusable
from .index_words import key, valid

_T = TypeVar("_T")
_LIKELIEST = 120
"""Documents that are rated, of each degree of strictness …"""
_MOST_LIKELIEST = 2000
"""… and where many may be refused."""
_RECORD = (
    "select record, list from document join entry using (number)"
    " left join platforms on platforms.number = platforms where document.name = ?"
)
_LAST = "\U0010ffff"


class Index(Generic[EntryT]):
    """An open index. Made by `open_packages` and `open_options`."""

    def __init__(self, path: str, entry_type: type[EntryT], weights: Weights) -> None:
        self.path = path
        self._weights = weights
        self._lock = threading.Lock()
        self._entry_type: type[EntryT] = entry_type
        self._connection = connect(path)
        self.facts: IndexFacts = self._read(lambda connection: facts_of(connection, path))
        listed = "packages" if self.facts.source.kind == "packages" else "options"
        if (listed == "packages") != (entry_type is PackageEntry):
            self.close()
            raise IndexUnusable(
                f"The index {path} cannot be used for this: it lists {listed}.",
                f"It was made from {self.facts.source.origin}.",
            )

    def close(self) -> None:
        """Let go of the file. Asking afterwards raises IndexUnusable."""
        with self._lock:
            self._connection.close()

    def search(
        self,
        query: str,
        limit: int = 20,
        *,
        exact: bool = False,
        keep: Callable[[EntryT], bool] | None = None,
    ) -> list[SearchHit[EntryT]]:
        """The entries that answer a query best, best first; `index_rank` tells how they are rated.

        Args:
            query: what a user types: words in any order, however separated. Nothing in it is
                syntax; what has no letter and no digit finds nothing.
            limit: how many are wanted at most.
            exact: only entries of exactly this name (attribute, package name, last component or
                program), case and separators aside; no other spelling is tried.
            keep: which entries may be given; of the first few thousand that match.

        Raises:
            IndexUnusable: the file is damaged, or was closed.
        """
        query = valid(query)
        most = _LIKELIEST if keep is None else _MOST_LIKELIEST
        return self._read(
            lambda connection: self._search(connection, query, limit, most, exact, keep)
        )

    def find(self, name: str) -> EntryT | None:
        """The entry of this very name: an attribute path, or an option's path."""
        name = valid(name)
        found = self._read(lambda connection: list(self._entries(connection, [name])))
        return found[0] if found else None

    def close_names(self, name: str, count: int = 5) -> list[str]:
        """Names that may have been meant by one that does not exist, the likeliest first; none
        where nothing is near."""
        name = valid(name)

        def work(connection: sqlite3.Connection) -> list[str]:
            question = index_match.understand(connection, name, self.facts.entries)
            found = index_match.candidates(connection, question, _LIKELIEST)
            return nearest(name, rate(question, found, self._weights))[:count]

        return self._read(work)

    def complete(self, prefix: str, limit: int = 50) -> list[str]:
        """Names that begin with `prefix`, as it is written, the most prominent first."""
        prefix = valid(prefix)
        return self._read(
            lambda connection: [
                row[0]
                for row in connection.execute(
                    "select name from document where name >= ? and name < ? order by id limit ?",
                    (prefix, prefix + _LAST, limit),
                )
            ]
        )

    def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        with self._lock:
            try:
                return work(self._connection)
            except (sqlite3.Error, msgspec.MsgspecError) as error:
                raise unusable(self.path, error) from error

    def _search(
        self,
        connection: sqlite3.Connection,
        query: str,
        limit: int,
        most: int,
        exact: bool,
        keep: Callable[[EntryT], bool] | None,
    ) -> list[SearchHit[EntryT]]:
        question = index_match.understand(connection, query, self.facts.entries)
        found = index_match.candidates(connection, question, most, exact=exact)
        hits: list[SearchHit[EntryT]] = []
        for score, matched, row in rate(question, found, self._weights):
            if len(hits) == limit:
                break
            for entry in self._entries(connection, [row.name]):
                if keep is None or keep(entry):
                    hits.append(SearchHit(entry, round(score, 4), matched))
        return hits

    def _entries(self, connection: sqlite3.Connection, names: Iterable[str]) -> Iterator[EntryT]:
        for name in names:
            row = connection.execute(
                _RECORD,
                (name,),
            ).fetchone()
            if row is not None:
                yield record(self._entry_type, *row)


class PackageIndex(Index[PackageEntry]):
    """An open index of packages."""

    def with_program(self, command: str, limit: int = 20) -> list[PackageEntry]:
        """The packages that bring this very command, those whose main program it is first.

        Only main programs are known where the list tells of no others.
        """

        def work(connection: sqlite3.Connection) -> list[PackageEntry]:
            rows = index_match.of_key(connection, key(valid(command)))
            found = list(self._entries(connection, (row.name for row in rows)))
            found = [e for e in found if command == e.main_program or command in e.programs]
            found.sort(key=lambda entry: entry.main_program != command)
            return found[:limit]

        return self._read(work)


class OptionIndex(Index[OptionEntry]):
    """An open index of the options of one module system."""


def open_packages(path: str) -> PackageIndex:
    """Open an index of packages.

    Raises:
        IndexUnusable: there is none, it is damaged, of options, of another schema than this
            version's, or this Python's SQLite has no FTS5; its sentence says which, and what helps.
    """
    return PackageIndex(path, PackageEntry, PACKAGES)


def open_options(path: str) -> OptionIndex:
    """Open an index of options; raises as `open_packages` does."""
    return OptionIndex(path, OptionEntry, OPTIONS)

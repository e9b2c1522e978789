"""Make the index file of one source, beside the old one, and put it in its place when it is whole.

    facts = build_index(path, IndexSource(name="nixos-26.05", kind="packages", origin=url), entries)

`entries` is any iterable of `PackageEntry` (kind "packages") or `OptionEntry` (the other kinds),
such as the generators `package_list.read_packages` and `option_list.read_options`; it is read once,
in one pass. Who has the old file open keeps reading it. What fails or is interrupted, in here or in
`entries`, leaves the old file as it was and nothing beside it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from functools import cache
from itertools import chain, islice

import msgspec
from msgspec.structs import astuple, replace

from ..errors import IndexUnusable
from ..search_records import IndexFacts, IndexSource, OptionEntry, PackageEntry
from .index_bundles import bundled_commands
from .index_documents import Document, Reader
from .index_match import idf
from .index_prominence import Prominence, option_prominence, package_prominence
from .index_records import pack, record
from .index_schema import (
    ATTRIBUTE,
    BUNDLED,
    COMMAND,
    INDEXES,
    LEAF,
    PROGRAM,
    SITE,
    TABLES,
    VERSION,
    check_fts5,
    connect,
    facts_of,
)
from .index_sites import project_names
from .index_spelling import letters

Entry = PackageEntry | OptionEntry
OnProgress = Callable[[int], None]
"""Told how many entries have been read, now and then."""

_BATCH = 2000


def build_index(
    path: str,
    source: IndexSource,
    entries: Iterable[Entry],
    on_progress: OnProgress | None = None,
    named: Collection[str] = (),
) -> IndexFacts:
    """Build the index of `entries` at `path`, whose folder is made if it is not there.

    Two entries of one name count as the first of them. `named`: attribute paths of packages that
    options speak of (`index_named`), which are better known than others.

    Raises:
        IndexUnusable: the folder cannot be written, the disk is full, SQLite has no FTS5, or there
            is not one entry. The index that was at `path` is as it was.
        whatever `entries` raises.
    """
    folder = os.path.dirname(os.path.abspath(path))
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".index-", suffix=".part", dir=folder)
        os.close(handle)
        count = _write(temporary, source, entries, on_progress, named)
        if count == 0:
            raise IndexUnusable(
                f"No index of {source.name} was built: its list is empty.",
                f"It was read from {source.origin}.",
            )
        _sync(temporary)
        os.replace(temporary, path)
        temporary = None
        _sync(folder)
    except (OSError, sqlite3.Error) as error:
        raise IndexUnusable(
            f"The index of {source.name} could not be written to {path}.",
            f"{error}.",
            ["See that the folder may be written and its disk has room for 150 MB."],
        ) from error
    finally:
        if temporary is not None:
            for suffix in ("", "-journal"):
                with contextlib.suppress(OSError):
                    os.unlink(temporary + suffix)
    return read_facts(path)


def read_facts(path: str) -> IndexFacts:
    """What the index file at `path` says of itself.

    Raises:
        IndexUnusable: there is none, it cannot be read, or it is of another schema.
    """
    with closing(connect(path)) as connection:
        return facts_of(connection, path)


def _write(
    path: str,
    source: IndexSource,
    entries: Iterable[Entry],
    on_progress: OnProgress | None,
    named: Collection[str],
) -> int:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        check_fts5(connection)
        # Nothing reads this file before it is whole, and its folder is synced at the end.
        connection.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma page_size = 4096;"
            "pragma cache_size = -32768; pragma temp_store = memory; begin;" + TABLES
        )
        count = _fill(connection, source, entries, on_progress, named)
        built = datetime.now().astimezone().isoformat(timespec="seconds")
        meta = {
            "schema": str(VERSION),
            "source": msgspec.json.encode(source).decode(),
            "built": built,
            "entries": str(count),
        }
        connection.executemany("insert into meta values (?, ?)", meta.items())
        connection.executescript(INDEXES)
        return count


def _fill(
    connection: sqlite3.Connection,
    source: IndexSource,
    entries: Iterable[Entry],
    on_progress: OnProgress | None,
    named: Collection[str],
) -> int:
    """Write all but what SQLite itself makes of it; how many entries there are. What is searched
    is held until here, and let go before SQLite needs memory of its own."""
    documents = _Entries(connection, on_progress).add(entries)
    if source.kind == "packages":
        _rank(connection, documents, package_prominence(documents, named))
    else:
        _rank(connection, documents, option_prominence(documents))
    return len(documents)


class _Entries:
    """Writes the records, and keeps of each what is searched."""

    def __init__(self, connection: sqlite3.Connection, on_progress: OnProgress | None) -> None:
        self._connection = connection
        self._on_progress = on_progress
        self._reader = Reader()
        self._platforms: dict[tuple[str, ...], int] = {}
        self._names: set[str] = set()
        self._documents: list[Document] = []
        self._with_programs: dict[tuple[str, str, str], int] = {}
        self._without: list[tuple[tuple[str, str, str], int]] = []

    def add(self, entries: Iterable[Entry]) -> list[Document]:
        remaining = iter(entries)
        while batch := list(islice(remaining, _BATCH)):
            self._connection.executemany("insert into entry values (?, ?, ?)", self._rows(batch))
            if self._on_progress is not None:
                self._on_progress(len(self._documents))
        self._share_programs()
        self._connection.executemany(
            "insert into platforms values (?, ?)",
            ((number, pack(listed)) for listed, number in self._platforms.items()),
        )
        return self._documents

    def _rows(self, batch: list[Entry]) -> Iterator[tuple[int, int | None, bytes]]:
        for entry in batch:
            platforms = None
            number = len(self._documents)
            if isinstance(entry, PackageEntry):
                document = self._reader.package(number, entry)
                if entry.platforms:
                    platforms = self._platforms.setdefault(entry.platforms, len(self._platforms))
                    entry = replace(entry, platforms=())
            else:
                document = self._reader.option(number, entry)
            if document.name in self._names:
                continue
            self._names.add(document.name)
            self._documents.append(document)
            if isinstance(entry, PackageEntry) and entry.main_program:
                twin = (entry.pname, entry.version, entry.main_program)
                if entry.programs:
                    self._with_programs.setdefault(twin, number)
                else:
                    self._without.append((twin, number))
            yield number, platforms, pack(astuple(entry))

    def _share_programs(self) -> None:
        """A database of programs names one attribute of a derivation that several have (of
        `nodejs` and `nodejs_24` the one or the other): the others bring the same."""
        for twin, number in self._without:
            known = self._with_programs.get(twin)
            if known is not None:
                entry = replace(self._package(number), programs=self._package(known).programs)
                commands = self._documents[known].commands
                self._documents[number] = replace(self._documents[number], commands=commands)
                self._connection.execute(
                    "update entry set record = ? where number = ?", (pack(astuple(entry)), number)
                )

    def _package(self, number: int) -> PackageEntry:
        found = self._connection.execute("select record from entry where number = ?", (number,))
        return record(PackageEntry, found.fetchone()[0], None)


def _rank(
    connection: sqlite3.Connection, documents: list[Document], prominence: list[Prominence]
) -> None:
    """Write the documents in the order of their prominence, and what finds them."""
    vocabulary = _vocabulary(documents)
    tells = cache(lambda count: idf(count, len(documents)))

    def mass(document: Document) -> float:
        told = sum(tells(vocabulary[word]) for word in document.measure)
        return round(max(1.0, told), 2)

    ranked = sorted(
        (-told.value, len(document.name), document.name, told, document)
        for told, document in zip(prominence, documents, strict=True)
    )
    connection.executemany(
        "insert into document values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (place, *_names(d), round(told.value, 4), mass(d), told.thing, *_words(d))
            for place, (*_, told, d) in enumerate(ranked, 1)
        ),
    )
    projects = project_names(documents)
    bundled = bundled_commands(documents)
    connection.executemany(
        "insert into keys values (?, ?, ?)",
        sorted(
            (key, kind, place)
            for place, (*_, document) in enumerate(ranked, 1)
            for key, kind in _keys(
                document,
                projects.get(document.site, ""),
                bundled.get(document.number, ()),
            )
        ),
    )
    connection.executemany(
        "insert into vocabulary values (?, ?, ?, ?)",
        sorted((len(word), word, letters(word), count) for word, count in vocabulary.items()),
    )


def _names(document: Document) -> tuple[int, str, str]:
    return document.number, document.name, document.leaf


def _words(document: Document) -> tuple[str, str, str, str]:
    return document.title, document.path, document.program, document.text


def _keys(document: Document, project: str, bundled: Collection[str]) -> Iterator[tuple[str, int]]:
    """What finds a document exactly, each key by the strongest of its kinds."""
    found = {
        **{name: BUNDLED if name in bundled else COMMAND for name in document.commands},
        project: SITE,
        document.pname: LEAF,
        document.module: LEAF,
        document.leaf: LEAF,
        document.program: PROGRAM,
        document.key: ATTRIBUTE,
    }
    found.pop("", None)
    yield from found.items()


def _vocabulary(documents: list[Document]) -> Counter[str]:
    """In how many documents each word is: those of names, and of texts those that several have."""
    names = Counter(chain.from_iterable(map(_title, documents)))
    texts = Counter(chain.from_iterable(set(d.text.split()) - _title(d) for d in documents))
    for word, count in texts.items():
        if word in names or count > 2:
            names[word] += count
    del names[""]
    return names


def _title(document: Document) -> set[str]:
    return {*document.title.split(), *document.path.split(), document.program}


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

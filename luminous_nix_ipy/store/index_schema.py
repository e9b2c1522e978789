"""The tables of an index file, and what is said where they cannot be used.

One file holds one source (SQLite, with its FTS5 extension: sqlite.org/fts5.html):

- `meta`: the schema's number and the `IndexFacts`, as JSON.
- `entry`: the whole records, packed (`index_records`); `platforms` are kept once a list.
- `document`: what is searched, best known first: a document's id is its place in the order of
  `index_prominence`, so that the first rows that match are the likeliest; `number` is its entry's.
- `words`: the full text index over `document`, stemmed.
- `keys`: what a name, a program, a last component or a site is as a key, for exact matches.
- `vocabulary`: the words of names and what letters they have, for misspellings.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from urllib.parse import quote

import msgspec

from ..errors import IndexUnusable
from ..search_records import IndexFacts, IndexSource

VERSION = 6

TABLES = """
create table meta (name text primary key, value text not null) without rowid;
create table platforms (number integer primary key, list blob not null);
create table entry (
    number integer primary key, platforms integer, record blob not null);
create table document (
    id integer primary key, number integer not null, name text not null, leaf text not null,
    prominence real not null, mass real not null, thing integer not null,
    title text not null, path text not null, program text not null, description text not null);
create table keys (
    key text not null, kind integer not null, id integer not null,
    primary key (key, kind, id)) without rowid;
create table vocabulary (
    length integer not null, word text not null, letters integer not null,
    documents integer not null, primary key (length, word)) without rowid;
create virtual table words using fts5 (
    title, path, program, description, content = 'document', content_rowid = 'id',
    detail = column, prefix = '1 2 3',
    tokenize = "porter unicode61 remove_diacritics 2 tokenchars '+#'");
"""

# The full text is gathered in memory and written in few pieces: merging many takes as long as all
# else that is done for it, and leaves empty pages.
INDEXES = """
create unique index document_of_name on document (name);
insert into words (words, rank) values ('hashsize', 16777216);
insert into words (words) values ('rebuild');
insert into words (words) values ('optimize');
"""

ATTRIBUTE, PROGRAM, LEAF, SITE, COMMAND, BUNDLED = range(6)
"""Kinds of keys: the whole name; the main program; the last component, or the package's own name;
the site of its project; any program that it brings; one of another package that is in it. A key
that is of several kinds is of the first of them."""

_NEEDED = "SQLite's full text search (its extension FTS5) is missing in this Python."


def check_fts5(connection: sqlite3.Connection) -> None:
    """See that this Python's SQLite can search text.

    Raises:
        IndexUnusable: it cannot.
    """
    try:
        connection.execute("create virtual table temp.probe using fts5 (text)")
        connection.execute("drop table temp.probe")
    except sqlite3.OperationalError as error:
        raise IndexUnusable(
            _NEEDED,
            f"SQLite {sqlite3.sqlite_version} says: {error}.",
            ["Use a Python whose SQLite has FTS5; those of Nix and of python.org do."],
        ) from error


def connect(path: str) -> sqlite3.Connection:
    """Open an index file to be read. It is never changed where it is, only replaced: no locks.

    Raises:
        IndexUnusable: there is none, it is damaged, of another schema, or FTS5 is missing.
    """
    if not os.path.exists(path):
        raise IndexUnusable(
            f"There is no index at {path}.", todo=["`%nix index update` makes one."]
        )
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("pragma mmap_size = 268435456")
        found = connection.execute("select value from meta where name = 'schema'").fetchone()
        if found is None or found[0] != str(VERSION):
            raise IndexUnusable(
                f"The index {path} was made by another version of this program.",
                f"Its schema is {found and found[0]}, not {VERSION}.",
                ["`%nix index update` makes it anew."],
            )
        check_fts5(connection)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from error
    except IndexUnusable:
        connection.close()
        raise
    return connection


def facts_of(connection: sqlite3.Connection, path: str) -> IndexFacts:
    """What an open index says of itself."""
    values = dict(connection.execute("select name, value from meta"))
    return IndexFacts(
        source=msgspec.json.decode(values["source"], type=IndexSource),
        built=datetime.fromisoformat(values["built"]).astimezone(),
        entries=int(values["entries"]),
        path=path,
        bytes=os.stat(path).st_size,
    )


def unusable(path: str, error: Exception) -> IndexUnusable:
    """What is raised when SQLite cannot read an index."""
    return IndexUnusable(
        f"The index {path} cannot be read.",
        f"SQLite says: {error}.",
        ["`%nix index update` makes it anew."],
    )

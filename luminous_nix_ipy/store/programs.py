"""Which packages have a command, from a channel's programs.sqlite: its table Programs has name,
system and package (nixpkgs, nixos/modules/programs/command-not-found)."""

from __future__ import annotations

import difflib
import platform
import sqlite3
import sys
from contextlib import closing
from urllib.parse import quote

from ..errors import IndexUnusable

_SYSTEM = f"{platform.machine()}-{sys.platform}".replace("arm64", "aarch64")
_NEAR = 2
"""Letters more or less that a command may have that was meant by another."""


def packages_with(database: str, command: str) -> list[str]:
    """The attributes of the packages that have this command; of this system's where there are any.

    Raises:
        IndexUnusable: the database cannot be read.
    """
    rows = _ask(database, "select package, system from Programs where name = ?", (command,))
    here = {package for package, system in rows if system == _SYSTEM}
    return sorted(here or {package for package, _ in rows}, key=lambda name: (len(name), name))


def close_commands(database: str, command: str, count: int = 3) -> list[str]:
    """Commands that may have been meant by one that there is not.

    Raises:
        IndexUnusable: the database cannot be read.
    """
    length = len(command)
    rows = _ask(
        database,
        "select distinct name from Programs where length(name) between ? and ?"
        " and (substr(name, 1, 1) = ? or substr(name, -1) = ?)",
        (length - _NEAR, length + _NEAR, command[:1], command[-1:]),
    )
    return difflib.get_close_matches(command, [row[0] for row in rows], n=count, cutoff=0.75)


def _ask(database: str, query: str, values: tuple[object, ...]) -> list[tuple[str, ...]]:
    try:
        # A channel's is in the store, where nothing changes and nothing can be written.
        address = f"file:{quote(database)}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise IndexUnusable(
            f"{database} cannot be read as a database of programs.", f"{error}."
        ) from error

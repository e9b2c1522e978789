"""Which package brings which commands: the database of programs of a channel (programs.sqlite).

Its one table is `Programs(name, system, package)`, `package` an attribute path (nixos-channel-
scripts, generate-programs-index.cc).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from urllib.parse import quote

from ..errors import ListUnreadable

_WRAPPED = ".*-wrapped"
"""What nixpkgs' wrappers leave beside themselves; nobody types it."""


def read_programs(path: str) -> dict[str, tuple[str, ...]]:
    """Attribute path -> the commands that it brings, sorted; to be given to `read_packages`.

    Raises:
        ListUnreadable: there is no such database, or it is damaged.
    """
    try:
        address = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            rows = connection.execute(
                "select package, group_concat(name, char(10)) from"
                " (select distinct package, name from Programs where name not glob ?"
                " order by package, name) group by package",
                (_WRAPPED,),
            )
            return {package: tuple(names.split("\n")) for package, names in rows}
    except sqlite3.Error as error:
        raise ListUnreadable(
            f"The database of programs {path} cannot be read.", f"SQLite says: {error}."
        ) from error

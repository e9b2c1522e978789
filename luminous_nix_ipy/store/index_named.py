"""Which packages the options of a module system speak of, from an index of them.

Defaults, examples and descriptions name packages as Nix text does: `pkgs.firefox`. What modules
configure, run and show as an example is what people use.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from ..errors import IndexUnusable
from .index_schema import connect

_NAMED = re.compile(rb"\bpkgs\.([A-Za-z_][\w'-]*(?:\.[A-Za-z_][\w'-]*)*)")


def named_packages(path: str) -> set[str]:
    """Attribute paths that the options in an index name; not all need exist. None where the index
    cannot be read: the names are a help, and what is wrong with it is told where it is searched.
    """
    try:
        with closing(connect(path)) as connection:
            # A record keeps its texts as they are, so that it need not be unpacked.
            records = connection.execute(
                "select record from entry where instr(record, cast('pkgs.' as blob))"
            )
            return {name.decode() for (record,) in records for name in _NAMED.findall(record)}
    except (sqlite3.Error, IndexUnusable):
        return set()

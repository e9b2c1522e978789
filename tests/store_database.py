"""Small store databases with Nix's schema, written for a test."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks._synthetic_store import SCHEMA
from luminous_nix_ipy.machine import Machine

DIGEST = "0c4zhqq7qs9ysdbwkz9dxv8mmv8q24qs"

Paths = Mapping[str, tuple[int | None, Iterable[str]]]
"""Store path -> its NAR size and the paths that it refers to."""


def store_path(name: str, store_dir: str = "/nix/store") -> str:
    """A store path of this name; the same digest for all."""
    return f"{store_dir}/{DIGEST}-{name}"


def write_database(
    state_dir: Path,
    paths: Paths,
    *,
    outputs: Mapping[str, str] | None = None,
    schema: str = SCHEMA,
    journal: str = "wal",
) -> Machine:
    """A machine whose database lists these paths, and which output of its derivation each is."""
    folder = state_dir / "db"
    folder.mkdir(parents=True)
    file = folder / "db.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute(f"pragma journal_mode = {journal}")
        connection.executescript(schema)
        add_paths(connection, paths)
        for number, (path, output) in enumerate((outputs or {}).items(), 1):
            connection.execute(
                "insert into DerivationOutputs values (?, ?, ?)", (number, output, path)
            )
    connection.close()
    long_ago(file)
    return Machine(state_dir=str(state_dir))


def add_paths(connection: sqlite3.Connection, paths: Paths) -> None:
    """Insert paths, then their references to each other and to what was there."""
    for path, (size, _) in paths.items():
        connection.execute(
            "insert into ValidPaths (path, hash, registrationTime, narSize)"
            " values (cast(? as text), 'sha256:0', 1, ?)",
            (os.fsencode(path), size),
        )
    for path, (_, references) in paths.items():
        for reference in references:
            connection.execute(
                "insert into Refs select a.id, b.id from ValidPaths a, ValidPaths b"
                " where a.path = cast(? as text) and b.path = cast(? as text)",
                (os.fsencode(path), os.fsencode(reference)),
            )


def long_ago(file: Path) -> None:
    """Let a file's last change be some time past, as on a machine at rest."""
    os.utime(file, (1_700_000_000, 1_700_000_000))

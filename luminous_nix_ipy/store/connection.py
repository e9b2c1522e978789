"""Consistent reads of an SQLite file that other programs write: read-only, else immutable.

Sources: SQLite's documentation (uri.html: `mode=ro`, `immutable=1`; wal.html: read-only databases
in WAL mode need a `-shm` file or the right to make one, which users other than root lack while no
daemon has the database open). The file itself is never opened by other means than SQLite: closing
it would drop the locks that SQLite holds in this process (howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TypeVar
from urllib.parse import quote

from ..errors import DatabaseUnreadable, NixError

_T = TypeVar("_T")
_BUSY_SECONDS = 1.0
_ATTEMPTS = 5
_TICK_SECONDS = 0.02
"""Longer than the clock that stamps files: a change this old shows in every later stamp."""

Stamp = tuple[tuple[int, ...], tuple[int, ...] | None]
"""Device, inode, size and modification time of the file, and of its `-wal` unless that is empty."""


class DatabaseConnection:
    """One database, read in consistent snapshots. Threads may share it; they take turns.

    Args:
        path: the SQLite file.
        columns: table -> the columns that will be read.

    Raises:
        DatabaseUnreadable: it is missing, forbidden, busy, damaged, or lacks the columns.
    """

    def __init__(self, path: str, columns: Mapping[str, tuple[str, ...]]) -> None:
        self.path = path
        self.immutable = False
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self.stamp()
        try:
            self._connection = self._connect("mode=ro")
            self._check(self._connection, columns)
        except sqlite3.Error as error:
            self.close()
            if not _name(error).startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
                raise self._unreadable(error) from error
            self.immutable = True
            self.read(lambda connection: self._check(connection, columns))
        except DatabaseUnreadable:
            self.close()
            raise

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """The result of `work`, all of whose queries see the same state of the database.

        Raises:
            DatabaseUnreadable: the database is busy or damaged, or never rests.
        """
        with self._lock:
            return self._read_immutable(work) if self.immutable else self._read_locked(work)

    def close(self) -> None:
        """Let go of the file. Reading afterwards raises DatabaseUnreadable."""
        if self._connection is not None:
            self._connection.close()

    def stamp(self) -> Stamp:
        """What tells one state of the database from another, without reading it.

        Raises:
            DatabaseUnreadable: there is no such file, or this user may not see it.
        """
        try:
            return _stat(self.path), _stat_wal(self.path + "-wal")
        except FileNotFoundError as error:
            raise DatabaseUnreadable(
                f"There is no store database at {self.path}.",
                todo=["Install Nix, or set NIX_STATE_DIR to the folder of its state."],
            ) from error
        except OSError as error:
            raise self._forbidden(str(error)) from error

    def _read_locked(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = self._connection
        assert connection is not None
        try:
            connection.execute("begin")
            try:
                return work(connection)
            finally:
                connection.rollback()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _read_immutable(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Read without locks, and believe it only if nobody can have written meanwhile."""
        for _ in range(_ATTEMPTS):
            before = self.stamp()
            if before[1] is None and settled(before):
                failure: NixError | None = None
                try:
                    with closing(self._connect("immutable=1")) as connection:
                        result = work(connection)
                except sqlite3.Error as error:
                    failure = self._unreadable(error)
                except NixError as error:
                    failure = error
                if self.stamp() == before:
                    if failure is not None:
                        raise failure
                    return result
            time.sleep(_TICK_SECONDS)
        raise DatabaseUnreadable(
            f"The store database {self.path} cannot be read without locking it, "
            "which this user may not do.",
            "It is being written, or its -wal file holds changes that are not in it yet.",
            ["Ask again when Nix is idle, or start the Nix daemon.", "Read it as root."],
        )

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(self.path))}?{mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = _text
        return connection

    def _check(
        self, connection: sqlite3.Connection, columns: Mapping[str, tuple[str, ...]]
    ) -> None:
        for table, needed in columns.items():
            try:
                connection.execute(f"select {', '.join(needed)} from {table} limit 0")
            except sqlite3.OperationalError as error:
                if _name(error) != "SQLITE_ERROR":
                    raise
                raise DatabaseUnreadable(
                    f"{self.path} is not a store database of a schema that is known here.",
                    f"SQLite says: {error}.",
                ) from error

    def _unreadable(self, error: sqlite3.Error) -> DatabaseUnreadable:
        name, said = _name(error), f"SQLite says: {error}."
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return DatabaseUnreadable(
                f"The store database {self.path} is busy: another program has locked it.",
                said,
                ["Try again when that program is done."],
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return DatabaseUnreadable(f"The store database {self.path} is damaged.", said)
        if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
            return self._forbidden(said)
        return DatabaseUnreadable(f"The store database {self.path} cannot be read.", said)

    def _forbidden(self, reason: str) -> DatabaseUnreadable:
        return DatabaseUnreadable(
            f"The store database {self.path} may not be read by this user.",
            reason,
            ["Ask an administrator for the right to read it."],
        )


def settled(stamp: Stamp) -> bool:
    """Whether a change made from now on is sure to give another stamp."""
    now = time.time_ns()
    return all(abs(now - part[-1]) > _TICK_SECONDS * 1e9 for part in stamp if part is not None)


def _stat(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _stat_wal(path: str) -> tuple[int, ...] | None:
    try:
        found = _stat(path)
    except FileNotFoundError:
        return None
    return found if found[2] else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "")

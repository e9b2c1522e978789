"""Who holds a lock on a file, asked without taking it where the kernel tells.

Locks of other processes are in /proc/locks (proc(5)): `1: FLOCK ADVISORY WRITE 1234 00:1a:5678 0
EOF`, the process and the file's device and inode; `->` stands before those who wait. What is in
another process namespace is not there.
"""

from __future__ import annotations

import fcntl
import os

_LOCKS = "/proc/locks"


def lock_holder(path: str) -> str | None:
    """Who holds a lock on the file (flock(2)), in words; None where nobody does.

    A shared lock is tried for a moment only where /proc/locks names a file of this number, or
    cannot be read: a switch-to-configuration that starts just then would be refused its own.

    Raises:
        OSError: the file is there and cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        file = os.fstat(descriptor)
        holders = _holders(file.st_ino)
        if holders is not None and not holders:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _named(holders)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return None
    finally:
        os.close(descriptor)


def _holders(inode: int) -> list[int] | None:
    """The processes that hold a lock on a file of this number, on whatever file system; None where
    that is not told."""
    try:
        with open(_LOCKS, encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    found = []
    for words in lines:
        if len(words) >= 6 and words[1] != "->" and words[5].endswith(f":{inode}"):
            found.append(int(words[4]))
    return found


def _named(holders: list[int] | None) -> str:
    for process in holders or ():
        try:
            with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
                return f"process {process} ({file.read().strip()})"
        except OSError:
            continue
    return f"process {holders[0]}" if holders and holders[0] > 0 else "another process"

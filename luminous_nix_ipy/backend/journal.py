"""The audit log of changes: what was changed, when, by whom, with which commands, what came of it.

Lines are appended and fsynced, and nothing is ever deleted: the intent before anything is done, the
outcome after. Both carry the same id; an intent without an outcome is a change that was cut off.
Changes of the system are in the machine's own journal, written by whoever has the right to change
it; changes of user profiles are in the user's state folder. `journal_format.py` tells how the lines
look, `journal_reading.py` how they are read.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import os
import secrets
import socket
from datetime import datetime
from importlib.resources import files

from ..errors import NixError
from ..records import JournalEntry
from . import made
from .journal_format import encode, journal_file, line_after
from .journal_reading import read_journal

__all__ = [
    "acting_host",
    "acting_user",
    "append",
    "encode",
    "journal_file",
    "journal_line",
    "new_id",
    "read_journal",
]

_BLOCK = 65_536


def new_id(now: datetime) -> str:
    """An id for one change: sorts by time, differs between kernels."""
    change = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    made.begun(change)
    return change


def acting_user() -> str:
    """Who is at work: the login name, or "alice (as root)" through sudo or doas."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER")
    return f"{behind} (as {name})" if behind and behind != name else name


def acting_host() -> str:
    return socket.gethostname()


def append(path: str, entry: JournalEntry) -> None:
    """Add one line and wait until the disk has it.

    Raises:
        NixError: it cannot be written; nothing may be changed then.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            last, cut_off = _last_line(descriptor)
            line = line_after(last, entry)
            if cut_off:
                line = b"\n" + line
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NixError(
            f"The journal {path} cannot be written.",
            f"{error.strerror}. Nothing is changed without a record of it.",
            ["Free space or give yourself the right to write there, then try again."],
        ) from error


def journal_line() -> str:
    """The shell function that adds a line as `append` does, for scripts that outlive this kernel
    or run as root."""
    return (files(__package__) / "journal_line.sh").read_text(encoding="utf-8")


def _last_line(descriptor: int) -> tuple[bytes | None, bool]:
    """The last line of a file, None of an empty one; and whether a crash has cut it off."""
    start = os.fstat(descriptor).st_size
    if start == 0:
        return None, False
    data = b""
    while start > 0 and b"\n" not in data[:-1]:
        length = min(start, max(_BLOCK, len(data)))
        start -= length
        data = os.pread(descriptor, length, start) + data
    cut_off = not data.endswith(b"\n")
    return data.removesuffix(b"\n").rpartition(b"\n")[2], cut_off

"""The audit log of changes: what was changed, when, by whom, with which commands, what came of it.

One JSON object a line, appended and fsynced: the intent before anything is done, the outcome after.
Both lines carry the same id; an intent without an outcome is a change that was cut off. Changes of
the system are in the machine's own journal, written by whoever has the right to change it; changes
of user profiles are in the user's state folder.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import secrets
import socket
from datetime import datetime

import msgspec

from ..errors import NixError
from ..machine import Machine
from ..records import JournalEntry, ProfileKind

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(JournalEntry)


def journal_file(machine: Machine, kind: ProfileKind) -> str:
    """Path of the journal in which changes of such a profile are written."""
    if kind == "system":
        return os.path.join(machine.system_journal_dir, "journal.jsonl")
    return os.path.join(machine.user_state_dir, "journal.jsonl")


def new_id(now: datetime) -> str:
    """An id for one change: sorts by time, differs between kernels."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


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
            line = _ENCODER.encode(_utf8(entry)) + b"\n"
            if _ends_mid_line(descriptor):
                line = b"\n" + line
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(28, "No space left on device")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NixError(
            f"The journal {path} cannot be written.",
            f"{error.strerror}. Nothing is changed without a record of it.",
            ["Free space or give yourself the right to write there, then try again."],
        ) from error


def read_journal(machine: Machine) -> tuple[list[JournalEntry], list[str]]:
    """Every change that was begun, oldest first, an outcome in place of its intent; and sentences
    about what could not be read."""
    by_id: dict[str, JournalEntry] = {}
    problems: list[str] = []
    kinds: tuple[ProfileKind, ...] = ("system", "user")
    for path in dict.fromkeys(journal_file(machine, kind) for kind in kinds):
        try:
            with open(path, "rb") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}.")
            continue
        damaged = 0
        for line in lines:
            try:
                entry = _DECODER.decode(line)
            except msgspec.MsgspecError:
                damaged += bool(line.strip())
                continue
            by_id[entry.id] = entry
        if damaged:
            problems.append(f"{path} has {damaged} line(s) that cannot be understood.")
    return sorted(by_id.values(), key=lambda e: (e.started, e.id)), problems


def _ends_mid_line(descriptor: int) -> bool:
    """Whether a crash left half a line at the end, which must not swallow the next one."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _utf8(entry: JournalEntry) -> JournalEntry:
    """The entry with bytes of file names that are not UTF-8 made visible: JSON cannot hold them."""

    def clean(text: str | None) -> str | None:
        return None if text is None else text.encode("utf-8", "backslashreplace").decode()

    return msgspec.structs.replace(
        entry,
        profile=clean(entry.profile),
        from_path=clean(entry.from_path),
        to_path=clean(entry.to_path),
        commands=tuple(clean(command) for command in entry.commands),
        error=clean(entry.error),
    )

"""The audit log of changes: what was changed, when, by whom, with which commands, what came of it.

One JSON object a line, appended and fsynced: the intent before anything is done, the outcome after.
Both lines carry the same id; an intent without an outcome is a change that was cut off. Each line
begins with the hash of the one before it (`previous`, SHA-256 in hexadecimal), so that a line that
was changed or taken away shows. Changes of the system are in the machine's own journal, written by
whoever has the right to change it; changes of user profiles are in the user's state folder.

The intent of a supervised change is written as it is by `supervisor.sh`, whose outcome is a line of
its own shape: `_Outcome`.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from ..errors import NixError
from ..machine import Machine
from ..records import JournalEntry, JournalOutcome, ProfileKind


class _Outcome(msgspec.Struct, frozen=True):
    """The line with which a supervisor ends a change."""

    id: str
    ended: int
    """Seconds since 1970."""
    outcome: JournalOutcome
    ran: tuple[tuple[str, int, str], ...]
    """Step, exit code, and the number of the generation where one was deleted."""
    error: str = ""
    said: str = ""
    """What the program that failed printed last."""
    problems: str = ""
    """What could not be put back."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(JournalEntry)
_OUTCOMES = msgspec.json.Decoder(_Outcome)
_BLOCK = 65_536


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


def encode(entry: JournalEntry) -> bytes:
    """The JSON object of an entry, without the hash that its line begins with."""
    return _ENCODER.encode(_utf8(entry))


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
            previous = "null" if last is None else f'"{_hash(last)}"'
            line = b'{"previous":%s,%s\n' % (previous.encode(), encode(entry)[1:])
            if cut_off:
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
    about what could not be read, was changed or is missing."""
    by_id: dict[str, JournalEntry] = {}
    problems: list[str] = []
    kinds: tuple[ProfileKind, ...] = ("system", "user")
    for path in dict.fromkeys(journal_file(machine, kind) for kind in kinds):
        try:
            lines = _lines(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}.")
            continue
        damaged = 0
        for line in lines:
            entry = _entry(line, by_id)
            if entry is None:
                damaged += bool(line.strip())
            else:
                by_id[entry.id] = entry
        if damaged:
            problems.append(f"{path} has {damaged} line(s) that cannot be understood.")
        problems += [f"{path}, line {number}: {what}" for number, what in _gaps(lines)]
    return sorted(by_id.values(), key=lambda e: (e.started, e.id)), problems


def _lines(path: str) -> list[bytes]:
    """The lines that are there, none of them half written."""
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return file.read().split(b"\n")


def _entry(line: bytes, intents: dict[str, JournalEntry]) -> JournalEntry | None:
    """The change of one line; None where it cannot be understood."""
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError:
        pass
    try:
        outcome = _OUTCOMES.decode(line)
    except msgspec.MsgspecError:
        return None
    intent = intents.get(outcome.id)
    return None if intent is None else _joined(intent, outcome)


def _joined(intent: JournalEntry, outcome: _Outcome) -> JournalEntry:
    """A supervised change with what became of it."""
    steps = intent.steps
    planned = set(steps.values())
    ran = [f"{steps.get(step, step)} {number}".rstrip() for step, _, number in outcome.ran]
    told = (outcome.error, outcome.said, outcome.problems)
    return msgspec.structs.replace(
        intent,
        ended=datetime.fromtimestamp(outcome.ended).astimezone(),
        outcome=outcome.outcome,
        commands=(*(c for c in intent.commands if c not in planned), *ran),
        error="\n".join(text.strip() for text in told if text.strip()) or None,
    )


def _gaps(lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    """Lines that do not follow from the one before, as (number, sentence). Those before the first
    with a hash were written when journals had none."""
    before: bytes | None = None
    chained = False
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            previous = msgspec.json.decode(line, type=_Link).previous
        except msgspec.MsgspecError:
            before = line
            continue
        if previous is msgspec.UNSET:
            if chained:
                yield number, "it does not say which line it follows: it was written by others."
        elif previous != (None if before is None else _hash(before)):
            yield number, "it does not follow the line before it: one was changed or taken away."
        chained = chained or previous is not msgspec.UNSET
        before = line


class _Link(msgspec.Struct, frozen=True):
    previous: str | msgspec.UnsetType | None = msgspec.UNSET


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _last_line(descriptor: int) -> tuple[bytes | None, bool]:
    """The last line of a file, None of an empty one; and whether a crash has cut it off."""
    start = os.fstat(descriptor).st_size
    if start == 0:
        return None, False
    data = b""
    while start > 0 and b"\n" not in data[:-1]:
        length = min(start, _BLOCK)
        start -= length
        data = os.pread(descriptor, length, start) + data
    cut_off = not data.endswith(b"\n")
    return data.removesuffix(b"\n").rpartition(b"\n")[2], cut_off


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
        steps={name: clean(command) or "" for name, command in entry.steps.items()},
        error=clean(entry.error),
    )

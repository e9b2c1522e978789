"""How a journal is written down: one JSON object a line, each of which begins with the hash of the
line before it (`previous`, SHA-256 in hexadecimal; `null` in the first).

A change has two lines with the same id. The intent is a JournalEntry; so is the outcome of a deed
of this process, while a supervisor (`supervisor.sh`) ends a change with a line of its own shape.
"""

from __future__ import annotations

import hashlib
import os
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from ..machine import Machine
from ..records import JournalEntry, JournalOutcome, ProfileKind

_ENCODER = msgspec.json.Encoder()
_YEAR_9999 = 253_402_300_799
"""Seconds since 1970 until the end of the last year that a datetime can hold."""


class Outcome(msgspec.Struct, frozen=True):
    """The line with which a supervisor ends a change."""

    id: str
    ended: Annotated[float, msgspec.Meta(ge=0, le=_YEAR_9999)]
    """Seconds since 1970."""
    outcome: JournalOutcome
    ran: tuple[tuple[str, int, str], ...]
    """Step, exit code, and the number of the generation where one was deleted."""
    step: str = ""
    """In which it failed."""
    code: int = 0
    """With which the program of that step ended; 0 where none failed."""
    error: str = ""
    said: str = ""
    """What the program that failed printed last."""
    problems: str = ""
    """What could not be put back, one a line."""


def journal_file(machine: Machine, kind: ProfileKind) -> str:
    """Path of the journal in which changes of such a profile are written."""
    if kind == "system":
        return os.path.join(machine.system_journal_dir, "journal.jsonl")
    return os.path.join(machine.user_state_dir, "journal.jsonl")


def encode(entry: JournalEntry) -> bytes:
    """The JSON object of an entry, without the hash that its line begins with. Bytes of file names
    that are not UTF-8 are made visible: JSON cannot hold them."""
    return _ENCODER.encode(_utf8(entry))


def line_after(last: bytes | None, entry: JournalEntry) -> bytes:
    """The line of an entry, whose one before is `last`; None where it is the first."""
    previous = "null" if last is None else f'"{digest(last)}"'
    return b'{"previous":%s,%s\n' % (previous.encode(), encode(entry)[1:])


def digest(line: bytes) -> str:
    """The hash of a line, without its end."""
    return hashlib.sha256(line).hexdigest()


def _utf8(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case tuple():
            return tuple(map(_utf8, value))
        case dict():
            return {name: _utf8(one) for name, one in value.items()}
        case msgspec.Struct():
            fields = {name: _utf8(getattr(value, name)) for name in value.__struct_fields__}
            return replace(value, **fields)
    return value

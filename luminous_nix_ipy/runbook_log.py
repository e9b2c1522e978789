"""The records of runbooks: one file each in the user's state folder, so that a kernel that dies
leaves what was done.

A record is a file of JSON objects, one a line, each appended and fsynced when it happens. The
kernel that writes it holds a lock on it (flock(2)) while it lives: a step without an end is under
way where the lock is held, and was cut off where it is not. What looks like a credential is left
out before it is written.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from datetime import datetime

import msgspec

from .errors import NixError, NotFound
from .log import without_secrets
from .machine import Machine
from .runbook_records import Deed, Evidence, Place, Runbook, Step


class Begun(msgspec.Struct, frozen=True, tag="runbook", tag_field="event"):
    """The first line of a record."""

    id: str
    name: str
    at: datetime
    user: str
    host: str


class Placed(msgspec.Struct, frozen=True, tag="place", tag_field="event"):
    """Where the following steps work."""

    at: datetime
    place: Place


class StepTold(msgspec.Struct, frozen=True, tag="step", tag_field="event"):
    """A step began, or ended: the last line about it holds."""

    at: datetime
    step: Step


class DeedTold(msgspec.Struct, frozen=True, tag="deed", tag_field="event"):
    """A change was made; told again when its outcome is known."""

    at: datetime
    deed: Deed


class Seen(msgspec.Struct, frozen=True, tag="evidence", tag_field="event"):
    """Something was looked at."""

    at: datetime
    evidence: Evidence


Event = Begun | Placed | StepTold | DeedTold | Seen

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_SUFFIX = ".jsonl"


class Record:
    """The record of a runbook under way."""

    def __init__(self, machine: Machine, name: str, user: str, host: str) -> None:
        """Begin one.

        Raises:
            NixError: it cannot be written.
        """
        now = datetime.now().astimezone()
        self.id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        folder = records_folder(machine)
        self.path = os.path.join(folder, self.id + _SUFFIX)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.tell(Begun(self.id, clean(name), now, clean(user), clean(host)))

    def tell(self, event: Event) -> None:
        """Add a line and wait until the disk has it.

        Raises:
            NixError: it cannot be written.
        """
        line = _ENCODER.encode(event) + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(28, "No space left on device")
            os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def close(self) -> None:
        """Write no more to it."""
        os.close(self._file)


def clean(text: str) -> str:
    """Text as it is recorded: without credentials, and with bytes that are not UTF-8 made visible,
    since JSON cannot hold them."""
    return without_secrets(text).encode("utf-8", "backslashreplace").decode()


def records_folder(machine: Machine) -> str:
    """Where the records of this user are kept."""
    return os.path.join(machine.user_state_dir, "runbooks")


def record_ids(machine: Machine) -> list[str]:
    """The ids of every record, newest first."""
    try:
        names = os.listdir(records_folder(machine))
    except OSError:
        return []
    ids = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return sorted(ids, reverse=True)


def read_record(machine: Machine, id: str) -> Runbook:
    """One record.

    Raises:
        NotFound: there is none of this id.
        NixError: it cannot be read.
    """
    if id not in record_ids(machine):
        raise NotFound(
            f"There is no record {id!r} of a runbook.",
            "",
            ["See which there are: %nix runbook list"],
        )
    path = os.path.join(records_folder(machine), id + _SUFFIX)
    try:
        with open(path, "rb") as file:
            under_way = not _lock_is_free(file.fileno())
            lines = file.read().split(b"\n")
    except OSError as error:
        raise NixError(f"The record {path} cannot be read.", f"{error.strerror}.") from error
    events = [event for line in lines if line.strip() and (event := _event(line)) is not None]
    damaged = sum(bool(line.strip()) for line in lines) - len(events)
    if not events or not isinstance(events[0], Begun):
        raise NixError(
            f"The record {path} cannot be read.",
            "It does not begin as a record of a runbook does.",
            ["Move it away."],
        )
    return _folded(events[0], events, damaged, under_way)


def _folded(begun: Begun, events: list[Event], damaged: int, under_way: bool) -> Runbook:
    """What all lines say together."""
    place: Place | None = None
    steps: dict[int, Step] = {}
    deeds: dict[str, Deed] = {}
    evidence: list[Evidence] = []
    for event in events:
        match event:
            case Placed():
                place = event.place
            case StepTold():
                steps[event.step.number] = event.step
            case DeedTold():
                deeds[event.deed.id] = event.deed
            case Seen():
                evidence.append(event.evidence)
    if not under_way:
        for number, step in steps.items():
            if step.verdict == "running":
                steps[number] = msgspec.structs.replace(step, verdict="cut off")
    return Runbook(
        id=begun.id,
        name=begun.name,
        started=begun.at,
        ended=events[-1].at,
        user=begun.user,
        host=begun.host,
        place=place,
        steps=tuple(steps.values()),
        deeds=tuple(deeds.values()),
        evidence=tuple(evidence),
        damaged=damaged,
    )


def _event(line: bytes) -> Event | None:
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError:
        return None


def _lock_is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unwritable(path: str, error: OSError) -> NixError:
    return NixError(
        f"The record {path} of the runbook cannot be written.",
        f"{error.strerror}. A step is not begun without a record of it.",
        ["Free space or give yourself the right to write there, then try again."],
    )

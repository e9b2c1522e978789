"""Reading journals: the changes that they tell of, and whether each line is as it was written.

Whatever became of a file, reading it does not fail: a line that cannot be understood, and one that
does not follow from the one before it, is told with its number. What cannot be seen is that lines
at the end were cut away: for that, keep the hash of the last line elsewhere (`JournalFile.head`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from ..machine import Machine
from ..records import JournalEntry, ProfileKind
from .journal_format import Outcome, digest, journal_file

_ENTRIES = msgspec.json.Decoder(JournalEntry)
_OUTCOMES = msgspec.json.Decoder(Outcome)


class Damage(msgspec.Struct, frozen=True):
    """Something that is not as it was written."""

    line: int
    """From 1 up."""
    what: str
    """A sentence."""
    gap: bool
    """The chain is broken there: somebody took lines away, changed them or put others between. What
    is no gap can be the work of a crash."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal tells of one change."""

    intent: JournalEntry
    entry: JournalEntry
    """The intent, and what became of it."""
    outcome: Outcome | None = None
    """The line of its supervisor."""
    lines: tuple[int, ...]


class JournalFile(msgspec.Struct, frozen=True, kw_only=True):
    """One journal."""

    path: str
    kind: ProfileKind
    """Of which profiles it tells, and whose lock goes with it."""
    lines: int = 0
    changes: tuple[Written, ...] = ()
    """In the order in which they were begun."""
    damages: tuple[Damage, ...] = ()
    head: str | None = None
    """The hash of the last line, None where there is no line."""
    problem: str | None = None
    """Why it cannot be read."""

    @property
    def verdict(self) -> Literal["whole", "damaged", "broken", "unreadable"]:
        """damaged: not every line can be understood, but each follows from the one before it."""
        if self.problem is not None:
            return "unreadable"
        if any(damage.gap for damage in self.damages):
            return "broken"
        return "damaged" if self.damages else "whole"

    @property
    def problems(self) -> list[str]:
        """Sentences."""
        if self.problem is not None:
            return [f"{self.path} cannot be read: {self.problem}."]
        return [f"{self.path}, line {damage.line}: {damage.what}" for damage in self.damages]


def read_journal(machine: Machine) -> tuple[list[JournalEntry], list[str]]:
    """Every change that was begun, oldest first, an outcome in place of its intent; and sentences
    about what could not be read, was changed or is missing."""
    files = read_journals(machine)
    entries = [written.entry for file in files for written in file.changes]
    problems = [problem for file in files for problem in file.problems]
    return sorted(entries, key=lambda e: (e.started, e.id)), problems


def read_journals(machine: Machine) -> list[JournalFile]:
    """The machine's journal and the user's, those that are there."""
    found = [_read(path, kind) for path, kind in journal_files(machine).items()]
    return [file for file in found if file is not None]


def journal_files(machine: Machine) -> dict[str, ProfileKind]:
    """The paths of the machine's journal and the user's, with the kind of their profiles."""
    paths: dict[str, ProfileKind] = {journal_file(machine, "system"): "system"}
    paths.setdefault(journal_file(machine, "user"), "user")
    return paths


def _read(path: str, kind: ProfileKind) -> JournalFile | None:
    """None where there is no such file."""
    try:
        return examined(path, kind, contents(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        return JournalFile(path=path, kind=kind, problem=error.strerror or str(error))


def contents(path: str) -> bytes:
    """What a journal holds while nobody writes it.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return file.read()


def examined(path: str, kind: ProfileKind, data: bytes) -> JournalFile:
    """What a journal's contents tell."""
    *lines, rest = data.split(b"\n")
    if rest:
        lines.append(rest)
    reader = _Reader()
    damages = [found for number, line in enumerate(lines, 1) for found in reader.take(number, line)]
    if rest:
        damages.append(Damage(len(lines), "its end was not written.", gap=False))
    return JournalFile(
        path=path,
        kind=kind,
        lines=len(lines),
        changes=tuple(reader.changes.values()),
        damages=tuple(damages),
        head=digest(lines[-1]) if lines else None,
    )


class _Line(msgspec.Struct, frozen=True):
    """What tells how a line is to be read."""

    id: str
    previous: str | msgspec.UnsetType | None = msgspec.UNSET
    ran: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """Only a supervisor's has it."""


_LINKS = msgspec.json.Decoder(_Line)


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self.changes: dict[str, Written] = {}
        self._before: bytes | None = None

    def take(self, number: int, line: bytes) -> Iterator[Damage]:
        """What is wrong with it."""
        before, self._before = self._before, line
        try:
            link = _LINKS.decode(line)
        except (ValueError, RecursionError):
            what = "it cannot be understood: it was half written, or changed."
            yield Damage(number, what, gap=False)
            return
        if link.previous is msgspec.UNSET:
            what = "it does not say which line it follows: it was written by others."
            yield Damage(number, what, gap=True)
        elif before is None and link.previous is not None:
            what = "it is not the first that was written: those before it were taken away."
            yield Damage(number, what, gap=True)
        elif before is not None and link.previous != digest(before):
            what = "it does not follow the line before it: one was changed or taken away."
            yield Damage(number, what, gap=True)
        try:
            self._note(number, line, link)
        except LookupError:
            what = f"it ends the change {link.id}, which was never begun."
            yield Damage(number, what, gap=False)
        except (ValueError, OverflowError, RecursionError):
            yield Damage(number, "it cannot be understood: it tells of no change.", gap=False)

    def _note(self, number: int, line: bytes, link: _Line) -> None:
        """Raises: ValueError, OverflowError, RecursionError: it tells of no change. LookupError: of
        none that was begun."""
        known = self.changes.get(link.id)
        lines = (number,) if known is None else (*known.lines, number)
        if link.ran is not msgspec.UNSET:
            outcome = _OUTCOMES.decode(line)
            if known is None:
                raise LookupError(link.id)
            entry = _joined(known.intent, outcome)
            self.changes[link.id] = replace(known, entry=entry, outcome=outcome, lines=lines)
            return
        entry = _local(_ENTRIES.decode(line))
        intent = entry if known is None else known.intent
        self.changes[link.id] = Written(intent=intent, entry=entry, lines=lines)


def _local(entry: JournalEntry) -> JournalEntry:
    """The entry in local time.

    Raises:
        OverflowError: a time of which there is none.
    """
    ended = None if entry.ended is None else entry.ended.astimezone()
    return replace(entry, started=entry.started.astimezone(), ended=ended)


def _joined(intent: JournalEntry, outcome: Outcome) -> JournalEntry:
    """A supervised change with what became of it."""
    told = (outcome.error, outcome.said, outcome.problems)
    return replace(
        intent,
        ended=datetime.fromtimestamp(outcome.ended).astimezone(),
        outcome=outcome.outcome,
        commands=tuple(command for _, command, _ in commands_run(intent, outcome)),
        error="\n".join(text.strip() for text in told if text.strip()) or None,
    )


def commands_run(intent: JournalEntry, outcome: Outcome) -> tuple[tuple[str, str, int | None], ...]:
    """What was run for a supervised change: step, command and exit code; what was run before it
    for its plan has neither step nor code."""
    planned = set(intent.steps.values())
    prepared = ((("", command, None)) for command in intent.commands if command not in planned)
    ran = (
        (step, f"{intent.steps.get(step, step)} {number}".rstrip(), code)
        for step, code, number in outcome.ran
    )
    return (*prepared, *ran)

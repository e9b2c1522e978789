"""The changes that the journals tell of, what became of each, and those of them that are asked for.

A change without an outcome is under way while its lock is held, and cut off when nobody holds it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from ..errors import NotFound, Refused, did_you_mean
from ..machine import Machine
from ..records import JournalEntry, JournalOutcome
from ..store.profiles import find_profile
from .journal_format import Outcome
from .journal_reading import JournalFile, commands_run, read_journals
from .lock import holder
from .model import OperationType
from .targets import parse_date

State = Literal["done", "failed", "restored", "interrupted", "under way", "cut off"]
STATES: tuple[State, ...] = ("done", "failed", "restored", "interrupted", "cut off", "under way")
_STATE: dict[JournalOutcome, State] = {
    "done": "done",
    "failed": "failed",
    "failed, restored": "restored",
    "interrupted": "interrupted",
}
_NAMED = 5
"""How many ids are named where there is none as asked for."""


class Ran(msgspec.Struct, frozen=True):
    """One command of a change."""

    step: str
    """Of its supervisor; empty where there was none."""
    command: str
    code: int | None
    """With which it ended; None where the journal does not tell."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change, as its journal tells of it."""

    entry: JournalEntry
    """The intent, and what became of it."""
    state: State
    intent: JournalEntry
    outcome: Outcome | None
    """What a supervisor wrote at its end."""
    journal: str
    lines: tuple[int, ...]
    """Of the journal, from 1 up."""

    @property
    def ran(self) -> tuple[Ran, ...]:
        """What was run; of a change without an outcome nothing is known."""
        if self.outcome is not None:
            return tuple(Ran(*told) for told in commands_run(self.intent, self.outcome))
        if self.entry.outcome is None:
            return ()
        return tuple(Ran("", command, None) for command in self.entry.commands)


def journalled(machine: Machine) -> tuple[list[Change], list[str]]:
    """Every change, the newest first; and sentences about what is wrong with the journals."""
    files = read_journals(machine)
    abandoned = {id for file in files for id in _abandoned(machine, file)}
    if abandoned:
        files = read_journals(machine)  # one may have ended before its lock was looked at
    found = [
        Change(
            entry=written.entry,
            state=_state(written.entry, abandoned),
            intent=written.intent,
            outcome=written.outcome,
            journal=file.path,
            lines=written.lines,
        )
        for file in files
        for written in file.changes
    ]
    found.sort(key=lambda change: (change.entry.started, change.entry.id), reverse=True)
    return found, [problem for file in files for problem in file.problems]


def _abandoned(machine: Machine, file: JournalFile) -> list[str]:
    """The ids of changes without an outcome that nobody makes."""
    without = [w.entry.id for w in file.changes if w.entry.outcome is None]
    held = holder(machine, file.kind) if without else None
    if held is None:
        return without
    if held.change is None:
        return without[:-1]
    return [id for id in without if id != held.change]


def _state(entry: JournalEntry, abandoned: set[str]) -> State:
    if entry.outcome is not None:
        return _STATE[entry.outcome]
    return "cut off" if entry.id in abandoned else "under way"


def find(machine: Machine, wanted: str) -> Change:
    """The change of an id.

    Raises:
        NotFound: there is none.
    """
    found, problems = journalled(machine)
    for change in found:
        if change.entry.id == wanted:
            return change
    newest = ", ".join(change.entry.id for change in found[:_NAMED])
    told = f"The newest are {newest}." if newest else "Nothing was changed yet."
    raise NotFound(
        f"The journal tells of no change {wanted}.",
        " ".join([told, *problems]),
        ["See the ids with %nix journal --all-columns."],
    )


def chosen(
    machine: Machine,
    changes: Sequence[Change],
    *,
    since: str | None = None,
    until: str | None = None,
    operation: str | None = None,
    outcome: str | None = None,
    profile: str | None = None,
    user: str | None = None,
) -> list[Change]:
    """Those of which all that is given holds, in the same order.

    Args:
        since, until: dates or phrases as of `targets.py`, of when it was begun; a day means all of
            it.
        operation: "rollback" is that of any mode, "rollback boot" of that mode alone.
        outcome: one of STATES.
        profile: a name or a path.
        user: whoever did it, also through sudo or doas.

    Raises:
        Refused: no such date, outcome or operation.
    """
    after, before = _instant(since, start=True), _instant(until, start=False)
    if after is not None and before is not None and after > before:
        raise Refused(f"“{since}” is after “{until}”.", "", ["Give the earlier one to --since."])
    if outcome is not None and outcome not in STATES:
        raise Refused(f"“{outcome}” is no outcome.", f"There is {', '.join(STATES)}.")
    if operation is not None:
        _check_operation(operation, changes)
    path = None if profile is None else _profile_path(machine, profile)
    return [
        change
        for change in changes
        if (after is None or change.entry.started >= after)
        and (before is None or change.entry.started <= before)
        and (operation is None or _is_or_begins(change.entry.operation, operation))
        and (outcome is None or change.state == outcome)
        and (path is None or path in change.entry.profile.split(", "))
        and (user is None or _is_or_begins(change.entry.user, user))
    ]


def _instant(words: str | None, *, start: bool) -> datetime | None:
    if words is None:
        return None
    instant = parse_date(words, start=start)
    if instant is None:
        raise Refused(
            f"“{words}” is no date.",
            "",
            ["Write a day as 2026-03-31, a time as 2026-03-31 18:30, or a phrase as 3 days ago."],
        )
    return instant


def _profile_path(machine: Machine, profile: str) -> str:
    """The path that the journal has; a profile that is gone may still be in it."""
    try:
        return find_profile(machine, profile).path
    except NotFound:
        return profile


def _check_operation(wanted: str, changes: Sequence[Change]) -> None:
    """Refuse what no operation is called; one that this version does not know may be there."""
    known = [kind.value for kind in OperationType]
    there = any(_is_or_begins(change.entry.operation, wanted) for change in changes)
    if there or wanted.split(" ")[0] in known:
        return
    close = difflib.get_close_matches(wanted, known, n=3)
    raise Refused(f"“{wanted}” is no operation.", "", did_you_mean(close))


def _is_or_begins(text: str, wanted: str) -> bool:
    return text == wanted or text.startswith(f"{wanted} ")

"""What has to be so for an exercise to be right: each condition is one look, told in one row.

A condition is a table of a TOML file. One of its keys says what is looked at, and so which of the
classes here it is; the others say how that has to be. Nothing is changed, and what cannot be told
is not right.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..errors import NixError
from ..machine import Machine
from ..records import Generation, JournalEntry, JournalOutcome
from ..store.roots import find_roots
from .conditions_value import ValueIs
from .context import Context
from .facts import Mark, Seen, check_path, expand, find_generation
from .journal import read_journal

_LARGEST = 1 << 20
"""Bytes of a file that are looked at."""


class GenerationIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A generation is there, or gone, and has these marks."""

    generation: int | Mark
    profile: str | None = None
    there: bool = True
    current: bool | None = None
    running: bool | None = None
    booted: bool | None = None
    kept: bool | None = None
    """Something keeps it from the garbage collector besides its profile and what runs."""
    note: bool | str | None = None
    """It has a note (or none); or a note in which this stands."""

    def __post_init__(self) -> None:
        marks = (self.current, self.running, self.booted, self.kept, self.note)
        if not self.there and any(mark is not None for mark in marks):
            raise ValueError("what is not there has no marks")
        if self.note == "":
            raise ValueError("any note has an empty text in it")

    async def look(self, context: Context, values: Mapping[str, Any]) -> Seen:
        profile = context.profile(self.profile)
        what = f"generation {self.generation}"
        if isinstance(self.generation, str):
            what = f"the {self.generation} generation"
        found = await context.generations(profile)
        one = find_generation(found, self.generation)
        if one is None:
            return Seen(
                what, not self.there and bool(found), f"the profile {profile.name} has none such."
            )
        if not self.there:
            return Seen(what, False, f"the profile {profile.name} still has it.")
        kept = await asyncio.to_thread(_is_kept, context.machine, one)
        has = {"current": one.current, "running": one.running, "booted": one.booted, "kept": kept}
        asked = {name: getattr(self, name) for name in has if getattr(self, name) is not None}
        facts = [f"it is {one.number}" if isinstance(self.generation, str) else "it is there"]
        facts += [name if has[name] else f"not {name}" for name in asked]
        right = all(has[name] is wanted for name, wanted in asked.items())
        if self.note is not None:
            facts.append(f"its note is “{one.note}”" if one.note else "without a note")
            right = right and _noted(one.note, self.note)
        return Seen(what, right, f"{', '.join(facts)}.")


class LinkIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A symbolic link is there, or not, and leads where it should."""

    link: str
    to: str | None = None
    """What the link says, or the place where it leads in the end."""
    there: bool = True

    def __post_init__(self) -> None:
        if self.to is not None and not self.there:
            raise ValueError("what is not there leads nowhere")
        check_path(self.link + (self.to or ""))

    async def look(self, context: Context, values: Mapping[str, Any]) -> Seen:
        return await asyncio.to_thread(self._look, context.machine)

    def _look(self, machine: Machine) -> Seen:
        path = expand(self.link, machine)
        what = _shown(path, machine)
        try:
            says = os.readlink(path)
        except OSError as error:
            if os.path.lexists(path):
                return Seen(what, False, f"it is no link: {error.strerror}.")
            return Seen(what, not self.there, "it is not there.")
        right = self.there
        if self.to is not None:
            wanted = expand(self.to, machine)
            leads = os.path.isabs(wanted) and os.path.realpath(path) == os.path.realpath(wanted)
            right = right and (says == wanted or leads)
        return Seen(what, right, f"it is a link that says {_shown(says, machine)}.")


class FileIs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file or folder is there, or not, and has this text in it."""

    file: str
    has: str | None = None
    there: bool = True

    def __post_init__(self) -> None:
        if self.has == "" or (self.has is not None and not self.there):
            raise ValueError("`has` is a text that stands in a file that is there")
        check_path(self.file)

    async def look(self, context: Context, values: Mapping[str, Any]) -> Seen:
        return await asyncio.to_thread(self._look, context.machine)

    def _look(self, machine: Machine) -> Seen:
        path = expand(self.file, machine)
        what = _shown(path, machine)
        if not os.path.exists(path):
            return Seen(what, not self.there, "it is not there.")
        if self.has is None or not self.there:
            return Seen(what, self.there, "it is there.")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(_LARGEST)
        except OSError as error:
            return Seen(what, False, f"it cannot be read: {error.strerror}.")
        if self.has in text:
            return Seen(what, True, "it is there, with what it should hold.")
        return Seen(what, False, "it is there, without what it should hold.")


class Journalled(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"from_number": "from"},
):
    """The journal tells of such a change."""

    journal: Literal[
        "rollback",
        "undo",
        "delete",
        "collect",
        "optimise",
        "install",
        "remove",
        "rebuild",
        "update",
        "repair",
    ]
    from_number: int | None = None
    to: int | None = None
    mode: Literal["boot", "test"] | None = None
    """Of a change that is not for now and for the next boot alike."""
    outcome: JournalOutcome = "done"

    async def look(self, context: Context, values: Mapping[str, Any]) -> Seen:
        entries, _ = await asyncio.to_thread(read_journal, context.machine)
        operation = self.journal if self.mode is None else f"{self.journal} {self.mode}"
        what = f"{operation} in the journal"
        for entry in reversed(entries):
            if (
                entry.operation == operation
                and entry.outcome == self.outcome
                and self.from_number in (None, entry.from_number)
                and self.to in (None, entry.to_number)
            ):
                return Seen(what, True, f"it tells of {_change(entry)}.")
        if not entries:
            return Seen(what, False, "it tells of no change at all.")
        return Seen(what, False, f"it tells of none such; its last is {_change(entries[-1])}.")


Condition = GenerationIs | LinkIs | FileIs | Journalled | ValueIs

CONDITIONS: dict[str, type[Condition]] = {
    "generation": GenerationIs,
    "link": LinkIs,
    "file": FileIs,
    "journal": Journalled,
    "value": ValueIs,
}
"""What can be looked at: the key that says so, and what its table may hold."""


def needs_machine(condition: Condition) -> bool:
    """Whether it looks at more than at the notebook's variables."""
    return not isinstance(condition, ValueIs) or condition.same_as is not None


async def look(
    context: Context, conditions: tuple[Condition, ...], values: Mapping[str, Any]
) -> tuple[Seen, ...]:
    """A row for each condition. What cannot be looked at is not right, and says why."""
    rows = []
    for condition in conditions:
        try:
            rows.append(await condition.look(context, values))
        except NixError as error:
            rows.append(Seen(_name(condition), False, f"it cannot be told: {error}"))
    return tuple(rows)


def _name(condition: Condition) -> str:
    return next(key for key, kind in CONDITIONS.items() if isinstance(condition, kind))


def _shown(path: str, machine: Machine) -> str:
    """The path with a word for the playground's folder, whose name says nothing."""
    folder = machine.playground
    if folder is None or not path.startswith(f"{folder}/"):
        return path
    return f"PLAYGROUND{path.removeprefix(folder)}"


def _is_kept(machine: Machine, generation: Generation) -> bool:
    """Whether a root leads to it that is no profile's and not of what runs or was booted."""
    usual = (machine.current_system, machine.booted_system)
    return any(
        root.path == generation.path
        and root.link not in usual
        and not root.link.startswith(f"{machine.profiles_dir}/")
        for root in find_roots(machine).found
    )


def _noted(note: str | None, wanted: bool | str) -> bool:
    if isinstance(wanted, bool):
        return bool(note) is wanted
    return note is not None and wanted.casefold() in note.casefold()


def _change(entry: JournalEntry) -> str:
    moved = ""
    if entry.from_number is not None and entry.to_number is not None:
        moved = f" {entry.from_number} → {entry.to_number}"
    return f"{entry.operation}{moved}, {entry.outcome or 'under way'}"

"""Changes that were cut off: an intent in the journal without an outcome, and nobody at work.

What cuts one off is the machine itself: the power, a reboot, a kill of the supervisor. What is
there now is compared with what was there before and with what should be there.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from ..machine import Machine
from ..records import JournalEntry, Profile, ProfileKind
from ..store.boot_menu import boot_entry
from ..store.links import read_link
from ..store.profiles import find_profile
from ..store.system import running_path
from .journal_changes import journalled

State = Literal["before", "after", "between", "changed", "unknown"]
"""before: as if it had never begun; after: as it should be; changed: neither, so that somebody else
has been there; unknown: of deeds that no supervisor carries out."""


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was cut off, and how the machine is now."""

    entry: JournalEntry
    kind: ProfileKind
    state: State
    facts: tuple[str, ...]
    """Sentences: what is there now."""


def cut_off(machine: Machine) -> list[CutOff]:
    """Every change that was cut off, the newest first. One that is under way is none of them."""
    changes, _ = journalled(machine)
    entries = [change.entry for change in changes if change.state == "cut off"]
    return [examine(machine, entry, profile_of(machine, entry).kind) for entry in entries]


def examine(machine: Machine, entry: JournalEntry, kind: ProfileKind) -> CutOff:
    """How the machine is after a change that was cut off."""
    if entry.mode is None:
        fact = "What it did is told by %nix doctor; nothing of it is left to be finished."
        return CutOff(entry=entry, kind=kind, state="unknown", facts=(fact,))
    seen, facts = set[State](), []
    name = os.path.basename(entry.profile)
    link = read_link(entry.profile)
    facts.append(f"{name} leads to {link or 'nothing'}.")
    if entry.mode != "test":
        seen.add(_profile_state(entry, name, link))
    elif link != f"{name}-{entry.from_number}-link":
        seen.add("changed")
    if kind == "system" and entry.running is not None:
        running = running_path(machine)
        facts.append(f"{running or 'Nothing of the store'} runs.")
        after = entry.running if entry.mode == "boot" else entry.activated
        seen.add(_side(running, entry.running, after))
    if kind == "system" and entry.mode != "test":
        default = boot_entry(machine)
        facts.append(f"The boot loader starts {default or 'what cannot be told'}.")
        if default is not None and entry.from_path != entry.to_path:
            seen.add(_side(os.path.realpath(default), entry.from_path, entry.to_path))
    return CutOff(entry=entry, kind=kind, state=_together(seen), facts=tuple(facts))


def _profile_state(entry: JournalEntry, name: str, link: str | None) -> State:
    before = None if entry.from_number is None else f"{name}-{entry.from_number}-link"
    if link == before:
        return "before"
    led_to = None if link is None else read_link(os.path.join(os.path.dirname(entry.profile), link))
    return "after" if led_to == entry.to_path else "changed"


def _side(now: str | None, before: str | None, after: str | None) -> State:
    if now == before and now == after:
        return "unknown"
    if now == before:
        return "before"
    return "after" if after is not None and now == after else "changed"


def _together(seen: set[State]) -> State:
    """What holds of all; a part that is the same before and after says nothing."""
    told = seen - {"unknown"}
    if "changed" in told:
        return "changed"
    if len(told) == 2:
        return "between"
    return told.pop() if told else "before"


def profile_of(machine: Machine, entry: JournalEntry) -> Profile:
    """The profile of an entry; where it is gone, a user's: only its journal is still there."""
    if entry.profile == machine.system_profile:
        return Profile("system", entry.profile, "system")
    if not os.path.lexists(entry.profile):
        return Profile(os.path.basename(entry.profile), entry.profile, "user")
    return find_profile(machine, entry.profile)

"""The boot menu against the generations: what it offers that is gone, what it does not offer, and
what it starts where nobody chooses."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..errors import NixError, NotFound
from ..machine import Machine
from ..records import BootMenu, Command, Finding, Generation, MenuEntry, Severity
from ..store.boot_menu import read_boot_menu
from ..store.generations import list_generations
from ..store.profiles import find_profile
from ..tools import commands


def examine_boot_entries(machine: Machine) -> list[Finding]:
    """Entries of generations that are gone, entries whose files are gone, missing entries, and a
    default that is not the current generation."""
    try:
        menu = read_boot_menu(machine)
    except NixError as error:
        return [Finding("boot menu", "note", machine.boot_dir, str(error), " ".join(error.todo))]
    if menu is None:
        return []
    ours = [entry for entry in menu.entries if entry.number is not None or entry.system is not None]
    if not ours:
        return []
    try:
        generations = list_generations(machine, find_profile(machine, "system"))
    except NotFound:
        generations = []
    except NixError as error:
        return [Finding("boot menu", "note", menu.where, str(error), " ".join(error.todo))]
    refresh = _refresh(generations)
    found = [
        *_of_entries(machine, menu, ours, generations, refresh),
        *_of_generations(menu, ours, generations, refresh),
    ]
    if not found:
        reason = f"Its {len(ours)} entries are of generations that are there."
        found = [Finding("boot menu", "ok", menu.where, reason)]
    return found


def _of_entries(
    machine: Machine,
    menu: BootMenu,
    ours: list[MenuEntry],
    generations: list[Generation],
    refresh: Command | None,
) -> Iterator[Finding]:
    there = {g.number for g in generations}
    for entry in ours:
        # An entry is named where its file holds others too.
        it = "It" if entry.where != menu.where else f'Its entry "{entry.name}"'
        if entry.number is not None and entry.number not in there:
            reason = f"{it} offers generation {entry.number}, which is gone."
            yield _broken("warning", entry.where, reason, refresh)
        elif lost := [file for file in entry.files if not _is_there(machine, file)]:
            reason = f"{it} needs {', '.join(lost)}, which is not there."
            yield _broken("problem", entry.where, reason, refresh)


def _of_generations(
    menu: BootMenu, ours: list[MenuEntry], generations: list[Generation], refresh: Command | None
) -> Iterator[Finding]:
    numbers = {entry.number for entry in ours if entry.number is not None}
    systems = {entry.system for entry in ours if entry.number is None}
    for generation in generations:
        # Older ones may be left out on purpose: boot.loader.*.configurationLimit.
        needed = generation.current or generation.number > max(numbers, default=generation.number)
        if needed and generation.number not in numbers and generation.path not in systems:
            reason = f"It does not offer generation {generation.number}."
            yield _broken("problem", menu.where, reason, refresh)
        elif generation.current and (other := _other_default(menu, generation)):
            reason = f'It starts "{other}" by itself, not generation {generation.number}.'
            yield _broken("warning", menu.where, reason, refresh)


def _other_default(menu: BootMenu, current: Generation) -> str | None:
    """The default's name where it starts a system that is known and is not the current one."""
    default = menu.default
    if default is None or default.system is None or default.number == current.number:
        return None
    return default.name if default.system != current.path else None


def _refresh(generations: list[Generation]) -> Command | None:
    """What writes the menu anew; None where the current generation cannot."""
    current = next((g for g in generations if g.current and g.problem is None), None)
    if current is None or current.path is None:
        return None
    if not os.access(f"{current.path}/bin/switch-to-configuration", os.X_OK):
        return None
    argv = commands.switch_to_configuration(current.path, "boot")
    return Command(argv, "write the boot menu anew, from the generations that there are")


def _broken(severity: Severity, where: str, reason: str, refresh: Command | None) -> Finding:
    repair = "" if refresh else "Make a generation current that is whole: %nix rollback N"
    return Finding("boot menu", severity, where, reason, repair, refresh)


def _is_there(machine: Machine, file: str) -> bool:
    """Whether a file of an entry is there. Its path is as the boot loader sees the file system:
    from the boot folder's, the store's, or a subvolume's top."""
    last_two = "/".join(file.split("/")[-2:])
    places = (f"{machine.boot_dir}/{file}", file, f"{machine.boot_dir}/{last_two}")
    return any(os.path.exists(place) for place in (*places, f"{machine.store_dir}/{last_two}"))

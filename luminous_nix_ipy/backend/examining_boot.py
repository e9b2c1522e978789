"""The boot menu against the generations, as systemd-boot reads it (NixOS's builder of it names an
entry `nixos-generation-<number>.conf`, nixpkgs, systemd-boot-builder.py; keys: the Boot Loader
Specification, type 1). The menus of other boot loaders are not read.
"""

from __future__ import annotations

import os
import re

from ..errors import NixError, NotFound
from ..machine import Machine
from ..records import Command, Finding, Generation, Severity
from ..store.generations import list_generations
from ..store.profiles import find_profile
from ..tools import commands

_ENTRY = re.compile(
    r"nixos-generation-(?P<number>[1-9]\d*)(?:-specialisation-[^+]+)?(?:\+\d+(?:-\d+)?)?\.conf"
)
_FILES = ("linux", "initrd", "efi", "devicetree")


def examine_boot_entries(machine: Machine) -> list[Finding]:
    """Entries of generations that are gone, entries whose files are gone, and missing entries."""
    folder = f"{machine.boot_dir}/loader/entries"
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Finding("boot menu", "note", folder, f"Not known: {error.strerror}.")]
    entries = {name: int(m["number"]) for name in names if (m := _ENTRY.fullmatch(name))}
    if not entries:
        return []
    try:
        generations = list_generations(machine, find_profile(machine, "system"))
    except NotFound:
        generations = []
    except NixError as error:
        return [Finding("boot menu", "note", folder, str(error), " ".join(error.todo))]
    refresh = _refresh(generations)
    there = {g.number for g in generations}
    found = []
    for name, number in entries.items():
        where = f"{folder}/{name}"
        if number not in there:
            reason = f"It offers generation {number}, which is gone."
            found.append(_broken("warning", where, reason, refresh))
        elif lost := _lost_files(machine, where):
            reason = f"It needs {', '.join(lost)}, which is not there."
            found.append(_broken("problem", where, reason, refresh))
    for generation in generations:
        # Older ones may be left out on purpose: boot.loader.systemd-boot.configurationLimit.
        needed = generation.current or generation.number > max(entries.values())
        if needed and generation.number not in entries.values():
            reason = f"It does not offer generation {generation.number}."
            found.append(_broken("problem", folder, reason, refresh))
    if not found:
        reason = f"Its {len(entries)} entries are of generations that are there."
        found.append(Finding("boot menu", "ok", folder, reason))
    return found


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


def _lost_files(machine: Machine, entry: str) -> list[str]:
    """The files that an entry names and that are not there; their paths are from the folder that
    the firmware sees."""
    try:
        with open(entry, encoding="utf-8", errors="replace") as file:
            lines = [line.split(maxsplit=1) for line in file.read(1 << 16).splitlines()]
    except OSError:
        return []
    named = [words[1].strip() for words in lines if len(words) == 2 and words[0] in _FILES]
    return [f for f in named if not os.path.exists(machine.boot_dir + f) and not os.path.exists(f)]

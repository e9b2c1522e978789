"""The menu of extlinux and U-Boot (nixpkgs, extlinux-conf-builder.sh; Syslinux, config.txt)."""

from __future__ import annotations

import os
import re

from ..machine import Machine
from ..records import BootMenu, MenuEntry
from .boot_files import keys_and_values, read_text, started_system

_NUMBERED = re.compile(r"nixos-([1-9]\d{0,17})(?:-.+)?")
_FILES = ("linux", "kernel", "initrd", "fdt", "fdtdir")


def read_menu(machine: Machine) -> BootMenu | None:
    """The entries in their order; None where there is no such menu.

    Raises:
        OSError: it cannot be read.
    """
    path = f"{machine.boot_dir}/extlinux/extlinux.conf"
    try:
        pairs = keys_and_values(read_text(path))
    except FileNotFoundError:
        return None
    entries: list[MenuEntry] = []
    default = ""
    for at, (key, value) in enumerate(pairs):
        if key.lower() == "default":
            default = value
        elif key.lower() == "label":
            entries.append(_entry(machine, path, value, pairs[at + 1 :]))
    chosen = next((entry for entry in entries if entry.name == default), None)
    return BootMenu(loader="extlinux", where=path, entries=tuple(entries), default=chosen)


def _entry(machine: Machine, path: str, label: str, rest: list[tuple[str, str]]) -> MenuEntry:
    """The entry whose lines `rest` begins with; the next label ends them."""
    files: list[str] = []
    system = None
    for key, value in rest:
        if key.lower() == "label":
            break
        if key.lower() in _FILES:
            files.append(os.path.normpath(os.path.join(os.path.dirname(path), value)))
        elif key.lower() == "append":
            system = started_system(machine, value.split())
    numbered = _NUMBERED.fullmatch(label)
    return MenuEntry(
        name=label,
        where=path,
        number=int(numbered[1]) if numbered else None,
        system=system,
        files=tuple(files),
    )

"""systemd-boot's menu (loader.conf(5); the Boot Loader Specification, type 1). NixOS names its
entries `nixos-generation-<number>.conf` (nixpkgs, systemd-boot-builder.py).
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase

from ..machine import Machine
from ..records import BootMenu, MenuEntry
from .boot_files import keys_and_values, read_text, started_system

_NUMBERED = re.compile(r"nixos-generation-([1-9]\d{0,17})(?:-specialisation-.+)?\.conf")
_COUNTED = re.compile(r"\+(\d+)(?:-\d+)?\.conf$")
"""How many tries to boot an entry are left (Automatic Boot Assessment of systemd)."""
_FILES = ("linux", "initrd", "efi", "devicetree")

_Read = tuple[MenuEntry, dict[str, str]]
"""An entry, and the keys and values that it was made of."""


def read_menu(machine: Machine) -> BootMenu | None:
    """The entries by name, and the default of loader.conf; None where there are none.

    A default that the firmware keeps (`bootctl set-default`) or that is the last booted one
    (`@saved`) is not known.

    Raises:
        OSError: the folder or an entry cannot be read.
    """
    folder = f"{machine.boot_dir}/loader/entries"
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf"))
    except FileNotFoundError:
        return None
    read = [_read_entry(machine, f"{folder}/{name}", name) for name in names]
    if not read:
        return None
    pattern = _default_pattern(machine)
    return BootMenu(
        loader="systemd-boot",
        where=folder,
        entries=tuple(entry for entry, _ in read),
        default=None if pattern is None else _first_match(pattern, read),
    )


def loader_conf(machine: Machine) -> str | None:
    """loader.conf, which stands on the EFI system partition; None where there is none."""
    beside = os.path.join(os.path.dirname(machine.boot_dir), "efi")
    for folder in (machine.boot_dir, f"{machine.boot_dir}/efi", beside):
        if os.path.exists(f"{folder}/loader/loader.conf"):
            return f"{folder}/loader/loader.conf"
    return None


def _read_entry(machine: Machine, path: str, name: str) -> _Read:
    pairs = keys_and_values(read_text(path))
    options = [word for key, value in pairs if key == "options" for word in value.split()]
    numbered = _NUMBERED.fullmatch(_id(name))
    entry = MenuEntry(
        name=name,
        where=path,
        number=int(numbered[1]) if numbered else None,
        system=started_system(machine, options),
        files=tuple(value for key, value in pairs if key in _FILES and value),
    )
    return entry, dict(pairs)


def _default_pattern(machine: Machine) -> str | None:
    conf = loader_conf(machine)
    return None if conf is None else dict(keys_and_values(read_text(conf))).get("default")


def _first_match(pattern: str, read: list[_Read]) -> MenuEntry | None:
    """Of the entries that match, the one that stands first in the menu."""
    matching = [r for r in read if fnmatchcase(_id(r[0].name).lower(), pattern.lower())]
    matching.sort(key=lambda r: _natural(_id(r[0].name)), reverse=True)
    matching.sort(key=lambda r: _natural(r[1].get("version", "")), reverse=True)
    matching.sort(key=_rank)
    return matching[0][0] if matching else None


def _rank(read: _Read) -> tuple[bool, bool, str, str]:
    """What comes before the version in the menu's order: entries that failed too often are last,
    those without a key to sort by behind those with one."""
    entry, keys = read
    counted = _COUNTED.search(entry.name)
    failed = counted is not None and int(counted[1]) == 0
    sort_key = keys.get("sort-key", "")
    return failed, not sort_key, sort_key, keys.get("machine-id", "") if sort_key else ""


def _id(name: str) -> str:
    """The file's name without the number of tries."""
    return _COUNTED.sub(".conf", name)


def _natural(text: str) -> list[tuple[int, str]]:
    """To sort by: numbers by what they count, and before them what is no number."""
    return [(int(n) if n else -1, other) for n, other in re.findall(r"(\d+)|(\D+)", text)]

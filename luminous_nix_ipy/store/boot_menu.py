"""What the boot loader offers, and what it starts where nobody chooses."""

from __future__ import annotations

import os

from ..errors import NixError
from ..machine import Machine
from ..records import BootMenu
from . import extlinux, grub, systemd_boot


def read_boot_menu(machine: Machine) -> BootMenu | None:
    """The menu of the boot loader that NixOS keeps; None where there is none of the three.

    Where several are there, as after another boot loader was chosen, it is the one that was
    written last: each change of the system writes its boot loader's menu anew.

    Raises:
        NixError: it cannot be read.
    """
    try:
        menus = [
            read(machine) for read in (systemd_boot.read_menu, grub.read_menu, extlinux.read_menu)
        ]
        found = [menu for menu in menus if menu is not None]
        return max(found, key=lambda menu: _written(machine, menu), default=None)
    except OSError as error:
        raise NixError(
            "The boot menu cannot be read.",
            f"{error.filename}: {error.strerror}.",
            ["Look at it as root: /boot is often closed to others."],
        ) from error


def boot_entry(machine: Machine) -> str | None:
    """The store path of the system that the boot loader starts where nobody chooses; None where
    that is not known."""
    try:
        menu = read_boot_menu(machine)
    except NixError:
        return None
    return None if menu is None or menu.default is None else menu.default.system


def _written(machine: Machine, menu: BootMenu) -> float:
    """When the menu was last written, in seconds since 1970."""
    file = systemd_boot.loader_conf(machine) if menu.loader == "systemd-boot" else None
    return os.stat(file or menu.where).st_mtime

"""Checks of what a change writes: links, the journal, kernels on the boot partition."""

from __future__ import annotations

import os

from ..errors import NixError
from ..machine import Machine
from ..records import Check, Generation, Profile
from ..store.boot_menu import read_boot_menu
from ..store.boot_space import BootCopies, boot_copies, stale_bytes
from ..store.generations import list_generations
from .journal import journal_file
from .model import Mode
from .privileges import needs_root

_LEAST = 1 << 17
"""Bytes: links, a gc root and two lines of the journal take a block each."""
_LOW = 1 << 24


def space_checks(machine: Machine, profile: Profile, target: Generation, mode: Mode) -> list[Check]:
    """Whether there is the right and the room to write what the change writes."""
    rows = [] if mode == "test" else [_profile_folder_check(machine, profile)]
    rows.append(_disk_check(machine, profile))
    if profile.kind == "system" and mode != "test":
        rows.append(_boot_check(machine, profile, target))
    return rows


def _profile_folder_check(machine: Machine, profile: Profile) -> Check:
    name, folder = "profile folder", _existing(os.path.dirname(profile.path))
    try:
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError as error:
        return Check(name, "unknown", f"{folder}: {error.strerror}.")
    if read_only:
        reason = f"{folder} is mounted read-only: mount it to be written, then try again."
        return Check(name, "refused", reason)
    if not needs_root(machine, profile) and not os.access(folder, os.W_OK):
        return Check(name, "refused", f"no links can be made in {folder}: it may not be written.")
    return Check(name, "ok", f"links can be made in {folder}.")


def _disk_check(machine: Machine, profile: Profile) -> Check:
    name, low = "disk space", []
    written = {
        "links": os.path.dirname(profile.path),
        "gc roots": machine.gcroots_dir,
        "the journal": os.path.dirname(journal_file(machine, profile.kind)),
    }
    for what, wanted in written.items():
        folder = _existing(wanted)
        try:
            disk = os.statvfs(folder)
        except OSError as error:
            return Check(name, "unknown", f"{folder}: {error.strerror}.")
        root = os.geteuid() == 0
        free = (disk.f_bfree if root else disk.f_bavail) * disk.f_frsize
        # Some file systems, such as btrfs, count no files.
        files = (disk.f_ffree if root else disk.f_favail) if disk.f_files else 100
        if free < _LEAST or files < 10:
            left = f"{free >> 10:,} KiB" if free < _LEAST else f"place for {files} files"
            reason = f"{folder} has {left} left, too little for {what}: see %nix collect --dry-run"
            return Check(name, "refused", reason)
        if free < _LOW:
            low.append(f"{folder} has {free >> 20:,} MiB left")
    if low:
        return Check(name, "warning", f"{', '.join(dict.fromkeys(low))}: enough, but little.")
    return Check(name, "ok", "there is room for links, gc roots and the journal.")


def _boot_check(machine: Machine, profile: Profile, target: Generation) -> Check:
    name = "boot space"
    try:
        copies = boot_copies(machine, target.path or "")
    except NixError as error:
        return Check(name, "unknown", str(error))
    if copies is None:
        return Check(name, "ok", "the boot loader reads the store itself: nothing is copied.")
    if not copies.missing:
        return Check(name, "ok", f"its kernel and initrd are in {copies.folder} already.")
    needed = f"{', '.join(sorted(copies.missing))} ({_mib(copies.needed)})"
    if copies.needed <= copies.free:
        return Check(name, "ok", f"there is room in {copies.folder} for {needed}.")
    short = f"{copies.folder} has {_mib(copies.free)} left, too little for {needed}"
    if copies.renamed:
        reason = f"{short}; the initrd with its secrets may be there under another name."
        return Check(name, "unknown", reason)
    if copies.needed <= copies.free + _stale(machine, profile, copies, target):
        return Check(name, "warning", f"{short}, until what no generation needs is removed first.")
    return Check(
        name,
        "refused",
        f"{short}: the boot entry could not be made. Delete generations whose kernels nothing "
        "else needs: %nix collect --dry-run",
    )


def _stale(machine: Machine, profile: Profile, copies: BootCopies, target: Generation) -> int:
    """Bytes of copies that are removed before the target's are made."""
    try:
        generations = {g.number: g.path or "" for g in list_generations(machine, profile)}
        menu = read_boot_menu(machine)
        offered = sorted({e.number for e in menu.entries if e.number} if menu else ())
        # Where the menu has a limit, a new generation's entry takes the place of the oldest.
        if not target.link and not generations.keys() <= {*offered}:
            generations = {n: path for n, path in generations.items() if n in offered[1:]}
        return stale_bytes(machine, copies, [target.path or "", *generations.values()])
    except (NixError, OSError):
        return 0


def _existing(folder: str) -> str:
    """The folder, or the nearest above it that is there: it would be made in that."""
    while not os.path.exists(folder) and folder != "/":
        folder = os.path.dirname(folder)
    return folder


def _mib(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MiB"

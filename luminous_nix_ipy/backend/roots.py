"""Roots of our own: what was current before a change, and what a note keeps.

Each backup is one gc root, a link named after its change's journal id. A root below Nix's own gc
roots folder is direct; where that folder is not ours to write, Nix is asked for an indirect one
(nix-store(1), `--add-root`, `--indirect`) in the user's state folder. The three newest backups of a
profile stay, so that one is there until the third later change. A generation that `%nix note
--keep` was said of has such a root too, until it is taken back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable

from ..errors import NixError
from ..machine import Machine
from ..records import Command, Generation, Profile
from ..tools.commands import add_indirect_root
from .journal import read_journal
from .model import Backup

_KEPT = 3
_NOTE = "note-"
"""How the names of roots begin that notes made; those of backups begin with a date."""


def root_folders(machine: Machine) -> tuple[str, str]:
    """Where the roots of backups are: the direct ones, and the indirect ones."""
    return f"{machine.gcroots_dir}/luminous-nix", f"{machine.user_state_dir}/roots"


def root_path(machine: Machine, change_id: str, *, as_root: bool = False) -> tuple[str, bool]:
    """Where the root of a change goes, and whether it is a direct one.

    Args:
        as_root: it is made with root's rights, which this process may not have itself.
    """
    direct, indirect = root_folders(machine)
    parent = direct if os.path.isdir(direct) else machine.gcroots_dir
    if as_root or os.access(parent, os.W_OK):
        return f"{direct}/{change_id}", True
    return f"{indirect}/{change_id}", False


async def make_root(
    machine: Machine,
    name: str,
    store_path: str,
    run: Callable[[Command], Awaitable[object]],
) -> str:
    """Keep a store path; the root's path.

    Raises:
        NixError: the root cannot be made.
    """
    path, direct = root_path(machine, name)
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        if direct:
            os.symlink(store_path, path)
    except OSError as error:
        raise NixError(
            f"{store_path} cannot be kept from the garbage collector.",
            f"{path}: {error.strerror}.",
            ["Nothing was changed. Free space or mend the rights of that folder, then try again."],
        ) from error
    if not direct:
        argv = add_indirect_root(path, store_path)
        await run(Command(argv, "keep it from the garbage collector"))
    return path


def list_backups(machine: Machine, profile: Profile | None = None) -> list[Backup]:
    """The backups that are still there, newest first; of one profile, or of all."""
    if not any(os.path.isdir(folder) for folder in root_folders(machine)):
        return []
    entries, _ = read_journal(machine)
    return [
        Backup(
            id=entry.id,
            made=entry.started,
            operation=entry.operation,
            profile=entry.profile,
            number=entry.from_number,
            path=entry.from_path,
            root=entry.backup,
        )
        for entry in reversed(entries)
        if entry.backup is not None
        and entry.from_number is not None
        and entry.from_path is not None
        and (profile is None or entry.profile == profile.path)
        and os.path.islink(entry.backup)
    ]


def kept_paths(machine: Machine, profile: Profile) -> frozenset[str]:
    """The store paths that backups of this profile, and notes, keep."""
    backups = (backup.path for backup in list_backups(machine, profile))
    return frozenset((*backups, *paths_kept_by_notes(machine)))


def note_root(profile: Profile, generation: Generation) -> str:
    """The name of the root that `%nix note --keep` makes for a generation: the same each time, and
    another one for each path, since Nix reuses numbers."""
    key = f"{profile.path}\0{generation.path}".encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(key).hexdigest()[:12]
    name = os.path.basename(profile.path)
    return f"{_NOTE}{name}-{generation.number}-{digest}"


def is_note_root(name: str) -> bool:
    """Whether a root of ours has its name from a note."""
    return name.startswith(_NOTE)


def note_roots(machine: Machine, profile: Profile, generation: Generation) -> list[str]:
    """The paths of the roots that `%nix note --keep` made for a generation and that are there."""
    name = note_root(profile, generation)
    return [path for folder in root_folders(machine) if os.path.islink(path := f"{folder}/{name}")]


def paths_kept_by_notes(machine: Machine) -> list[str]:
    """The store paths that `%nix note --keep` keeps, of any profile."""
    return [
        os.readlink(f"{folder}/{name}")
        for folder in root_folders(machine)
        if os.path.isdir(folder)
        for name in os.listdir(folder)
        if is_note_root(name)
    ]


def old_roots(machine: Machine, profile: str) -> list[str]:
    """The roots of backups of the profile at that path that go when another one comes: three
    stay."""
    kept = [backup for backup in list_backups(machine) if backup.profile == profile]
    return [backup.root for backup in kept[_KEPT - 1 :]]

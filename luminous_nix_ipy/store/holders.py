"""Which packages a machine has, by name: in the generations of its systems and of user profiles.

Of a system or a home these are the packages that were chosen for it (the direct references of its
`sw` or `home-path`), not what those need; of a user's profile, what its manifest lists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from contextlib import closing, suppress

import msgspec

from ..errors import DatabaseUnreadable, NixError
from ..machine import Machine
from ..records import Profile
from .database import StoreDatabase, open_database
from .generations import list_generations
from .links import read_link
from .manifests import read_manifest
from .profiles import known_profiles
from .versions import split

_PARTS = ("sw", "home-path")
_OF_A_LANGUAGE = re.compile(r"(?:python|perl|ruby|lua|luajit|php|ocaml|emacs)[\d.]+-")
"""What nixpkgs puts before the name of a package of a language's set."""

_ANY = "*-"
"""Stands for the beginning of a language's packages' names."""

_known: dict[str, dict[str, str]] = {}
"""Store path of a generation -> the names of its packages and their versions."""


_last: list[tuple[Hashable, Installed]] = []
"""What was last found, and what it rests on."""


class Holder(msgspec.Struct, frozen=True):
    """A generation that has a package."""

    profile: str
    generation: int
    version: str
    current: bool
    """It is the profile's current one."""


class Installed(msgspec.Struct, frozen=True):
    """The packages of a machine."""

    by_name: dict[str, tuple[Holder, ...]]

    def holders(self, attribute: str, pname: str) -> tuple[Holder, ...]:
        """Who has a package, the newest generation first in each profile."""
        return self.by_name.get(f"{_ANY}{pname}" if "." in attribute else pname, ())


def installed_packages(machine: Machine) -> Installed:
    """The packages of every profile of the machine that can be read; starts no process."""
    stamp = (machine.database, installed_stamp(machine))
    if _last and _last[0][0] == stamp:
        return _last[0][1]
    found = _read(machine)
    _last[:] = [(stamp, found)]
    return found


def _read(machine: Machine) -> Installed:
    found: dict[str, list[Holder]] = {}
    try:
        database = open_database(machine)
    except DatabaseUnreadable:
        return _collect(machine, None, found)
    with closing(database):
        return _collect(machine, database, found)


def installed_stamp(machine: Machine) -> Hashable:
    """What `installed_packages` rests on: with another value it may be otherwise. A profile that
    changes changes its folder, since its link is replaced there."""
    per_user = os.path.join(machine.profiles_dir, "per-user")
    state = machine.child_environment().get("XDG_STATE_HOME") or f"{machine.home}/.local/state"
    own = read_link(f"{machine.home}/.nix-profile")
    folders = [machine.profiles_dir, f"{state}/nix/profiles", os.path.dirname(own or "")]
    with suppress(OSError):
        folders += [os.path.join(per_user, user) for user in sorted(os.listdir(per_user))]
    return tuple((folder, _changed(folder)) for folder in folders)


def _collect(
    machine: Machine, database: StoreDatabase | None, found: dict[str, list[Holder]]
) -> Installed:
    for profile in known_profiles(machine):
        try:
            generations = list_generations(machine, profile, details=False)
        except NixError:
            continue
        for generation in generations:
            packages = _packages(profile, os.path.realpath(generation.link), database)
            for name, version in packages.items():
                holder = Holder(profile.name, generation.number, version, generation.current)
                found.setdefault(name, []).append(holder)
                of_language = _OF_A_LANGUAGE.sub(_ANY, name, count=1)
                if of_language != name:
                    found.setdefault(of_language, []).append(holder)
    return Installed({name: tuple(holders) for name, holders in found.items()})


def _packages(profile: Profile, path: str, database: StoreDatabase | None) -> dict[str, str]:
    """Name -> version of the packages of one generation; none where they cannot be read."""
    if path in _known:
        return _known[path]
    try:
        paths = [p for package in read_manifest(path).packages for p in package.paths]
        if not paths and profile.kind != "user" and database is not None:
            paths = _chosen(path, database)
        elif not paths and database is None:
            return {}
    except (NixError, OSError):
        return {}
    _known[path] = {part.name: part.version for part in map(split, paths)}
    return _known[path]


def _chosen(path: str, database: StoreDatabase) -> list[str]:
    """The packages of a system or a home."""
    for part in _PARTS:
        link = read_link(os.path.join(path, part))
        if link is not None:
            return database.references(link)
    return []


def _changed(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None

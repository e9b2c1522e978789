"""What is looked at when the health of a machine is examined: files alone, no process, no change.

Every function returns findings, at least one; "ok" where all is as it should be.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from contextlib import closing

from ..errors import DatabaseUnreadable, NixError
from ..machine import Machine
from ..records import Command, Finding, Generation, Profile
from ..store.connection import DatabaseConnection
from ..store.generations import current_number, list_generations
from ..store.links import read_link
from ..store.liveness import valid_among
from ..store.profiles import known_profiles
from ..store.roots import find_roots
from ..store.system import link_is_relative, running_path
from ..tools import commands

SCHEMA = 10
"""Of the store's database, since Nix 1.12 (Nix, local-store.hh, nixSchemaVersion)."""

_STORE_FREE = 2 << 30
"""Bytes: a NixOS update takes some, and SQLite stops when there are none."""
_BOOT_FREE = 64 << 20
"""Bytes: about one kernel with its initrd."""
_STALE_NAMED = 3
"""Gc roots that a finding names; of more, how many there are."""
_LISTED = 20
"""Things of one kind that are findings of their own; of more, how many there are."""

_COLUMNS = {"ValidPaths": ("id", "path"), "Refs": ("referrer", "reference")}
_BROKEN_REFERENCES = """
    select distinct p.path from Refs r left join ValidPaths q on q.id = r.reference
    join ValidPaths p on p.id = r.referrer where q.id is null limit 100
"""


def examine_database(machine: Machine) -> list[Finding]:
    """The store's database: whole, of the schema that is known, its references and paths there."""
    where = machine.database

    def ask(connection: sqlite3.Connection) -> tuple[list[str], list[str], list[str]]:
        told = [row[0] for row in connection.execute("pragma quick_check(20)")]
        broken = [row[0] for row in connection.execute(_BROKEN_REFERENCES)]
        return told, broken, [row[0] for row in connection.execute("select path from ValidPaths")]

    try:
        with closing(DatabaseConnection(where, _COLUMNS)) as connection:
            told, broken, paths = connection.read(ask)
    except DatabaseUnreadable as error:
        repair = " ".join(error.todo) or "Put back a copy of it; Nix cannot make it anew."
        return [Finding("database", "problem", where, str(error), repair)]
    # A playground without Nix has no such file: it is for Nix alone.
    found = [] if machine.simulated else [_schema(machine)]
    if told == ["ok"]:
        found.append(
            Finding("database", "ok", where, f"SQLite finds it whole; it has {len(paths):,} paths.")
        )
    else:
        dump = f"sqlite3 {where} .recover > recovered.sql"
        reason = f"SQLite says: {'; '.join(told[:3])}."
        repair = f"Copy the file, then see what is left of it: {dump}"
        found.append(Finding("database", "problem", where, reason, repair))
    lost = sorted(set(map(os.path.basename, paths)) - _names(machine.store_dir))
    found += [_lost_path(f"{machine.store_dir}/{name}") for name in lost[:_LISTED]]
    found += [
        Finding(
            "references",
            "problem",
            path,
            "What it refers to is not in the database.",
            command=Command(commands.repair_path(path), f"fetch or build {_short(path)} anew"),
        )
        for path in broken[:_LISTED]
    ]
    more = len(lost[_LISTED:]) + len(broken[_LISTED:])
    if more:
        found.append(
            Finding(
                "store paths",
                "problem",
                machine.store_dir,
                f"{more:,} more are as broken.",
                "%nix repair, again",
            )
        )
    if not lost and not broken:
        found.append(
            Finding(
                "store paths",
                "ok",
                machine.store_dir,
                "All are there, and what they refer to as well.",
            )
        )
    return found


def examine_profiles(machine: Machine) -> list[Finding]:
    """The links of every profile that is known, and of their generations."""
    found = []
    for profile in known_profiles(machine):
        try:
            generations = list_generations(machine, profile)
        except NixError as error:
            found.append(Finding("profile", "note", profile.path, str(error), " ".join(error.todo)))
            continue
        of_this = [_profile_link(machine, profile, generations), *_dangling(profile, generations)]
        numbers = sorted(g.number for g in generations)
        if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
            told = ", ".join(map(str, _gaps(numbers)))
            reason = f"Between its generations are missing: {told}. Deleted ones leave such gaps."
            of_this.append(Finding("profile", "note", profile.path, reason))
        found += of_this
    return found or [Finding("profile", "note", machine.profiles_dir, "There is no profile yet.")]


def examine_roots(machine: Machine) -> list[Finding]:
    """The gc roots: those that lead nowhere, and those that this user cannot read."""
    roots = find_roots(machine)
    found = []
    if roots.stale:
        count = len(roots.stale)
        told = [f"{link} → {read_link(link)}" for link in roots.stale[:_STALE_NAMED]]
        if count > _STALE_NAMED:
            told.append(f"and {count - _STALE_NAMED:,} more")
        reason = (
            f"{count:,} of them lead{'s' if count == 1 else ''} to a link that is gone: "
            f"{'; '.join(told)}."
        )
        where = f"{machine.gcroots_dir}/auto"
        own = "Nothing: Nix takes such links away when it next collects."
        found.append(Finding("stale gc roots", "note", where, reason, own))
    if roots.unreadable:
        reason = f"{len(roots.unreadable):,} cannot be read by you: {roots.unreadable[0]}."
        found.append(Finding("gc root", "note", machine.gcroots_dir, reason, "Look as root."))
    try:
        valid = valid_among(machine, roots.paths)
    except DatabaseUnreadable:
        return found
    for root in roots.found:
        is_generation = os.path.dirname(root.link).startswith(machine.profiles_dir)
        if root.path not in valid and not is_generation:
            reason = f"It keeps {root.path}, which the store does not have."
            repair = f"Make it anew, or take the link away: rm {root.link}"
            found.append(Finding("gc root", "warning", root.link, reason, repair))
    if not any(f.severity in ("warning", "problem") for f in found):
        reason = f"{len(roots.found):,} roots keep what is there."
        found.append(Finding("gc roots", "ok", machine.gcroots_dir, reason))
    return found


def examine_space(machine: Machine) -> list[Finding]:
    """Free space for the store, its database, and what is booted."""
    found = []
    wanted = {"store": (machine.store_dir, _STORE_FREE)}
    if os.path.isdir(f"{machine.boot_dir}/loader"):
        wanted["boot"] = (machine.boot_dir, _BOOT_FREE)
    for name, (folder, least) in wanted.items():
        try:
            disk = os.statvfs(folder)
        except OSError as error:
            found.append(Finding(f"{name} space", "note", folder, f"Not known: {error.strerror}."))
            continue
        free = disk.f_bavail * disk.f_frsize
        if free < least:
            reason = f"{free >> 20:,} MiB are free, less than {least >> 20:,} MiB."
            repair = "See what could go: %nix collect --dry-run"
            found.append(Finding(f"{name} space", "warning", folder, reason, repair))
        elif disk.f_files and disk.f_favail * 100 < disk.f_files:
            reason = f"{disk.f_favail:,} files can still be made, less than one in a hundred."
            repair = "See what could go: %nix collect --dry-run"
            found.append(Finding(f"{name} space", "warning", folder, reason, repair))
        else:
            found.append(Finding(f"{name} space", "ok", folder, f"{free >> 20:,} MiB are free."))
    return found


def _schema(machine: Machine) -> Finding:
    where = f"{machine.state_dir}/db/schema"
    try:
        with open(where, encoding="ascii", errors="replace") as file:
            told = file.read(20).strip()
    except OSError as error:
        return Finding(
            "schema",
            "warning",
            where,
            f"{error.strerror}.",
            "Any program of Nix writes it: nix-store --init",
        )
    if told == str(SCHEMA):
        return Finding("schema", "ok", where, f"It is {SCHEMA}.")
    reason = f"It is {told!r}, where {SCHEMA} is known here."
    return Finding("schema", "warning", where, reason, "Read it with the Nix that wrote it.")


def _lost_path(path: str) -> Finding:
    return Finding(
        "store path",
        "problem",
        path,
        "The database has it, but it is gone.",
        command=Command(commands.repair_path(path), f"fetch or build {_short(path)} anew"),
    )


def _profile_link(machine: Machine, profile: Profile, generations: list[Generation]) -> Finding:
    """The link that says which generation is current."""
    number = current_number(profile)
    there = {g.number for g in generations}
    whole = [g for g in generations if g.problem is None]
    relative = link_is_relative(profile)
    if number in there:
        assert number is not None
        if relative:
            return Finding("profile", "ok", profile.path, f"It leads to generation {number}.")
        argv = commands.switch_generation(profile.path, number)
        return Finding(
            "profile",
            "warning",
            profile.path,
            "Its link is absolute, so that Nix does not know which generation is current: "
            "nix-collect-garbage -d would delete them all.",
            command=Command(
                argv, f"write {profile.name}'s link as Nix does, to generation {number}"
            ),
        )
    running = running_path(machine) if profile.kind == "system" else None
    best = next((g for g in whole if running is not None and g.path == running), None)
    best = best or (whole[0] if whole else None)
    told = read_link(profile.path)
    reason = "There is no link." if told is None else f"It leads to {told}, which is not there."
    if best is None:
        return Finding(
            "profile", "problem", profile.path, reason, "None of its generations is whole."
        )
    which = "the one that runs" if best.path == running else "its newest that is whole"
    argv = commands.switch_generation(profile.path, best.number)
    command = Command(argv, f"let {profile.name} lead to generation {best.number}, {which}")
    return Finding("profile", "problem", profile.path, reason, command=command)


def _dangling(profile: Profile, generations: list[Generation]) -> list[Finding]:
    """Generations whose store path is gone."""
    return [
        Finding(
            "generation",
            "problem",
            g.link,
            g.problem,
            f"Fetch it where a substituter has it: nix-store --realise {g.path}"
            if g.current
            else f"%nix delete {g.number} --profile {profile.name}",
        )
        for g in generations
        if g.problem is not None
    ]


def _gaps(numbers: list[int]) -> list[str]:
    """What is missing between the numbers: "3" or "5–9"."""
    gaps = []
    for before, after in itertools.pairwise(numbers):
        if after - before == 2:
            gaps.append(str(before + 1))
        elif after - before > 2:
            gaps.append(f"{before + 1}–{after - 1}")
    return gaps


def _names(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _short(path: str) -> str:
    """A store path's name, without its folder and hash."""
    return os.path.basename(path)[33:] or path

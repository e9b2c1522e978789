"""The generations of a profile, read from its links as Nix does (Nix, profiles.cc)."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, timezone
from stat import ST_MTIME

from msgspec.structs import replace

from ..errors import NixError
from ..machine import Machine
from ..records import Generation, Profile
from .profiles import generation_number
from .system import booted_path, running_path
from .toplevel import Facts, read_facts

Dated = tuple[int, datetime | None, bool]
"""What `nix-env --list-generations` tells of one generation: number, date, current."""

_NO_FACTS = Facts()
_zones: dict[tuple[int, str], timezone] = {}


def list_generations(
    machine: Machine,
    profile: Profile,
    *,
    details: bool = True,
    kept: Collection[str] = frozenset(),
) -> list[Generation]:
    """The generations of `profile`, newest first and without notes; empty where it has none.

    Args:
        details: read versions, revision, specialisations and description too, and look whether
            each generation's store path is there.
        kept: store paths that gc roots of ours keep.

    Raises:
        NixError: the profile's folder cannot be read.
    """
    return describe(machine, profile, scan(profile), details=details, kept=kept)


def scan(profile: Profile) -> list[Dated]:
    """Number, date and current of every generation, in no order."""
    folder, name = os.path.split(profile.path)
    prefix, suffix = f"{name}-", "-link"
    current = current_number(profile)
    found: list[Dated] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not (entry.name.startswith(prefix) and entry.name.endswith(suffix)):
                    continue
                number = generation_number(name, entry.name)
                if number is None:
                    continue
                try:
                    # The integer form: Nix's dates are whole seconds, and a date that is shown
                    # must find its generation when it is typed.
                    seconds = int(entry.stat(follow_symlinks=False)[ST_MTIME])
                except FileNotFoundError:
                    continue
                found.append((number, local_date(seconds), number == current))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NixError(
            f"The generations of {profile.path} cannot be listed.",
            f"{folder}: {error.strerror}.",
            [f"Look at the permissions of {folder}."],
        ) from error
    return found


def describe(
    machine: Machine,
    profile: Profile,
    dated: Iterable[Dated],
    *,
    details: bool = True,
    kept: Collection[str] = frozenset(),
) -> list[Generation]:
    """The records of these generations, newest first, with what their links and files tell."""
    running, booted = running_path(machine), booted_path(machine)
    folder = os.path.dirname(profile.path)
    facts = _NO_FACTS
    generations = []
    for number, date, current in sorted(dated, reverse=True):
        link = f"{profile.path}-{number}-link"
        path: str | None
        problem: str | None
        try:
            path = os.readlink(link)
        except FileNotFoundError:
            continue
        except OSError as error:
            path, problem = None, _no_link(link, error)
        else:
            if path[:1] != "/":
                path = os.path.normpath(os.path.join(folder, path))
            if details:
                facts = read_facts(path)
            problem = facts.problem
        if path is None:
            facts = _NO_FACTS
        generations.append(
            Generation(
                number=number,
                date=date,
                current=current,
                running=path is not None and path == running,
                booted=path is not None and path == booted,
                kept=path in kept,
                nixos_version=facts.nixos_version,
                kernel_version=facts.kernel_version,
                configuration_revision=facts.configuration_revision,
                specialisations=facts.specialisations,
                description=facts.description,
                path=path,
                link=link,
                problem=problem,
            )
        )
    return _mark_specialised(generations, running, booted)


def current_number(profile: Profile) -> int | None:
    """The number of the generation that the profile's link points to; None where it points to none
    of its own."""
    try:
        target = os.readlink(profile.path)
    except OSError:
        return None
    folder, name = os.path.split(profile.path)
    number = generation_number(name, target)
    if number is None or "/" not in target:
        return number
    try:
        same = os.path.samefile(os.path.join(folder, os.path.dirname(target)), folder)
    except OSError:
        return None
    return number if same else None


def local_date(seconds: int) -> datetime | None:
    """An aware datetime in local time, with the offset that was in force then; None for a time that
    has no date."""
    try:
        local = time.localtime(seconds)
        key = (local.tm_gmtoff, local.tm_zone)
        zone = _zones.get(key)
        if zone is None:
            zone = _zones[key] = timezone(timedelta(seconds=key[0]), key[1])
        return datetime.fromtimestamp(seconds, zone)
    except (OverflowError, ValueError, OSError):
        return None


def _mark_specialised(
    generations: list[Generation], running: str | None, booted: str | None
) -> list[Generation]:
    """A system that runs as one of a generation's specialisations is that generation's system."""
    for field, wanted in (("running", running), ("booted", booted)):
        if wanted is None or any(getattr(generation, field) for generation in generations):
            continue
        for index, generation in enumerate(generations):
            if any(
                _points_to(f"{generation.path}/specialisation/{name}", wanted)
                for name in generation.specialisations
            ):
                generations[index] = replace(generation, **{field: True})
    return generations


def _points_to(link: str, wanted: str) -> bool:
    try:
        return os.readlink(link) == wanted
    except OSError:
        return False


def _no_link(link: str, error: OSError) -> str:
    if os.path.isdir(link):
        return f"{link} is a folder, not a link."
    if os.path.isfile(link):
        return f"{link} is a file, not a link."
    return f"{link} cannot be read: {error.strerror}."

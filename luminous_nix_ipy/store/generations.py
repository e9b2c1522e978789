"""The generations of a profile, read from its links as Nix does (Nix, profiles.cc)."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from stat import ST_MTIME

from msgspec.structs import replace

from ..errors import NixError
from ..machine import Machine
from ..records import Generation, Profile
from .profiles import generation_number, link_pattern
from .system import booted_path, running_path
from .toplevel import Facts, read_facts

Dated = tuple[int, datetime | None, bool]
"""What `nix-env --list-generations` tells of one generation: number, date, current."""

_WEEK = 7 * 24 * 3600


def list_generations(
    machine: Machine,
    profile: Profile,
    *,
    details: bool = True,
    kept: Collection[str] = frozenset(),
) -> list[Generation]:
    """The generations of `profile`, newest first and without notes; empty where it has none.

    Args:
        details: False leaves all but number, date, current and link at their defaults: neither
            the links' targets nor their files are read.
        kept: store paths that gc roots of ours keep.

    Raises:
        NixError: the profile's folder cannot be read.
    """
    return describe(machine, profile, scan(profile), details=details, kept=kept)


def scan(profile: Profile) -> list[Dated]:
    """Number, date and current of every generation, in no order."""
    folder, name = os.path.split(profile.path)
    matched = link_pattern(name)
    current = current_number(profile)
    found: list[Dated] = []
    try:
        # Names below a descriptor are looked up without walking to the folder again.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _not_listed(profile, folder, error) from error
    try:
        for link in os.listdir(descriptor):
            match = matched(link)
            if match is None:
                continue
            try:
                # The whole seconds: Nix's dates are those, and a date that is shown must find its
                # generation when it is typed.
                seconds = os.lstat(link, dir_fd=descriptor)[ST_MTIME]
            except FileNotFoundError:
                continue
            number = int(match[1])
            found.append((number, local_date(seconds), number == current))
    except OSError as error:
        raise _not_listed(profile, folder, error) from error
    finally:
        os.close(descriptor)
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
    newest_first = sorted(dated, reverse=True)
    if not details:
        return [
            Generation(number=n, date=d, current=c, link=f"{profile.path}-{n}-link")
            for n, d, c in newest_first
        ]
    running, booted = running_path(machine), booted_path(machine)
    folder = os.path.dirname(profile.path)
    generations = []
    for number, date, current in newest_first:
        link = f"{profile.path}-{number}-link"
        path = None
        try:
            path = os.readlink(link)
        except FileNotFoundError:
            continue
        except OSError as error:
            facts = Facts(problem=_no_link(link, error))
        else:
            if not path.startswith("/"):
                path = os.path.normpath(os.path.join(folder, path))
            facts = read_facts(path)
        generations.append(
            Generation(
                number=number,
                date=date,
                current=current,
                running=path == running is not None,
                booted=path == booted is not None,
                kept=path in kept,
                nixos_version=facts.nixos_version,
                kernel_version=facts.kernel_version,
                configuration_revision=facts.configuration_revision,
                specialisations=facts.specialisations,
                description=facts.description,
                path=path,
                link=link,
                problem=facts.problem,
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


def local_date(seconds: float) -> datetime | None:
    """An aware datetime in local time, with the offset that was in force then; None for a time that
    has no date."""
    try:
        week = int(seconds // _WEEK)
        zone = _zone_of_week(week, time.tzname, time.timezone) or _zone_at(seconds)
        return datetime.fromtimestamp(seconds, zone)
    except (OverflowError, ValueError, OSError):
        return None


@lru_cache(maxsize=2048)
def _zone_of_week(week: int, names: tuple[str, str], offset: int) -> timezone | None:
    """The zone of that week since 1970, asked at both its ends: no clock is changed twice in one.
    None where it was changed. `names` and `offset` are those that time.tzset(3) has set."""
    first, last = _zone_at(week * _WEEK), _zone_at((week + 1) * _WEEK - 1)
    return first if first is last else None


def _zone_at(seconds: float) -> timezone:
    local = time.localtime(seconds)
    return _zone(local.tm_gmtoff, local.tm_zone)


@lru_cache(maxsize=64)
def _zone(offset: int, name: str) -> timezone:
    return timezone(timedelta(seconds=offset), name)


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


def _not_listed(profile: Profile, folder: str, error: OSError) -> NixError:
    return NixError(
        f"The generations of {profile.path} cannot be listed.",
        f"{folder}: {error.strerror}.",
        [f"Look at the permissions of {folder}."],
    )


def _no_link(link: str, error: OSError) -> str:
    if os.path.isdir(link):
        return f"{link} is a folder, not a link."
    if os.path.isfile(link):
        return f"{link} is a file, not a link."
    return f"{link} cannot be read: {error.strerror}."

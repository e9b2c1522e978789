"""Stands in for nix-env where there is no Nix: moves the profile links of a simulated playground.

This is the only place of the package that writes profile links, and it does so only below a folder
that carries our marker. Links, numbers, lock and refusals are those of Nix (src/libstore/
profiles.cc, src/libstore/pathlocks.cc): the profile's target is relative, a link is replaced by
renaming another over it, and `<profile>.lock` is held meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Sequence

from ..errors import CommandFailed, Refused
from ..machine import Machine
from . import owner


def run_stand_in(machine: Machine, argv: Sequence[str]) -> str:
    """Do what nix-env does with these arguments; what it says.

    Understood are `nix-env -p PROFILE` (or `--profile PROFILE`) followed by `--set PATH`,
    `--switch-generation NUMBER` or `--delete-generations NUMBER…`.

    Raises:
        CommandFailed: nix-env would fail, or the arguments are none of these.
        Refused: the machine is no simulated playground, or the profile is not inside of it.
    """
    try:
        match list(argv):
            case [_, "-p" | "--profile", profile, "--set", path]:
                set_profile(machine, profile, path)
                return ""
            case [_, "-p" | "--profile", profile, "--switch-generation", number]:
                before = switch_generation(machine, profile, _number(number))
                return f"switching profile from version {before or 'none'} to {number}\n"
            case [_, "-p" | "--profile", profile, "--delete-generations", first, *more]:
                gone = delete_generations(machine, profile, [*map(_number, [first, *more])])
                return "".join(f"removing profile version {number}\n" for number in gone)
        raise ValueError("these arguments are not known to the playground's stand-in for nix-env")
    except ValueError as error:
        raise CommandFailed(
            f"`{' '.join(argv)}` failed with exit status 1.",
            f"error: {error}",
            argv=tuple(argv),
            returncode=1,
            stderr=f"error: {error}\n",
        ) from None


def set_profile(machine: Machine, profile: str, path: str) -> int:
    """Make a store path the current generation, a new one unless the newest is it already; its
    number.

    Raises:
        Refused: not a simulated playground, or not inside of it.
        ValueError: no such store path.
    """
    _guard(machine, profile)
    if os.path.dirname(path) != machine.store_dir or not os.path.lexists(path):
        raise ValueError(f"path '{path}' is not valid")
    with _lock(profile):
        numbers = _numbers(profile)
        number = max(numbers, default=0)
        if not numbers or os.readlink(_generation(profile, number)) != path:
            number += 1
            _replace_link(_generation(profile, number), path)
        _switch(profile, number)
        return number


def switch_generation(machine: Machine, profile: str, number: int) -> int | None:
    """Make a generation current; the number of the one that was.

    Raises:
        Refused: not a simulated playground, or not inside of it.
        ValueError: no such generation.
    """
    _guard(machine, profile)
    with _lock(profile):
        if number not in _numbers(profile):
            raise ValueError(f"profile version {number} does not exist")
        before = _current(profile)
        _switch(profile, number)
        return before


def delete_generations(machine: Machine, profile: str, numbers: Sequence[int]) -> list[int]:
    """Delete generations; the numbers of those that were there, ascending.

    Raises:
        Refused: not a simulated playground, or not inside of it.
        ValueError: the current one is among them; then none is deleted.
    """
    _guard(machine, profile)
    with _lock(profile):
        if _current(profile) in numbers:
            raise ValueError(f"cannot delete current version of profile '{profile}'")
        gone = sorted(set(numbers) & _numbers(profile))
        for number in gone:
            os.unlink(_generation(profile, number))
        return gone


def _guard(machine: Machine, profile: str) -> None:
    folder = machine.playground
    inside = folder is not None and os.path.realpath(os.path.dirname(profile)).startswith(
        os.path.realpath(folder) + "/"
    )
    if folder is None or not machine.simulated or not inside or not owner.is_marked(folder):
        raise Refused(
            f"{profile} is not touched.",
            "Only profiles inside of a playground without Nix are changed without nix-env.",
            ["Use nix-env."],
        )


@contextlib.contextmanager
def _lock(profile: str) -> Iterator[None]:
    """Hold Nix's lock: a lock file that is not empty was removed by its last holder."""
    path = f"{profile}.lock"
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_size == 0:
            break
        os.close(descriptor)
    try:
        yield
    finally:
        os.unlink(path)
        os.write(descriptor, b"d")
        os.close(descriptor)


def _numbers(profile: str) -> set[int]:
    folder, name = os.path.split(profile)
    form = re.compile(re.escape(name) + r"-(\d+)-link")
    return {int(match[1]) for entry in os.listdir(folder) if (match := form.fullmatch(entry))}


def _current(profile: str) -> int | None:
    try:
        target = os.readlink(profile)
    except FileNotFoundError:
        return None
    match = re.fullmatch(re.escape(os.path.basename(profile)) + r"-(\d+)-link", target)
    return int(match[1]) if match else None


def _generation(profile: str, number: int) -> str:
    return f"{profile}-{number}-link"


def _switch(profile: str, number: int) -> None:
    _replace_link(profile, os.path.basename(_generation(profile, number)))


def _replace_link(path: str, target: str) -> None:
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{os.getpid()}_{name}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def _number(word: str) -> int:
    if not word.isascii() or not word.isdigit():
        raise ValueError(f"'{word}' is not a generation number")
    return int(word)

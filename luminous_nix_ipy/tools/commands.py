"""The arguments of Nix's programs (nix-env(1), nix-store(1), nix3-path-info(1)), by version.

Every function returns an argv. Paths of profiles and stores are absolute, so none is ever taken for
an option.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable

import msgspec

from ..errors import CommandFailed
from ..machine import Machine
from .process import run

Argv = tuple[str, ...]

_NIX_COMMAND_IS_EXPERIMENTAL = (2, 4)
_JSON_HAS_FORMATS = (2, 33)
_FLAKE_UPDATE_TAKES_INPUTS = (2, 19)

_VERIFY: Argv = ("store", "verify", "--no-trust")

FLAKE_COMMAND: Argv = ("nix", "--extra-experimental-features", "nix-command flakes")


class Release(msgspec.Struct, frozen=True):
    """Which Nix a machine has."""

    name: str
    """"Nix", "Lix" or what else the program calls itself."""
    version: tuple[int, ...]


_releases: dict[str, Release | None] = {}


async def nix_release(machine: Machine) -> Release | None:
    """The Nix whose `nix` is first in the machine's PATH, asked once a kernel; None without one."""
    program = _program(machine)
    if program is None:
        return None
    if program not in _releases:
        try:
            answer = await run(("nix", "--version"), machine=machine)
        except CommandFailed:
            _releases[program] = None
        else:
            _releases[program] = parse_release(answer.stdout)
    return _releases[program]


def _program(machine: Machine) -> str | None:
    """Where `nix` is, links resolved: a switched system has another one behind the same link."""
    found = shutil.which("nix", path=machine.child_environment().get("PATH"))
    return None if found is None else os.path.realpath(found)


async def nix_version(machine: Machine) -> tuple[int, ...] | None:
    """The version of the machine's Nix, such as (2, 34, 1); None where it has none."""
    release = await nix_release(machine)
    return None if release is None else release.version


def parse_release(text: str) -> Release | None:
    """What `nix --version` printed: `nix (Nix) 2.8.0`, `nix (Lix, like Nix) 2.93.3`,
    `nix (Determinate Nix 3.1.0) 2.33.1`. The last number is the one that options follow."""
    found = re.search(r"\(([A-Za-z ]*[A-Za-z])[^)]*\)\s+(\d+(?:\.\d+)*)", text)
    if found is None:
        return None
    return Release(found[1], tuple(int(part) for part in found[2].split(".")))


def list_generations(profile: str) -> Argv:
    return ("nix-env", "--profile", profile, "--list-generations")


def switch_generation(profile: str, number: int) -> Argv:
    return ("nix-env", "--profile", profile, "--switch-generation", str(number))


def set_profile(profile: str, path: str) -> Argv:
    """Make a store path the newest generation, and the current one."""
    return ("nix-env", "--profile", profile, "--set", path)


def delete_generations(profile: str, numbers: Iterable[int]) -> Argv:
    return ("nix-env", "--profile", profile, "--delete-generations", *map(str, numbers))


def collect_garbage(max_freed: int | None = None) -> Argv:
    """Delete what no gc root keeps, until more than `max_freed` bytes were freed."""
    return ("nix-store", "--gc", *(() if max_freed is None else ("--max-freed", str(max_freed))))


def optimise_store() -> Argv:
    """Store equal files only once."""
    return ("nix-store", "--optimise")


def verify_contents(paths: Iterable[str] = ()) -> Argv:
    """Compares store paths, all of them where none is named, with their hashes; changes nothing.

    `nix-store --verify` would also forget the paths that are gone (Nix, local-store.cc). The bits
    of the exit status: 1 changed, 2 not trusted, 4 not readable (nix3-store-verify(1)).
    """
    named = tuple(paths) or ("--all",)
    return ("nix", "--extra-experimental-features", "nix-command", *_VERIFY, *named)


def repair_path(path: str) -> Argv:
    """Fetches or builds a store path anew."""
    return ("nix-store", "--repair-path", path)


def switch_to_configuration(
    system: str, action: str, *, install_bootloader: bool = False, no_check: bool = False
) -> Argv:
    """The system's own activation; `action` is switch, boot, test, dry-activate or check.

    It installs the boot loader itself, and leaves out its own checks, where its environment says so
    (nixpkgs, switch-to-configuration-ng).
    """
    wanted = {"NIXOS_INSTALL_BOOTLOADER=1": install_bootloader, "NIXOS_NO_CHECK=1": no_check}
    told = tuple(variable for variable, wants in wanted.items() if wants)
    argv = (f"{system}/bin/switch-to-configuration", action)
    return ("env", *told, *argv) if told else argv


def add_indirect_root(link: str, path: str) -> Argv:
    """Keep a store path from the garbage collector for as long as `link` points to it."""
    return ("nix-store", "--realise", path, "--add-root", link, "--indirect")


def dry_realise(derivation: str) -> Argv:
    """Tells what would be built and fetched for a derivation."""
    return ("nix-store", "--realise", "--dry-run", derivation)


def update_channels(names: Iterable[str]) -> Argv:
    """Fetches the newest of these channels, of all where there are no names."""
    return ("nix-channel", "--update", *names)


def update_flake(
    release: Release | None, folder: str, inputs: Iterable[str], *, commit: bool = False
) -> Argv:
    """Locks the newest of these inputs of the flake in `folder`, of all where there are no names.

    What `nix flake update` takes was the flake, and is the inputs since 2.19 (Nix's release notes).
    """
    inputs = tuple(inputs)
    tail = ("--commit-lock-file",) if commit else ()
    version = () if release is None else release.version
    if release is not None and release.name != "Lix" and version >= _FLAKE_UPDATE_TAKES_INPUTS:
        return (*FLAKE_COMMAND, "flake", "update", *inputs, "--flake", folder, *tail)
    if not inputs:
        return (*FLAKE_COMMAND, "flake", "update", folder, *tail)
    chosen = (word for name in inputs for word in ("--update-input", name))
    return (*FLAKE_COMMAND, "flake", "lock", folder, *chosen, *tail)


def add_to_store(path: str) -> Argv:
    """Adds a file or folder to the store, and prints its store path."""
    return ("nix-store", "--add", path)


def evaluate_expression() -> Argv:
    """Prints, as JSON, the value of the expression on stdin. It needs no experimental feature."""
    return ("nix-instantiate", "--eval", "--strict", "--json", "-")


def build_expression() -> Argv:
    """Realises what the expression on stdin describes, and prints the store paths."""
    return ("nix-build", "--no-out-link", "-")


def build_log(path: str) -> Argv:
    """Prints the log of a store path's build, or of a derivation's."""
    return ("nix", "--extra-experimental-features", "nix-command", "log", path)


def print_invalid(paths: Iterable[str]) -> Argv:
    """Prints those of the paths that are not valid in the store."""
    return ("nix-store", "--check-validity", "--print-invalid", *paths)


def path_info(release: Release | None, paths: Iterable[str]) -> Argv:
    """Prints, as JSON, all that the store knows of the closures of these paths."""
    return (*_path_info(release), "--recursive", *paths)


def path_info_of_all(release: Release | None) -> Argv:
    """Prints, as JSON, all that the store knows of every path."""
    return (*_path_info(release), "--all")


def _path_info(release: Release | None) -> Argv:
    version = () if release is None else release.version
    argv: Argv = ("nix",)
    if version >= _NIX_COMMAND_IS_EXPERIMENTAL:
        argv += ("--extra-experimental-features", "nix-command")
    argv += ("path-info", "--json")
    # Lix counts on from 2.90 and has the flag in no version.
    if release is not None and release.name != "Lix" and version >= _JSON_HAS_FORMATS:
        argv += ("--json-format", "1")
    return argv

"""Advice about an error that takes a look at the machine: which line to change, what is full, and
how much could be freed. Nothing is done, and none of it may fail or take long.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any

from ..errors import DatabaseUnreadable, NixError
from ..store.liveness import find_garbage, keeping
from ..store.roots import find_roots
from ..store.system import free_bytes
from ..tools.configuration import find_configuration
from . import recovery
from .context import Context
from .hash_places import Place, find_places, places_in
from .model import NixOperation
from .naming import near_names
from .nix_errors import Recognised

_log = logging.getLogger(__name__)

_SECONDS = 10.0
_FULL = 64 << 20
"""Bytes; with less than that free, a disk counts as full."""
_SCHEME = re.compile(r"(?:path|git\+file):(?://)?")


async def suggestions(context: Context, operation: NixOperation, error: BaseException) -> list[str]:
    """What to do about an error of an operation: what the machine tells, then `recovery`'s."""
    general = recovery.suggestions(error)
    told = await _within(near_names, context.machine, operation, error)
    for known in recovery.recognised(error):
        look = _LOOKS.get(known.kind)
        if look is not None:
            told += await _within(look, context, operation, known)
    return [*(item for item in told if item not in general), *general]


async def _within(look: Callable[..., list[str]], *args: Any) -> list[str]:
    """What a look tells; nothing where it fails or takes too long."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(look, *args), _SECONDS)
    except Exception as failed:
        _log.warning("no advice from %s: %r", look.__name__, failed)
        return []


def _lines_to_change(context: Context, operation: NixOperation, known: Recognised) -> list[str]:
    """The lines that name the hash which was expected. Nix 2.34 mixes it up with the other one
    where it tells of inputs."""
    expected, got = known.details["expected"], known.details["got"]
    expression = operation.options.get("expression")
    places: list[Place] = []
    for old, new in ((expected, got), (got, expected)):
        if not places and isinstance(expression, str):
            places = places_in(expression, "the expression", old, new)
        if not places:
            places = find_places(_folders(context, operation), old, new)
    return [f"Change line {p.line} of {p.file} to: {p.changed}" for p in places]


def _folders(context: Context, operation: NixOperation) -> list[str]:
    """Where the configuration is, or what else was built, as far as it is on this machine."""
    options = operation.options
    named = [options.get("flake"), options.get("file"), *operation.packages]
    if not any(named):
        try:
            found = find_configuration(context.machine, attr=options.get("attr"))
        except NixError:
            return []
        entries = (entry.partition("=")[2] for entry in found.includes if "nixos-config" in entry)
        named = [found.flake, found.file, context.machine.child_environment().get("NIXOS_CONFIG")]
        named += entries
    folders = []
    for name in named:
        if not isinstance(name, str):
            continue
        path = os.path.expanduser(_SCHEME.sub("", name).partition("#")[0].partition("?")[0])
        path = os.path.realpath(path) if "/" in path or path.startswith(".") else ""
        if path and not os.path.isdir(path):
            path = os.path.dirname(path)
        if os.path.isdir(path) and not f"{path}/".startswith(f"{context.machine.store_dir}/"):
            folders.append(path)
    return folders


def _what_to_free(context: Context, operation: NixOperation, known: Recognised) -> list[str]:
    """Which disks are full, and how much of the store nothing keeps. SQLite in an old Nix says of a
    full disk no more than that it fails."""
    machine = context.machine
    temporary = machine.env.get("TMPDIR") or tempfile.gettempdir()
    told = []
    for folder in dict.fromkeys((machine.store_dir, machine.state_dir, temporary)):
        free = free_bytes(folder)
        if free is not None and free < _FULL:
            told.append(f"The disk of {folder} has {_size(free)} left.")
    if known.kind == "disk" and not told:
        return []
    try:
        garbage = find_garbage(machine, find_roots(machine).paths, keeping(machine))
    except DatabaseUnreadable as unreadable:
        # SQLite needs some room beside a database to read it, where another one wrote last.
        return [*told, f"How much could be freed is not known: {unreadable}"]
    if garbage.bytes:
        told.append(f"About {_size(garbage.bytes)} of the store could be freed: %nix collect")
    else:
        told.append(
            "Nothing in the store is unused. Old generations could go: "
            "%nix collect --keep 3 --dry-run"
        )
    return told


def _size(count: int) -> str:
    for unit, power in (("GiB", 30), ("MiB", 20)):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count / 1024:.1f} KiB"


_LOOKS = {"hash mismatch": _lines_to_change, "no space": _what_to_free, "disk": _what_to_free}

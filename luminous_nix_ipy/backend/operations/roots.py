"""ROOTS: the gc roots of the machine, or those that keep one store path."""

from __future__ import annotations

import asyncio
import os

from ...errors import NotFound
from ...machine import Machine
from ...store.liveness import find_keepers, keeping, valid_among
from ...store.profiles import generation_number
from ...store.roots import GcRoot, find_roots, store_path_of
from ..collect_model import Keeper
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..roots import is_note_root, root_folders
from ..validation import Options

OPTIONS: Options = {"path": str}

Chained = tuple[GcRoot, tuple[str, ...]]
"""A root, and the store paths from what it keeps to the path that is asked about."""


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `path`: a store path, a path in one, or a link to one; without it every root.

    data: `keepers` (list of Keeper; the nearest first where there is a path), `path` (the store
    path that is meant, or None), `unreadable` (what this user may not look at).
    """
    machine = context.machine
    given = operation.options.get("path")
    path = None if given is None else _meant(machine, given)
    found = await asyncio.to_thread(find_roots, machine)
    if path is None:
        valid = await asyncio.to_thread(valid_among, machine, found.paths)
        chains: list[Chained] = [(r, (r.path,)) for r in found.found if r.path in valid]
    else:
        chains = await asyncio.to_thread(find_keepers, machine, path, found.found, keeping(machine))
    keepers = [Keeper(root, kind(machine, root), chain) for root, chain in chains]
    return NixResult(
        success=True,
        message=f"{len(keepers)} gc roots",
        data={"keepers": keepers, "path": path, "unreadable": found.unreadable},
    )


def kind(machine: Machine, root: GcRoot) -> str:
    """What a root is, in words."""
    folder, name = os.path.split(root.link)
    if folder in root_folders(machine):
        return "note" if is_note_root(name) else "backup"
    for link, word in (
        (machine.current_system, "running system"),
        (machine.booted_system, "booted system"),
    ):
        if root.link == link:
            return word
    profile, dash, number = name.removesuffix("-link").rpartition("-")
    if dash and number.isdecimal() and generation_number(profile, root.link) is not None:
        return f"generation {number} of {profile}"
    return "link"


def _meant(machine: Machine, text: str) -> str:
    """The store path that was meant, by its spelling first: it need not be there."""
    full = os.path.abspath(os.path.expanduser(text))
    found = store_path_of(machine, full) or store_path_of(machine, os.path.realpath(full))
    if found is None:
        raise NotFound(
            f"{text} is not in the store.",
            f"It is neither below {machine.store_dir} nor a link that leads there.",
            ["Give a store path, or a link to one such as ./result."],
        )
    return found

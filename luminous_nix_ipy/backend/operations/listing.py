"""LIST_GENERATIONS: the generations of a profile, newest first."""

from __future__ import annotations

import os
from collections.abc import Hashable

from ...notes import notes_file
from ...store.links import read_link
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..roots import root_folders
from ..validation import Options

OPTIONS: Options = {"profile": str, "sizes": bool}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """data: `generations` (list of Generation), `profile` (Profile), `reader` (str)."""
    profile = context.profile(operation.options.get("profile"))
    found = await context.generations(profile, sizes=bool(operation.options.get("sizes")))
    return NixResult(
        success=True,
        message=f"{len(found)} generation{'' if len(found) == 1 else 's'} of {profile.name}",
        data={"generations": found, "profile": profile, "reader": context.reader_label},
    )


def token(context: Context, operation: NixOperation) -> Hashable:
    """What a remembered list rests on: it is valid only while none of this changes."""
    machine, profile = context.machine, context.profile(operation.options.get("profile"))
    folders = (os.path.dirname(profile.path), notes_file(machine), *root_folders(machine))
    links = (profile.path, machine.current_system, machine.booted_system)
    return (
        machine,
        profile,
        tuple(_mtime_ns(path) for path in folders),
        tuple(read_link(path) for path in links),
    )


def _mtime_ns(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None

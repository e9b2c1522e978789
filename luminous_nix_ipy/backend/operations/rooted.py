"""Which operations may need root, told from their options: a password is asked for before work
that goes on where nobody can be asked."""

from __future__ import annotations

import os

from ...errors import NixError
from ...store.profiles import known_profiles
from ..context import Context
from ..cut_off import cut_off, profile_of
from ..model import NixOperation, OperationType
from ..privileges import gc_root_needs_root, repair_needs_root, source_needs_root
from ..roots import root_folders
from .inputs import find_source

_OF_A_PROFILE = {
    OperationType.ROLLBACK,
    OperationType.UNDO,
    OperationType.DELETE_GENERATIONS,
    OperationType.GARBAGE_COLLECT,
}
_OF_PACKAGES = {OperationType.INSTALL, OperationType.REMOVE}
_OF_A_SYSTEM = {OperationType.SWITCH, OperationType.BOOT, OperationType.TEST}


def may_need_root(context: Context, operation: NixOperation) -> bool:
    """Whether carrying it out may need root that this process does not have."""
    options = operation.options
    if operation.dry_run:
        return False
    try:
        if operation.type is OperationType.UPDATE:
            source = find_source(context, options.get("flake"), bool(options.get("channels")))
            system = not options.get("inputs_only") and _needs(context, "system")
            return system or source_needs_root(context.machine, source)
        if operation.type is OperationType.NOTE:
            direct, _ = root_folders(context.machine)
            there = options.get("keep") is False and os.path.isdir(direct)
            return there and gc_root_needs_root(context.machine, f"{direct}/any")
        if operation.type is OperationType.REPAIR:
            return repair_needs_root(context.machine) or _needs(context, "system")
        if operation.type is OperationType.RECOVER:
            if options.get("how") is None:
                return False
            found = cut_off(context.machine)
            return any(context.needs_root(profile_of(context.machine, one.entry)) for one in found)
        if operation.type in _OF_PACKAGES:
            return _needs(context, options.get("profile") or "profile")
        if operation.type in _OF_A_SYSTEM:
            return _needs(context, "system")
        if options.get("all_profiles"):
            known = known_profiles(context.machine)
            return any(p.kind == "system" and context.needs_root(p) for p in known)
        return operation.type in _OF_A_PROFILE and _needs(context, options.get("profile"))
    except NixError:
        return False  # what it is about is not there: the operation itself says so


def _needs(context: Context, name: str | None) -> bool:
    return context.needs_root(context.profile(name))

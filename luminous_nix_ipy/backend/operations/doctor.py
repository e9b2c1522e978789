"""DOCTOR: everything that can be examined, and nothing changed."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ...errors import NixError
from ...records import Finding
from ...tools import elevation
from ..context import Context
from ..examining_settings import examine_settings
from ..health import examine, failed_units, in_order
from ..model import NixOperation, NixResult, Plan
from ..validation import Options
from .inputs import find_source, read_source

OPTIONS: Options = {"check": bool, "programs": bool}

_OLD_DAYS = 60


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `check`: compare every store path with its hash too, which takes long. `programs`
    (True): ask systemd which units have failed, and try to have root; without, only files are
    looked at.

    data: `findings` (list of Finding, the worst first), `asked` (those of them that `programs` is
    about).
    """
    asked: list[Finding] = []
    found = await examine(context, contents=bool(operation.options.get("check")))
    if operation.options.get("programs", True):
        asked = [*await failed_units(context.machine), await _elevation(context)]
        found += asked
    found += await _ages(context)
    if context.machine.playground is None:  # whose settings are made for it
        found += await asyncio.to_thread(examine_settings, context.machine)
    bad = sum(finding.severity in ("warning", "problem") for finding in found)
    message = f"{len(found)} findings, {bad} of them to be looked at"
    return NixResult(True, message, {"findings": in_order(found), "asked": asked})


async def _elevation(context: Context) -> Finding:
    """How root is had where it is needed: tried, which %nix status does not."""
    machine, what = context.machine, "elevation"
    if machine.playground is not None:
        return Finding(what, "ok", machine.playground, "A playground needs no root.")
    try:
        elevated = await elevation.elevate(machine)
    except elevation.PasswordNeeded:
        reason = (
            "sudo (asks for a password): where nobody can be asked, what needs root is refused."
        )
        return Finding(what, "note", "sudo", reason, "A rule with NOPASSWD (sudoers(5)).")
    except NixError as error:
        return Finding(what, "warning", "root", f"None: {error.why}", error.todo[0])
    return Finding(what, "ok", elevated.program, f"{elevated}.")


async def _ages(context: Context) -> list[Finding]:
    """How old what the machine is built from is; nothing where that is not written down."""
    try:
        source = find_source(context, None, False)
    except NixError:
        source = context.machine.root_channels
    try:
        inputs = await read_source(context, source)
    except NixError as error:
        return [Finding("flake", "note", source, str(error), " ".join(error.todo))]
    now = datetime.now().astimezone()
    found = []
    for each in inputs:
        # The inputs of inputs are their owners' to update.
        if each.date is None or each.follows is not None or "/" in each.name:
            continue
        days = (now - each.date).days
        kind = "channel" if each.type == "channel" else "flake input"
        told = f"{each.name} is {days} day{'' if days == 1 else 's'} old"
        if days > _OLD_DAYS:
            reason = f"{told}: what was mended since is not on this machine."
            found.append(Finding(kind, "note", source, reason, "%nix update"))
        else:
            found.append(Finding(kind, "ok", source, f"{told}."))
    return found

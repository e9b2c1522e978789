"""The health of a machine: everything that is examined, put together.

Nothing here changes anything. Contents of the store are read only where that is asked for: it takes
as long as reading the whole disk.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

from ..errors import CommandFailed
from ..machine import Machine
from ..records import Command, Finding, Message, Severity
from ..tools import commands, systemd
from ..tools.process import run
from .context import Context
from .examining import examine_database, examine_profiles, examine_roots, examine_space
from .examining_boot import examine_boot_entries
from .nix_run import run_nix

_SYSTEMCTL_SECONDS = 10.0
_ORDER: dict[Severity, int] = {"problem": 0, "warning": 1, "note": 2, "ok": 3}


async def examine(context: Context, *, contents: bool = False) -> list[Finding]:
    """What a repair may be about: store, database, profiles, gc roots, boot menu, space.

    Args:
        contents: compare every store path with its hash too.
    """
    machine = context.machine
    found: list[Finding] = []
    for words, look in (
        ("the database", examine_database),
        ("the profiles", examine_profiles),
        ("the gc roots", examine_roots),
        ("the boot menu", examine_boot_entries),
        ("free space", examine_space),
    ):
        context.progress.update(f"looking at {words}")
        found += await asyncio.to_thread(look, machine)
    if contents:
        # A path that is gone cannot be compared either: it is told of once.
        known = {finding.command for finding in found} - {None}
        found += [f for f in await examine_contents(context) if f.command not in known]
    return in_order(found)


async def examine_contents(context: Context, paths: Sequence[str] = ()) -> list[Finding]:
    """Store paths that are not as they were built; all paths are compared where none is named."""
    machine = context.machine
    if machine.simulated:
        reason = "Not compared: this playground has no Nix, which alone can."
        return [Finding("store contents", "note", machine.store_dir, reason)]
    context.progress.update("comparing the store's contents")
    told: list[str] = []

    def hear(message: Message) -> None:
        if message.level == 0:
            told.append(message.text)

    command = Command(commands.verify_contents(paths), "compare store paths with their hashes")
    try:
        done = await run_nix(context, command, check=False, on_message=hear)
    except CommandFailed as error:
        return [Finding("store contents", "note", machine.store_dir, f"Not compared: {error}")]
    found = [_bad_path(machine, text) for text in told]
    if done.returncode == 0:
        what = "It is" if len(paths) == 1 else "All are"
        reason = f"{what} as built; compared in {done.duration:.1f} s."
        return [Finding("store contents", "ok", machine.store_dir, reason)]
    if not found:
        reason = f"Nix ended with {done.returncode} and did not say why."
        found.append(Finding("store contents", "problem", machine.store_dir, reason))
    return found


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first, else as they came."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def _bad_path(machine: Machine, text: str) -> Finding:
    """What Nix says of one path; its sentences name the path between quotes."""
    start = text.find(f"'{machine.store_dir}/")
    if start < 0:
        return Finding("store contents", "problem", machine.store_dir, text)
    path = text[start + 1 :].split("'", 1)[0]
    # A file of a path is named by errors of reading it.
    path = "/".join(path.split("/")[: machine.store_dir.count("/") + 2])
    name = os.path.basename(path)[33:]
    command = Command(commands.repair_path(path), f"fetch or build {name} anew")
    reason = text.replace(f"path '{path}' was modified! ", "It was modified: ")
    return Finding("store path", "problem", path, reason, command=command)


async def failed_units(machine: Machine) -> list[Finding]:
    """systemd's failed units; JSON since systemd 246. None where systemd does not run."""
    if not systemd.runs(machine):
        return []
    argv = ("systemctl", "--failed", "--output=json")
    try:
        done = await run(argv, machine=machine, timeout=_SYSTEMCTL_SECONDS)
        units = [(str(u["unit"]), str(u.get("description", ""))) for u in json.loads(done.stdout)]
    except (CommandFailed, ValueError, TypeError, KeyError, AttributeError) as error:
        return [Finding("units", "note", "systemctl", f"Not known which have failed: {error}")]
    if not units:
        return [Finding("units", "ok", "systemctl", "None has failed.")]
    return [
        Finding("unit", "problem", name, f"It has failed: {told}.", f"systemctl status -- {name}")
        for name, told in units
    ]

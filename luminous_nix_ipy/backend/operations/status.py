"""STATUS: the machine at a glance."""

from __future__ import annotations

import asyncio
import socket

from ...errors import NixError, NotFound
from ...machine import Machine
from ...records import Generation, Profile
from ...store.system import (
    boot_folder,
    booted_path,
    free_bytes,
    os_name,
    reboot_reason,
    running_path,
)
from ...tools import elevation, native
from ...tools.commands import nix_version
from ..context import Context
from ..model import NixOperation, NixResult, Plan, Status
from ..roots import list_backups
from ..supervisor import runs_as_unit
from ..validation import Options

OPTIONS: Options = {"profile": str}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """data: `status` (Status)."""
    machine = context.machine
    profile, generations = await _generations(context, operation.options.get("profile"))
    version = await nix_version(machine)
    if profile is None and version is None and machine.playground is None:
        raise NotFound(
            "There is no Nix on this machine.",
            f"No nix program is in PATH and {machine.profiles_dir} holds no profile.",
            ["Try it out without Nix: %nix playground start"],
        )
    paths, size = await _totals(context)
    boot = boot_folder(machine)
    running, booted = running_path(machine), booted_path(machine)
    current = next((g for g in generations if g.current), None)
    reboot, reason = (
        reboot_reason(booted, running) if running else (None, "No system runs from Nix here.")
    )
    status = Status(
        machine=machine_word(machine),
        host=socket.gethostname(),
        nix_version=".".join(map(str, version)) if version else None,
        nixos_version=current.nixos_version if current else None,
        profile=profile,
        current=current.number if current else None,
        running=_number(_marked(generations, "running")),
        running_path=running,
        booted=_number(_marked(generations, "booted")),
        booted_path=booted,
        differ=_differences(generations, current, running, booted),
        reboot_needed=reboot,
        reboot_reason=reason,
        generations=len(generations),
        store_bytes=size,
        store_paths=paths,
        store_free_bytes=await asyncio.to_thread(free_bytes, machine.store_dir),
        boot_free_bytes=None if boot is None else await asyncio.to_thread(free_bytes, boot),
        reader=context.reader_label,
        backups=len(list_backups(machine)),
        elevation=_elevation(machine),
        supervisor=_supervisor(machine),
        nixos_rebuild_module=await asyncio.to_thread(native.describe, machine),
    )
    return NixResult(True, _headline(status), {"status": status})


async def _totals(context: Context) -> tuple[int | None, int | None]:
    try:
        return await context.read(lambda reader: reader.totals())
    except NixError:
        return None, None


async def _generations(
    context: Context, name: str | None
) -> tuple[Profile | None, list[Generation]]:
    try:
        profile = context.profile(name)
    except NotFound:
        if name is not None:
            raise
        return None, []
    return profile, await context.generations(profile)


def _elevation(machine: Machine) -> str:
    if machine.playground is not None:
        return "not needed: a playground belongs to whoever made it"
    return elevation.describe(machine)


def _supervisor(machine: Machine) -> str:
    if runs_as_unit(machine, "system"):
        return "a transient unit of systemd"
    if machine.playground is not None:
        return "a process of its own: a playground has no systemd"
    return "a process of its own: no systemd runs here"


def _number(generation: Generation | None) -> int | None:
    return None if generation is None else generation.number


def _marked(generations: list[Generation], mark: str) -> Generation | None:
    """The newest generation that is "running" or "booted", itself or as one of its
    specialisations; None where none of the profile is."""
    return next((g for g in generations if getattr(g, mark)), None)


def _differences(
    generations: list[Generation],
    current: Generation | None,
    running: str | None,
    booted: str | None,
) -> tuple[str, ...]:
    if current is None or current.path is None:
        return ()
    sentences = []
    for mark, path in (("running", running), ("booted", booted)):
        if path is None or path == current.path:
            continue
        found = _marked(generations, mark)
        if found is None:
            what = f"a system of no generation, {path},"
        elif found.path == path:
            what = f"generation {found.number}"
        else:
            what = f"a specialisation of generation {found.number}"
        rest = (
            ""
            if found is not None and found.current
            else f", not the current one, {current.number}"
        )
        sentences.append(f"{what} is {mark}{rest}")
    return tuple(sentences)


def machine_word(machine: Machine) -> str:
    """What kind of machine it is, as `Status.machine` tells it."""
    if machine.playground is not None:
        return "playground without Nix" if machine.simulated else "playground"
    name = os_name(machine) or "an unknown system"
    return name if name.startswith("NixOS") else f"Nix on {name}"


def _headline(status: Status) -> str:
    profile = status.profile.name if status.profile else "no profile"
    return f"{status.machine}: {profile}, {status.generations} generations"

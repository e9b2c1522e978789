"""What systemd says of its units: which have failed, how one is, what it wrote to its journal.

systemctl(1) and journalctl(1) are asked; nothing is started or stopped. Where systemd does not run,
and of a playground, which has no units, nothing is asked.
"""

from __future__ import annotations

import os

import msgspec

from ..errors import CommandFailed
from ..machine import Machine
from .process import failure, run

_SECONDS = 10.0
"""systemctl answers at once, but for the moments in which systemd loads its units anew."""

_SUFFIXES = (
    "service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path",
    "slice", "scope",
)  # fmt: skip
"""The types of units (systemd.unit(5))."""


class UnitState(msgspec.Struct, frozen=True):
    """One unit, in systemd's own words (systemctl(1), "show")."""

    load: str
    """"loaded", "not-found", "masked", ..."""
    active: str
    """"active", "reloading", "inactive", "failed", "activating" or "deactivating"."""
    sub: str
    """The same in the words of its type, such as "running" or "auto-restart"."""
    result: str
    """Why a service has failed, such as "exit-code"; "success"; empty for other types."""


def runs(machine: Machine) -> bool:
    """Whether systemd runs this machine, as sd_booted(3) tells it; it never runs a playground."""
    return machine.playground is None and os.path.isdir(f"{machine.run_dir}/systemd/system")


def full_name(unit: str) -> str:
    """The unit's whole name: without a type it is a service, as for systemctl."""
    return unit if unit.rpartition(".")[2] in _SUFFIXES and "." in unit else f"{unit}.service"


async def failed_units(machine: Machine) -> frozenset[str]:
    """The units that have failed, and the services that wait to be started again because they
    failed: those never count as failed while their restart succeeds.

    Raises:
        CommandFailed: systemctl could not be asked.
    """
    argv = ("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager")
    done = await run((*argv, "--state=failed,auto-restart"), machine=machine, timeout=_SECONDS)
    # unit, load, active and sub state, description
    rows = [words for line in done.stdout.splitlines() if len(words := line.split()) >= 4]
    failed = {unit for unit, _, active, *_ in rows if active == "failed"}
    for unit in (unit for unit, _, active, *_ in rows if active != "failed"):
        asked = await _show(machine, unit, ("ExecMainStatus", "Result"))
        if asked.get("ExecMainStatus", "0") != "0" or asked.get("Result", "success") != "success":
            failed.add(unit)
    return frozenset(failed)


async def unit_state(machine: Machine, unit: str) -> UnitState:
    """How one unit is, by its full name; `load` is "not-found" where there is none.

    Raises:
        CommandFailed: systemctl could not be asked.
    """
    asked = await _show(machine, unit, ("LoadState", "ActiveState", "SubState", "Result"))
    load, active, sub = (asked.get(f"{name}State", "unknown") for name in ("Load", "Active", "Sub"))
    return UnitState(load, active, sub, asked.get("Result", ""))


async def system_state(machine: Machine) -> str:
    """How the machine is as a whole: "running", "degraded", "starting", "stopping" or the like
    (systemctl(1), "is-system-running", which ends with 1 for all but the first).

    Raises:
        CommandFailed: systemctl could not be asked.
    """
    argv = ("systemctl", "is-system-running")
    done = await run(argv, machine=machine, timeout=_SECONDS, check=False)
    state = done.stdout.strip()
    if state in ("", "unknown"):
        raise failure(done)
    return state


async def last_lines(machine: Machine, unit: str, count: int = 10) -> tuple[str, ...]:
    """The last lines that a unit wrote to the journal; none where it cannot be read."""
    argv = ("journalctl", "-u", unit, "-n", str(count), "-o", "cat", "--no-pager", "--quiet")
    try:
        done = await run(argv, machine=machine, timeout=_SECONDS)
    except CommandFailed:
        return ()
    return tuple(done.stdout.splitlines()[-count:])


async def _show(machine: Machine, unit: str, names: tuple[str, ...]) -> dict[str, str]:
    argv = ("systemctl", "show", "--no-pager", f"--property={','.join(names)}", "--", unit)
    done = await run(argv, machine=machine, timeout=_SECONDS)
    return dict(line.partition("=")[::2] for line in done.stdout.splitlines())

"""Checks of a system that is to run: whether it can take over from what runs, and whether nobody
else is switching just now."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import NixError
from ..machine import Machine
from ..records import Check, Command, Generation, Profile, UnitChange
from ..store.locks import lock_holder
from ..store.system import changed_inhibitors, own_unit, running_path
from ..tools import commands
from .context import Context
from .model import Mode

NEED_A_BOOT = frozenset({"live switch", "init interface"})
"""Red checks that do not stop it from being what the next boot starts."""

_INSTEAD = "make it what the next boot starts instead"
_UNITS = {
    "nixos-rebuild-switch-to-configuration.service": "nixos-rebuild",
    "nixos-cli-activation-supervisor.service": "nixos-cli",
}
"""The transient units in which others activate a system."""
_SECONDS = 60.0


def live_checks(machine: Machine, target: str, mode: Mode) -> list[Check]:
    """Whether the target can be switched to without a reboot, and now."""
    rows = [_other_activation_check(machine)]
    if mode == "boot":
        return rows
    running = running_path(machine)
    if running is None:
        return [Check("live switch", "unknown", "what runs now cannot be read."), *rows]
    return [_live_switch_check(running, target), _init_check(running, target), *rows]


async def pre_switch_check(
    context: Context, profile: Profile, target: Generation, rows: Iterable[Check]
) -> Check:
    """What the target's own checks say (`system.preSwitchChecks` of NixOS), by its
    `switch-to-configuration check`, which changes nothing. Systems of before 2025 have no such
    action.

    Args:
        rows: the checks made before, some of which leave nothing to ask.
    """
    name, path, machine = "pre-switch check", target.path or "", context.machine
    red = {row.name for row in rows if row.verdict == "refused"}
    if "activation" in red:
        return Check(name, "unknown", "the target cannot be activated.")
    if context.needs_root(profile):
        return Check(name, "unknown", "it needs root.")
    if machine.child_environment().get("NIXOS_NO_CHECK") == "1":
        return Check(name, "warning", "NIXOS_NO_CHECK=1 is set here: nothing is checked.")
    if "other activation" in red:
        return Check(name, "unknown", "not asked while another activation is under way.")
    running = running_path(machine)
    if running is not None and changed_inhibitors(running, path):
        return Check(name, "unknown", "not asked: it would only tell of the switch inhibitors.")
    command = Command(commands.switch_to_configuration(path, "check"), "run the target's checks")
    try:
        done = await context.run(command, check=False, at_most=_SECONDS)
    except NixError as error:
        return Check(name, "refused", str(error))
    if done.returncode == 0:
        return Check(name, "ok", "the target's own checks allow it.")
    said = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
    if "usage:" in said.lower() and "pre-switch" not in said.lower():
        return Check(name, "unknown", "the target is older than its checks: it knows none.")
    if "could not acquire lock" in said.lower():
        return Check(name, "unknown", "another activation has begun meanwhile.")
    told = said or "It did not say why."
    return Check(name, "refused", f"it ended with {done.returncode}: {told}")


def own_unit_check(machine: Machine, units: Iterable[UnitChange]) -> tuple[Check, ...]:
    """Tell of a switch that stops the service in which this kernel runs: the supervisor then goes
    on alone. Empty where it runs in none."""
    unit = own_unit()
    if unit is None or machine.playground is not None:
        return ()
    if any(change.unit == unit and change.action in ("stop", "restart") for change in units):
        return (
            Check(
                "this kernel",
                "warning",
                f"it runs in {unit}, which the switch stops. The supervisor goes on without it, "
                "looks whether units fail, and nothing else; %nix journal tells how it ended.",
            ),
        )
    return (Check("this kernel", "ok", f"it runs in {unit}, which goes on."),)


def _live_switch_check(running: str, target: str) -> Check:
    """What the target itself says that it cannot take over without a reboot."""
    changed = changed_inhibitors(running, target)
    if changed is None:
        return Check("live switch", "unknown", "the switch inhibitors cannot be compared.")
    if changed:
        told = ", ".join(changed.values())
        return Check("live switch", "refused", f"it needs a reboot ({told}): {_INSTEAD}.")
    return Check("live switch", "ok", "nothing in it asks for a reboot first.")


def _init_check(running: str, target: str) -> Check:
    before, after = (_read_text(f"{path}/init-interface-version") for path in (running, target))
    if before is None or after is None:
        return Check("init interface", "unknown", "one of them does not tell its version.")
    if before != after:
        reason = f"its init cannot take over from the running one ({before} → {after}): {_INSTEAD}."
        return Check("init interface", "refused", reason)
    return Check("init interface", "ok", f"its init can take over from the running one ({after}).")


def _other_activation_check(machine: Machine) -> Check:
    name, lock = "other activation", f"{machine.run_dir}/nixos/switch-to-configuration.lock"
    for unit, program in _UNITS.items():
        if os.path.exists(f"{machine.run_dir}/systemd/transient/{unit}"):
            reason = f"{program} is at it, in the unit {unit}: wait until it has ended."
            return Check(name, "refused", reason)
    try:
        holder = lock_holder(lock)
    except OSError as error:
        return Check(name, "unknown", f"{lock}: {error.strerror}.")
    if holder is not None:
        reason = f"{holder} holds {lock}: wait until it has ended."
        return Check(name, "refused", reason)
    return Check(name, "ok", "nobody else is activating a system.")


def _read_text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return None

"""What is looked at before a change: each check is a row with its verdict and its reason."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import NixError
from ..machine import Machine
from ..records import Check, Generation, Profile, UnitChange
from ..store.generations import current_number
from ..store.system import changed_inhibitors, link_is_relative, own_unit, running_path
from .context import Context
from .model import Mode

_INSTEAD = "make it what the next boot starts instead"


async def change_checks(
    context: Context, profile: Profile, target: Generation, mode: Mode
) -> tuple[Check, ...]:
    """What is looked at before a change, each with its verdict; `refused` stops it."""
    rows = [_link_check(profile)]
    if profile.kind == "system":
        allowed, reason = context.may_change(profile)
        rows.insert(0, Check("privileges", "ok" if allowed else "refused", f"{reason}."))
    rows.append(await _validity_check(context, target))
    rows += _activation_checks(context.machine, profile, target, mode)
    return tuple(rows)


def own_unit_check(machine: Machine, units: Iterable[UnitChange]) -> tuple[Check, ...]:
    """Refuse a switch that would stop the service in which this kernel runs: it would end the
    kernel, and the change with it, half-way. Empty where it runs in none."""
    unit = own_unit()
    if unit is None or machine.playground is not None:
        return ()
    if any(change.unit == unit and change.action in ("stop", "restart") for change in units):
        return (
            Check(
                "this kernel",
                "refused",
                f"it runs in {unit}, which the switch stops, and would end half-way: make it what "
                "the next boot starts instead, or run it from a kernel elsewhere.",
            ),
        )
    return (Check("this kernel", "ok", f"it runs in {unit}, which goes on."),)


def _link_check(profile: Profile) -> Check:
    if not os.path.lexists(profile.path):
        return Check("profile link", "ok", "there is none yet: this is the first generation.")
    try:
        relative = link_is_relative(profile)
    except NixError as error:
        return Check("profile link", "unknown", str(error))
    if relative:
        return Check("profile link", "ok", "relative, as Nix writes it.")
    number = current_number(profile)
    mend = (
        f"Mend it: nix-env -p {profile.path} --switch-generation {number}"
        if number is not None
        else f"Mend it: nix-env -p {profile.path} --switch-generation NUMBER"
    )
    return Check(
        "profile link",
        "refused",
        "absolute: Nix does not know which generation is current, and its garbage collector "
        f"would delete all of them. {mend}",
    )


async def _validity_check(context: Context, target: Generation) -> Check:
    path = target.path or ""
    try:
        if not await context.read(lambda r: r.is_valid(path)):
            return Check("target in the store", "refused", f"{path} is not a valid store path.")
        missing = await context.read(lambda r: r.missing(path))
    except NixError as error:
        return Check("target in the store", "unknown", str(error))
    if missing:
        return Check(
            "target in the store",
            "refused",
            f"{len(missing)} path(s) that it needs are gone, such as {sorted(missing)[0]}. "
            f"Mend them: nix-store --repair-path {sorted(missing)[0]}",
        )
    return Check("target in the store", "ok", "valid, and everything that it needs is there.")


def _activation_checks(
    machine: Machine, profile: Profile, target: Generation, mode: Mode
) -> list[Check]:
    path = target.path or ""
    if profile.kind == "user":
        return []
    program = "activate" if profile.kind == "home-manager" else "bin/switch-to-configuration"
    if not os.access(f"{path}/{program}", os.X_OK):
        return [Check("activation", "refused", f"{path} has no {program} that can be run.")]
    rows = [Check("activation", "ok", f"it has {program}, which can be run.")]
    if profile.kind != "system" or mode == "boot":
        return rows
    running = running_path(machine)
    if running is None:
        return [*rows, Check("live switch", "unknown", "what runs now cannot be read.")]
    return [*rows, _live_switch_check(running, path)]


def _live_switch_check(running: str, target: str) -> Check:
    """Whether the target can be switched to without a reboot, as it says itself."""
    changed = changed_inhibitors(running, target)
    if changed is None:
        return Check("live switch", "unknown", "the switch inhibitors cannot be compared.")
    if changed:
        told = ", ".join(changed.values())
        return Check("live switch", "refused", f"it needs a reboot ({told}): {_INSTEAD}.")
    versions = [_read_text(f"{path}/init-interface-version") for path in (running, target)]
    if versions[0] != versions[1] and None not in versions:
        return Check(
            "live switch",
            "refused",
            "its init cannot take over from the running one "
            f"({versions[0]} → {versions[1]}): {_INSTEAD}.",
        )
    return Check("live switch", "ok", "nothing in it asks for a reboot first.")


def _read_text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return None

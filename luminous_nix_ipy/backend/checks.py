"""What is looked at before a change: each check is a row with its verdict and its reason."""

from __future__ import annotations

import asyncio
import os

from ..errors import NixError
from ..machine import Machine
from ..records import Check, Generation, Profile
from ..store.generations import current_number
from ..store.system import link_is_relative
from .checks_space import space_checks
from .checks_system import live_checks
from .context import Context
from .model import Mode


async def change_checks(
    context: Context, profile: Profile, target: Generation, activated: Generation, mode: Mode
) -> tuple[Check, ...]:
    """What is looked at before a change, each with its verdict; `refused` stops it. No program is
    run for them.

    Args:
        target: what becomes the profile's current generation.
        activated: the same, or with the path of its specialisation that is to run.
    """
    rows = []
    if profile.kind == "system":
        allowed, reason = context.may_change(profile)
        rows.append(Check("privileges", "ok" if allowed else "refused", f"{reason}."))
    rows.append(await _validity_check(context, activated))
    looked = asyncio.to_thread(_read_checks, context.machine, profile, target, activated, mode)
    return (*rows, *await looked)


def _read_checks(
    machine: Machine, profile: Profile, target: Generation, activated: Generation, mode: Mode
) -> list[Check]:
    path = activated.path or ""
    rows = [_link_check(profile), *space_checks(machine, profile, target, mode)]
    if profile.kind == "user":
        return rows
    rows.append(_activation_check(profile, path))
    if profile.kind == "system" and rows[-1].verdict == "ok":
        rows += live_checks(machine, path, mode)
    return rows


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


def _activation_check(profile: Profile, path: str) -> Check:
    program = "activate" if profile.kind == "home-manager" else "bin/switch-to-configuration"
    if not os.access(f"{path}/{program}", os.X_OK):
        return Check("activation", "refused", f"{path} has no {program} that can be run.")
    return Check("activation", "ok", f"it has {program}, which can be run.")

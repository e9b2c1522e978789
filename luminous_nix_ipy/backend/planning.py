"""What a change of a profile would do: the plan that is shown before anyone says yes.

Making a plan changes nothing. It carries the fingerprint of the facts it rests on; carrying it out
looks at them again (`transaction.py`).
"""

from __future__ import annotations

import hashlib
import os

from ..errors import NixError
from ..machine import Machine
from ..records import (
    Check,
    ClosureDiff,
    Command,
    Generation,
    Profile,
    UnitChange,
)
from ..store import closures
from ..store.generations import current_number
from ..store.system import (
    booted_path,
    changed_inhibitors,
    link_is_relative,
    reboot_reason,
    running_path,
)
from ..tools import commands
from .context import Context
from .model import Mode, Plan
from .units import unit_changes


async def make_plan(
    context: Context,
    *,
    operation: str,
    profile: Profile,
    generations: list[Generation],
    target: Generation,
    mode: Mode = "switch",
) -> Plan:
    """The plan of making `target` the profile's current generation.

    Args:
        operation: the word for it, "rollback" or "undo".
        generations: all of the profile.
        target: one of them, or (its `link` empty) a store path that is to become a new one.
        mode: what of it; only a system knows others than "switch".
    """
    machine = context.machine
    before = next((g for g in generations if g.current), None)
    running = running_path(machine) if profile.kind == "system" else None
    if profile.kind == "system":
        is_running = running is not None and running == target.path
    else:
        is_running = True
    nothing = target.current and (is_running or mode == "boot") and target.link != ""
    if mode == "test":
        nothing = is_running
    steps = change_commands(profile, target, mode)
    checks = await _checks(context, profile, target, mode)
    start = running or (before.path if before else None)
    diff, diff_problem = await _diff(context, start, target.path)
    units, units_reason = await _preview(context, profile, target, mode, checks, nothing)
    reboot, reason = (
        reboot_reason(booted_path(machine), target.path or "")
        if profile.kind == "system"
        else (False, "a user's profile never needs one")
    )
    return Plan(
        operation=operation,
        mode=mode,
        profile=profile,
        before=before,
        target=target,
        diff=diff,
        diff_problem=diff_problem,
        units=units,
        units_reason=units_reason,
        reboot_needed=reboot,
        reboot_reason=reason,
        checks=checks,
        commands=() if nothing else steps,
        notices=_notices(profile, before, target, mode, running),
        nothing_to_do=nothing,
        playground=machine.playground is not None,
        fingerprint=fingerprint(machine, profile, target),
    )


def fingerprint(machine: Machine, profile: Profile, target: Generation) -> str:
    """A digest of the facts that a plan rests on."""
    digest = hashlib.sha256()
    for fact in facts(machine, profile, target).values():
        digest.update(os.fsencode(fact or "none") + b"\0")
    return digest.hexdigest()


def facts(machine: Machine, profile: Profile, target: Generation) -> dict[str, str | None]:
    """The facts themselves, by the words in which a difference is told."""
    return {
        "the profile's link": _read_link(profile.path),
        "the target's link": _read_link(target.link) if target.link else target.path,
        "the running system": running_path(machine) if profile.kind == "system" else None,
        "the booted system": booted_path(machine) if profile.kind == "system" else None,
    }


def change_commands(profile: Profile, target: Generation, mode: Mode) -> tuple[Command, ...]:
    """The commands of a change, in the order in which they are run."""
    path = target.path or ""
    if target.link:
        move = Command(
            commands.switch_generation(profile.path, target.number),
            f"make generation {target.number} the profile's current one",
        )
    else:
        move = Command(
            commands.set_profile(profile.path, path),
            "put the kept path back as a new generation, since its link was deleted",
        )
    if profile.kind == "home-manager":
        return (Command((f"{path}/activate",), "link the home's files as it wants them"), move)
    if profile.kind == "user":
        return (move,)
    activate = Command(
        commands.switch_to_configuration(path, "test"),
        "start, stop and restart units as it wants them, now",
    )
    boot = Command(
        commands.switch_to_configuration(path, "boot"), "make it what the boot loader starts"
    )
    if mode == "test":
        return (activate,)
    return (move, boot) if mode == "boot" else (activate, move, boot)


async def _checks(
    context: Context, profile: Profile, target: Generation, mode: Mode
) -> tuple[Check, ...]:
    rows = [_link_check(profile)]
    if profile.kind == "system":
        allowed, reason = context.may_change_system(profile)
        rows.insert(0, Check("privileges", "ok" if allowed else "refused", f"{reason}."))
    rows.append(await _validity_check(context, target))
    rows += _activation_checks(context.machine, profile, target, mode)
    return tuple(rows)


def _link_check(profile: Profile) -> Check:
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
        return Check("live switch", "refused", f"it needs a reboot ({told}): use --boot.")
    versions = [_read_text(f"{path}/init-interface-version") for path in (running, target)]
    if versions[0] != versions[1] and None not in versions:
        return Check(
            "live switch",
            "refused",
            "its init cannot take over from the running one "
            f"({versions[0]} → {versions[1]}): use --boot.",
        )
    return Check("live switch", "ok", "nothing in it asks for a reboot first.")


async def _diff(
    context: Context, before: str | None, after: str | None
) -> tuple[ClosureDiff | None, str | None]:
    if before is None or after is None:
        return None, "there is nothing to compare with"
    try:
        old = await context.read(lambda r: r.closure(before))
        new = await context.read(lambda r: r.closure(after))
    except NixError as error:
        return None, str(error)
    return closures.diff(old, new), None


async def _preview(
    context: Context,
    profile: Profile,
    target: Generation,
    mode: Mode,
    checks: tuple[Check, ...],
    nothing: bool,
) -> tuple[tuple[UnitChange, ...] | None, str]:
    """What the target itself says that it would do to units; None with the reason otherwise."""
    if profile.kind != "system":
        return (), "only a system has units."
    if nothing:
        return (), "nothing to do."
    if mode == "boot":
        return (), "nothing is activated before the next boot."
    if not context.may_change_system(profile)[0]:
        return None, "the preview needs root."
    if any(check.name == "activation" and check.verdict == "refused" for check in checks):
        return None, "the target cannot be activated."
    command = Command(
        commands.switch_to_configuration(target.path or "", "dry-activate"), "preview the units"
    )
    try:
        done = await context.run(command, check=False, at_most=60)
    except NixError as error:
        return None, str(error)
    if done.returncode != 0:
        return None, f"dry-activate ended with {done.returncode}: {_last_line(done.stderr)}"
    return unit_changes(f"{done.stdout}\n{done.stderr}"), ""


def _notices(
    profile: Profile,
    before: Generation | None,
    target: Generation,
    mode: Mode,
    running: str | None,
) -> tuple[str, ...]:
    notices = []
    if before is not None and target.number > before.number:
        notices.append(
            f"Generation {target.number} is newer than {before.number}, the current one."
        )
    if before is not None and running is not None and before.path != running:
        notices.append("What runs now is not the profile's current generation.")
    if not target.link:
        notices.append(f"Its link was deleted: it comes back as generation {target.number}.")
    if profile.kind == "system" and mode == "test":
        notices.append("The next boot still starts what it started before.")
    return tuple(notices)


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _read_text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"

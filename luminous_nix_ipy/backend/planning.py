"""What a change of a profile would do: the plan that is shown before anyone says yes.

Making a plan changes nothing. It carries the fingerprint of the facts it rests on; carrying it out
looks at them again (`transaction.py`).
"""

from __future__ import annotations

import hashlib
import os

from msgspec.structs import replace

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
from ..store.links import read_link
from ..store.specialisations import running_specialisation
from ..store.system import (
    booted_path,
    reboot_reason,
    running_path,
)
from ..store.toplevel import read_facts
from ..tools import commands
from .checks import change_checks
from .checks_system import own_unit_check, pre_switch_check
from .context import Context
from .forcing import is_forced, known_checks, pass_over
from .model import Mode, Plan, Safety, specialised
from .specialising import choose_specialisation
from .units import unit_changes

_UNWATCHED = Safety()


async def make_plan(
    context: Context,
    *,
    operation: str,
    profile: Profile,
    generations: list[Generation],
    target: Generation,
    mode: Mode = "switch",
    specialisation: str | None = None,
    install_bootloader: bool = False,
    prepared: tuple[Command, ...] = (),
    safety: Safety = _UNWATCHED,
) -> Plan:
    """The plan of making `target` the profile's current generation.

    Args:
        operation: the word for it, as in `Plan`.
        generations: all of the profile.
        target: one of them, or (its `link` empty) a store path that is to become a new one.
        mode: what of it; only a system knows others than "switch".
        specialisation: of a system, which of its specialisations is to run; "": the system itself,
            None: the one that runs now, where the target has it.
        install_bootloader: install the boot loader itself, not only its entries.
        prepared: what was already run for it.
        safety: how it is watched, and which checks may be red.

    Raises:
        NotFound, Refused: no such specialisation, or no such check to be passed over.
    """
    machine = context.machine
    safety = replace(safety, force=known_checks(safety.force))
    before = next((g for g in generations if g.current), None)
    running = running_path(machine) if profile.kind == "system" else None
    active = running_specialisation(running, generations)
    chosen, told = choose_specialisation(target, mode, active=active, wanted=specialisation)
    activated = replace(target, path=specialised(target.path or "", chosen))
    if profile.kind == "system":
        is_running = running is not None and running == activated.path
    else:
        is_running = True
    nothing = target.current and (is_running or mode == "boot") and target.link != ""
    if mode == "test":
        nothing = is_running
    checks = await change_checks(context, profile, target, activated, mode)
    if profile.kind == "system" and not nothing:
        checks += (await pre_switch_check(context, profile, activated, checks),)
    checks += told
    start = running or (before.path if before else None)
    diff, diff_problem = await compare(context, start, activated.path)
    units, units_reason = await _preview(context, profile, activated, mode, checks, nothing)
    checks = pass_over((*checks, *own_unit_check(machine, units or ())), safety.force)
    root = context.needs_root(profile)
    made = change_commands(profile, target, mode, chosen, install_bootloader, checks)
    steps = tuple(replace(step, root=root) for step in made)
    reboot, reason = (
        reboot_reason(booted_path(machine), activated.path or "")
        if profile.kind == "system"
        else (False, "a user's profile never needs one.")
    )
    return Plan(
        operation=operation,
        mode=mode,
        profile=profile,
        before=before,
        target=target,
        specialisation=chosen,
        diff=diff,
        diff_problem=diff_problem,
        units=units,
        units_reason=units_reason,
        reboot_needed=reboot,
        reboot_reason=reason,
        checks=checks,
        commands=() if nothing else steps,
        prepared=prepared,
        notices=_notices(operation, profile, before, target, mode, running, active, chosen)
        + _kernel_notice(machine, profile, activated, mode),
        nothing_to_do=nothing,
        playground=machine.playground is not None,
        safety=safety,
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
        "the profile's link": read_link(profile.path),
        "the target's link": read_link(target.link) if target.link else target.path,
        "the running system": running_path(machine) if profile.kind == "system" else None,
        "the booted system": booted_path(machine) if profile.kind == "system" else None,
    }


def change_commands(
    profile: Profile,
    target: Generation,
    mode: Mode,
    specialisation: str | None = None,
    install_bootloader: bool = False,
    checks: tuple[Check, ...] = (),
) -> tuple[Command, ...]:
    """The commands of a change, in the order in which they are run. NixOS is told to make no checks
    of its own where red ones of the same kind were passed over."""
    path = target.path or ""
    if target.link:
        move = Command(
            commands.switch_generation(profile.path, target.number),
            f"make generation {target.number} the profile's current one",
        )
    else:
        move = Command(
            commands.set_profile(profile.path, path),
            f"make it generation {target.number}, and the profile's current one",
        )
    if profile.kind == "home-manager":
        return (Command((f"{path}/activate",), "link the home's files as it wants them"), move)
    if profile.kind == "user":
        return (move,)
    forced = is_forced(checks, "pre-switch check")
    no_check = forced or is_forced(checks, "live switch")
    activate = Command(
        commands.switch_to_configuration(
            specialised(path, specialisation), "test", no_check=no_check
        ),
        "start, stop and restart units as it wants them, now",
    )
    boot = Command(
        commands.switch_to_configuration(
            path, "boot", install_bootloader=install_bootloader, no_check=forced
        ),
        "make it what the boot loader starts",
    )
    if mode == "test":
        return (activate,)
    return (move, boot) if mode == "boot" else (activate, move, boot)


async def compare(
    context: Context, before: str | None, after: str | None
) -> tuple[ClosureDiff | None, str | None]:
    """The packages that differ between two store paths; else None and a sentence that says why."""
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
    if context.needs_root(profile):
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
    operation: str,
    profile: Profile,
    before: Generation | None,
    target: Generation,
    mode: Mode,
    running: str | None,
    active: str | None,
    chosen: str | None,
) -> tuple[str, ...]:
    notices = []
    if before is not None and target.link and target.number > before.number:
        notices.append(
            f"Generation {target.number} is newer than {before.number}, the current one."
        )
    if running is not None and before is not None and not _runs(before, running, active):
        notices.append("What runs now is not the profile's current generation.")
    if operation == "undo" and not target.link:
        notices.append(f"Its link was deleted: it comes back as generation {target.number}.")
    if profile.kind == "system" and mode == "test":
        notices.append("The next boot still starts what it started before.")
    elif chosen or active:
        name = chosen or active
        notices.append(f"The next boot starts the system itself, not its specialisation {name}.")
    return tuple(notices)


def _runs(generation: Generation, running: str, active: str | None) -> bool:
    """Whether what runs is the generation's system, or its specialisation of that name."""
    return running in (generation.path, specialised(generation.path or "", active))


def _kernel_notice(
    machine: Machine, profile: Profile, target: Generation, mode: Mode
) -> tuple[str, ...]:
    """That modules of another kernel than the one that runs cannot be loaded."""
    booted = booted_path(machine)
    if profile.kind != "system" or mode == "boot" or booted is None:
        return ()
    runs, brings = read_facts(booted).kernel_version, read_facts(target.path or "").kernel_version
    if runs is None or brings is None or runs == brings:
        return ()
    return (f"Linux {runs} goes on running: no module of Linux {brings} fits it before a reboot.",)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"

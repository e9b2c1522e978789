"""What a deletion would do: the plan that lists all of it before anyone says yes.

Generations are deleted by nix-env with explicit numbers, never with `old` or `+N`, which Nix would
work out anew. A boot menu is refreshed before anything is collected, so that at no moment it offers
what is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from datetime import datetime

from ..errors import DatabaseUnreadable
from ..machine import Machine
from ..records import Check, Command, Generation, Profile
from ..store.generations import current_number
from ..store.links import read_link
from ..store.liveness import Garbage, find_garbage, keeping
from ..store.profiles import known_profiles
from ..store.roots import find_roots
from ..store.system import booted_path, link_is_relative, running_path
from ..tools import commands
from .choosing import choices, named
from .collect_model import Choice, CollectPlan, Deletion
from .context import Context
from .privileges import collection_needs_root, needs_root
from .roots import list_backups


async def plan_collection(
    context: Context,
    profiles: Sequence[Profile],
    *,
    keep: int | None = None,
    days: int | None = None,
    max_bytes: int | None = None,
    left_out: Sequence[str] = (),
) -> CollectPlan:
    """The plan of deleting old generations of some profiles, and all that nothing keeps then.

    Args:
        keep, days: see `choices`.
        max_bytes: see CollectPlan.
        left_out: names of profiles that this user may not change.
    """
    now = datetime.now().astimezone()
    chosen: list[Choice] = []
    for profile in profiles:
        found = await context.generations(profile)
        chosen += choices(profile, found, keep=keep, days=days, now=now)
    notices = [f"Not yours to change: {', '.join(left_out)}"] if left_out else []
    return await _plan(context, "collect", profiles, chosen, max_bytes, notices)


async def plan_deletion(
    context: Context, profile: Profile, generations: Sequence[Generation], numbers: Sequence[int]
) -> CollectPlan:
    """The plan of deleting the generations with these numbers; nothing is collected.

    Raises:
        Refused: one of them is current, running, booted or kept.
    """
    return await _plan(context, "delete", [profile], named(profile, generations, numbers))


def plan_optimisation(context: Context) -> CollectPlan:
    """The plan of linking equal files of the store with one another."""
    return CollectPlan(
        operation="optimise",
        profiles=(),
        choices=(),
        garbage=None,
        garbage_problem="Known only once every file was compared.",
        checks=_checks(context, "optimise", (), ()),
        commands=(
            Command(
                commands.optimise_store(),
                "store files that are equal only once, as links",
                root=collection_needs_root(context.machine),
            ),
        ),
        notices=("It reads every file of the store that is not linked yet.",),
        playground=context.machine.playground is not None,
        fingerprint={},
    )


def fingerprint(machine: Machine, profiles: Sequence[Profile]) -> dict[str, str]:
    """What a plan rests on, in words -> a digest of it."""
    found = {}
    for profile in profiles:
        folder, name = os.path.split(profile.path)
        links = sorted(
            f"{entry.name} {os.readlink(entry.path)}"
            for entry in os.scandir(folder)
            if entry.name.startswith(f"{name}-") and entry.is_symlink()
        )
        found[f"the generations of {profile.name}"] = _digest(read_link(profile.path), *links)
    found["what runs and was booted"] = _digest(running_path(machine), booted_path(machine))
    kept = (f"{root.link} {root.path}" for root in find_roots(machine).found)
    found["the gc roots"] = _digest(*kept)
    return found


async def _plan(
    context: Context,
    operation: Deletion,
    profiles: Sequence[Profile],
    chosen: Sequence[Choice],
    max_bytes: int | None = None,
    said: Sequence[str] = (),
) -> CollectPlan:
    machine = context.machine
    facts = await asyncio.to_thread(fingerprint, machine, profiles)
    gone = [choice.generation.link for choice in chosen if choice.goes]
    garbage, problem, told = await asyncio.to_thread(_garbage, machine, gone)
    notices = [*said, *told]
    steps = [
        *_mends(machine, profiles),
        *_deletions(machine, profiles, chosen),
        *_boot_menus(machine, profiles, chosen),
    ]
    idle = not steps
    if operation == "collect":
        steps.append(
            Command(
                commands.collect_garbage(max_bytes),
                "delete every path that nothing keeps",
                root=collection_needs_root(machine),
            )
        )
        idle &= garbage is not None and not (garbage.paths or garbage.strangers)
        notices.append("What running processes and builds use stays too: Nix itself sees to that.")
        if max_bytes is not None:
            notices.append("Which paths Nix deletes until it stops is not known beforehand.")
    notices += await asyncio.to_thread(_other_absolute_links, machine, profiles)
    return CollectPlan(
        operation=operation,
        profiles=tuple(profiles),
        choices=tuple(chosen),
        garbage=garbage,
        garbage_problem=problem,
        max_bytes=max_bytes,
        backups=tuple(list_backups(machine)),
        checks=_checks(context, operation, profiles, chosen),
        commands=() if idle else tuple(steps),
        notices=tuple(notices),
        nothing_to_do=idle,
        playground=machine.playground is not None,
        fingerprint=facts,
    )


def _garbage(machine: Machine, gone: Sequence[str]) -> tuple[Garbage | None, str | None, list[str]]:
    """What nothing keeps once these links are gone; why that is not known; what to know of it."""
    roots = find_roots(machine, without=gone)
    notices = []
    if roots.unreadable:
        count = len(roots.unreadable)
        notices.append(
            f"{count} gc root{'' if count == 1 else 's'} cannot be read by you, so less may be "
            f"deleted than is told here: {', '.join(roots.unreadable[:3])}"
        )
    try:
        return find_garbage(machine, roots.paths, keeping(machine)), None, notices
    except DatabaseUnreadable as error:
        return None, str(error), notices


def _mends(machine: Machine, profiles: Sequence[Profile]) -> list[Command]:
    """What writes absolute profile links as Nix does, where they can be mended."""
    return [
        Command(
            commands.switch_generation(profile.path, number),
            f"write {profile.name}'s link as Nix does: it is absolute, so that Nix does not know "
            "what is current and would delete that too",
            root=needs_root(machine, profile),
        )
        for profile in profiles
        if (number := current_number(profile)) is not None and link_is_relative(profile) is False
    ]


def _deletions(
    machine: Machine, profiles: Sequence[Profile], chosen: Sequence[Choice]
) -> list[Command]:
    made = []
    for profile in profiles:
        numbers = sorted(c.generation.number for c in chosen if c.goes and c.profile == profile)
        if numbers:
            listed = ", ".join(map(str, numbers))
            noun = "generation" if len(numbers) == 1 else "generations"
            made.append(
                Command(
                    commands.delete_generations(profile.path, numbers),
                    f"delete {noun} {listed} of {profile.name}",
                    root=needs_root(machine, profile),
                )
            )
    return made


def _boot_menus(
    machine: Machine, profiles: Sequence[Profile], chosen: Sequence[Choice]
) -> list[Command]:
    made = []
    for profile in profiles:
        ours = [c for c in chosen if c.profile == profile]
        current = next((c.generation.path for c in ours if c.generation.current), None)
        if profile.kind == "system" and current is not None and any(c.goes for c in ours):
            made.append(
                Command(
                    commands.switch_to_configuration(current, "boot"),
                    "take the deleted generations out of the boot menu",
                    root=needs_root(machine, profile),
                )
            )
    return made


def _checks(
    context: Context,
    operation: Deletion,
    profiles: Sequence[Profile],
    chosen: Sequence[Choice],
) -> tuple[Check, ...]:
    rows = []
    if context.machine.simulated and operation != "delete":
        rows.append(
            Check(
                "Nix",
                "refused",
                "this playground has no Nix, which alone collects and optimises; generations are "
                "deleted with %nix delete.",
            )
        )
    for profile in profiles:
        if any(choice.goes and choice.profile == profile for choice in chosen):
            rows += [_privileges(context, profile), _link_check(profile)]
    return tuple(rows)


def _privileges(context: Context, profile: Profile) -> Check:
    allowed, reason = context.may_change(profile)
    return Check(f"privileges for {profile.name}", "ok" if allowed else "refused", f"{reason}.")


def _link_check(profile: Profile) -> Check:
    name = f"link of {profile.name}"
    if current_number(profile) is None:
        reason = "which generation is current is not known: make one current with %nix rollback N."
        return Check(name, "refused", reason)
    if link_is_relative(profile):
        return Check(name, "ok", "relative, as Nix writes it.")
    return Check(name, "warning", "absolute: it is mended before anything is deleted.")


def _other_absolute_links(machine: Machine, profiles: Sequence[Profile]) -> list[str]:
    """Sentences about profiles that are left alone here, and whose link is a danger."""
    ours = {profile.path for profile in profiles}
    return [
        f"The link of {profile.name} is absolute, so nix-collect-garbage -d would delete all of "
        f"its generations; this mends it: nix-env -p {profile.path} --switch-generation {number}"
        for profile in known_profiles(machine)
        if profile.path not in ours
        and link_is_relative(profile) is False
        and (number := current_number(profile)) is not None
    ]


def _digest(*facts: str | None) -> str:
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(os.fsencode(fact or "none") + b"\0")
    return digest.hexdigest()

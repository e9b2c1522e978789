"""UNDO: put back what was current before the last change."""

from __future__ import annotations

import os

from ...errors import NotFound
from ...records import Generation
from ..context import Context
from ..model import Backup, NixOperation, NixResult, Plan
from ..planning import make_plan
from ..roots import list_backups
from ..safety import SAFETY, safety_of
from ..validation import Options
from .rollback import perform

OPTIONS: Options = {"profile": str, "id": str, **SAFETY}


async def plan(context: Context, operation: NixOperation) -> Plan:
    """The plan of putting back a backup.

    Options: `profile`; `id` of the backup, the newest of the profile where it is not given; how it
    is watched (`SAFETY`).
    """
    safety = safety_of(context.machine, operation.options)
    profile = context.profile(operation.options.get("profile"))
    backups = list_backups(context.machine, profile)
    backup = _choose(backups, operation.options.get("id"), profile.name)
    generations = await context.generations(profile)
    return await make_plan(
        context,
        operation="undo",
        profile=profile,
        generations=generations,
        target=_target(generations, backup),
        safety=safety,
    )


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it); data as ROLLBACK's."""
    return await perform(context, operation, made or await plan(context, operation))


def _choose(backups: list[Backup], wanted: str | None, profile: str) -> Backup:
    if not backups:
        raise NotFound(
            f"There is nothing to undo for {profile}.",
            "No change of it has left a backup, or the backups are gone.",
            ["See what was changed with %nix journal."],
        )
    if wanted is None:
        return backups[0]
    for backup in backups:
        if backup.id == wanted:
            return backup
    raise NotFound(
        f"There is no backup {wanted}.",
        f"There is {', '.join(backup.id for backup in backups)}.",
        ["See them with %nix undo --list."],
    )


def _target(generations: list[Generation], backup: Backup) -> Generation:
    """The generation that was current; its path elsewhere in the profile, or anew, where the link
    is gone."""
    same = [g for g in generations if g.path == backup.path]
    for generation in same:
        if generation.number == backup.number:
            return generation
    if same:
        return same[0]
    newest = max((g.number for g in generations), default=0)
    path = os.readlink(backup.root)
    return Generation(number=newest + 1, date=None, current=False, path=path, link="")

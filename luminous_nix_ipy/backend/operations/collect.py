"""GARBAGE_COLLECT: delete old generations, and all that no gc root keeps then."""

from __future__ import annotations

import os

from ...errors import Refused
from ...records import Profile
from ...store.profiles import known_profiles
from ..choosing import parse_days, parse_size
from ..collect_model import CollectPlan
from ..collecting import plan_collection
from ..collection import carry_out
from ..context import Context
from ..model import NixOperation, NixResult
from ..validation import Options

OPTIONS: Options = {
    "profile": str,
    "all_profiles": bool,
    "keep": int,
    "older_than": (str, int),
    "max": (str, int),
}


async def plan(context: Context, operation: NixOperation) -> CollectPlan:
    """The plan of a collection.

    Options: `keep` (a number: what `nix-env --delete-generations +N` leaves stays), `older_than`
    ("30d": what `Nd` leaves stays), with neither no generation goes; `profile`, or `all_profiles`;
    `max` ("10G": stop once more than that is freed).
    """
    options = operation.options
    if options.get("all_profiles") and options.get("profile") is not None:
        raise Refused(
            "A collection is of one profile or of all, not both.",
            "They contradict one another.",
            ["Leave one of them out."],
        )
    days, size = options.get("older_than"), options.get("max")
    context.progress.update("finding what nothing keeps", 0.0)
    profiles, left_out = _profiles(
        context, options.get("profile"), bool(options.get("all_profiles"))
    )
    return await plan_collection(
        context,
        profiles,
        keep=options.get("keep"),
        days=None if days is None else parse_days(str(days)),
        max_bytes=None if size is None else parse_size(size),
        left_out=left_out,
    )


async def run(context: Context, operation: NixOperation, made: CollectPlan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it).

    data: `plan` (CollectPlan), and once carried out `report` (CollectReport).
    """
    return await perform(context, operation, made or await plan(context, operation))


async def perform(context: Context, operation: NixOperation, plan: CollectPlan) -> NixResult:
    """Carry out a deletion, unless only a dry run was asked for."""
    if operation.dry_run:
        what = "nothing to do" if plan.nothing_to_do else f"{len(plan.going)} generations would go"
        return NixResult(True, f"Dry run: {what}. Nothing was changed.", {"plan": plan})
    report = await carry_out(context, plan)
    return NixResult(True, report.message, {"plan": plan, "report": report})


def _profiles(
    context: Context, name: str | None, everything: bool
) -> tuple[list[Profile], list[str]]:
    """The profiles that are meant, and the names of those that are other users' to change."""
    if not everything:
        return [context.profile(name)], []
    ours, theirs = [], []
    for profile in known_profiles(context.machine):
        own = os.access(os.path.dirname(profile.path), os.W_OK)
        if own or (profile.kind == "system" and context.may_change(profile)[0]):
            ours.append(profile)
        else:
            theirs.append(profile.name)
    return ours, theirs

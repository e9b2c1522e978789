"""DELETE_GENERATIONS: delete chosen generations of a profile."""

from __future__ import annotations

from ...errors import Refused
from ..collect_model import CollectPlan
from ..collecting import plan_deletion
from ..context import Context
from ..model import NixOperation, NixResult
from ..targets import choose
from ..validation import Options
from .collect import perform

OPTIONS: Options = {"profile": str, "generations": (list, tuple)}


async def plan(context: Context, operation: NixOperation) -> CollectPlan:
    """The plan of deleting generations.

    Options: `generations` (numbers); `profile`.
    """
    numbers = list(operation.options.get("generations") or ())
    if not numbers:
        raise Refused("No generation was named.", "", ["For example: %nix delete 3 4"])
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise Refused(f"{number!r} is no number of a generation.")
    profile = context.profile(operation.options.get("profile"))
    generations = await context.generations(profile)
    for number in numbers:
        choose(generations, number=number)
    return await plan_deletion(context, profile, generations, numbers)


async def run(context: Context, operation: NixOperation, made: CollectPlan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it); data as GARBAGE_COLLECT's."""
    return await perform(context, operation, made or await plan(context, operation))

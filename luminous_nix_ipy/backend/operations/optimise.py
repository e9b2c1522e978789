"""OPTIMISE: store files that are equal only once."""

from __future__ import annotations

from ..collect_model import CollectPlan
from ..collecting import plan_optimisation
from ..context import Context
from ..model import NixOperation, NixResult
from ..validation import Options
from .collect import perform

OPTIONS: Options = {}


async def plan(context: Context, operation: NixOperation) -> CollectPlan:
    """The plan of an optimisation."""
    return plan_optimisation(context)


async def run(context: Context, operation: NixOperation, made: CollectPlan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it); data as GARBAGE_COLLECT's."""
    return await perform(context, operation, made or plan_optimisation(context))

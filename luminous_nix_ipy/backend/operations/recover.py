"""RECOVER: changes that were cut off: how the machine is, and finishing or undoing one of them."""

from __future__ import annotations

from ...errors import Refused
from ..context import Context
from ..cut_off import cut_off
from ..model import NixOperation, NixResult
from ..recover_model import How, RecoverPlan
from ..recovering import carry_out, find, make_plan
from ..safety import SAFETY, safety_of
from ..validation import Options

OPTIONS: Options = {"id": str, "how": str, **SAFETY}


async def plan(context: Context, operation: NixOperation) -> RecoverPlan:
    """The plan of finishing or undoing a change.

    Options: `how` ("finish" or "undo"); `id` of the change, the newest that was cut off where it is
    not given; and those of `safety.SAFETY`.
    """
    options = operation.options
    found = find(context.machine, options.get("id"))
    return make_plan(context, found, _how(options.get("how")), safety_of(context.machine, options))


async def run(context: Context, operation: NixOperation, made: RecoverPlan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it); without `how` only tell what was cut off.

    data: `cut_off` (list of CutOff), or `plan` (RecoverPlan) and `report` (RecoverReport).
    """
    if made is None and operation.options.get("how") is None:
        found = cut_off(context.machine)
        count = len(found)
        what = f"{count} change{'' if count == 1 else 's'} cut off" if count else "none was cut off"
        return NixResult(True, f"Changes: {what}.", {"cut_off": found})
    made = made or await plan(context, operation)
    if operation.dry_run:
        what = f"{made.how} {made.cut_off.entry.operation} {made.cut_off.entry.id}"
        return NixResult(True, f"Dry run: {what}. Nothing was changed.", {"plan": made})
    report = await carry_out(context, made)
    return NixResult(True, report.message, {"plan": made, "report": report})


def _how(text: str | None) -> How:
    match text:
        case "finish" | "undo":
            return text
    raise Refused(
        f"A change is finished or undone, not {text!r}.",
        "The option how says which.",
        ['Say how="finish" or how="undo".'],
    )

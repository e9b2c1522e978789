"""ROLLBACK: make an earlier (or any other) generation of a profile the current one."""

from __future__ import annotations

from ...errors import Refused
from ..context import Context
from ..model import Mode, NixOperation, NixResult, Plan
from ..planning import make_plan
from ..safety import SAFETY, safety_of
from ..targets import choose
from ..transaction import carry_out
from ..validation import Options

OPTIONS: Options = {
    "profile": str,
    "generation": int,
    "description": str,
    "mode": str,
    "specialisation": str,
    **SAFETY,
}


async def plan(context: Context, operation: NixOperation) -> Plan:
    """The plan of a rollback.

    Options: `generation` (a number) or `description` (a date, a phrase or words: `targets.py`),
    neither for the previous one; `profile`; `mode` (switch, boot, test); `specialisation`, the one
    that is to run ("": the system itself, None: the one that runs now); how it is watched
    (`SAFETY`).
    """
    options = operation.options
    safety = safety_of(context.machine, options)
    if options.get("generation") is not None and options.get("description") is not None:
        raise Refused(
            "A rollback takes a number or a description, not both.",
            "They could mean two generations.",
            ["Leave one of them out."],
        )
    profile = context.profile(options.get("profile"))
    mode: Mode = options.get("mode") or "switch"
    if profile.kind != "system" and mode != "switch":
        raise Refused(
            f"{profile.name} is not a system, so it cannot be rolled back with --{mode}.",
            "Only a system is activated and booted.",
            ["Leave it out."],
        )
    generations = await context.generations(profile)
    target = choose(generations, number=options.get("generation"), words=options.get("description"))
    return await make_plan(
        context,
        operation="rollback",
        profile=profile,
        generations=generations,
        target=target,
        mode=mode,
        specialisation=options.get("specialisation"),
        safety=safety,
    )


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it).

    data: `plan`, `previous` and `current` (generation numbers), and once carried out `report`
    (ChangeReport) and `backup` (Backup or None).
    """
    context.progress.update("planning", 0.0)
    return await perform(context, operation, made or await plan(context, operation))


async def perform(context: Context, operation: NixOperation, plan: Plan) -> NixResult:
    """Carry out a plan of a rollback or an undo, unless only a dry run was asked for."""
    previous = plan.before.number if plan.before else None
    if operation.dry_run:
        what = (
            f"{plan.operation} {previous} → {plan.target.number}"
            if not plan.nothing_to_do
            else "nothing to do"
        )
        return NixResult(
            success=True,
            message=f"Dry run: {what}. Nothing was changed.",
            data={"plan": plan, "previous": previous, "current": previous},
        )
    report = await carry_out(context, plan)
    return NixResult(
        success=True,
        message=report.message,
        data={
            "plan": plan,
            "report": report,
            "previous": previous,
            "current": previous if plan.mode == "test" else plan.target.number,
            "backup": report.backup,
        },
    )

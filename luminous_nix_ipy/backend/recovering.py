"""Finish or undo a change that was cut off: by a supervisor again, under the same id."""

from __future__ import annotations

import time
from datetime import datetime

from msgspec.structs import replace

from ..errors import ChangeFailed, NixError, NotFound, Refused
from ..machine import Machine
from ..records import Check, Command, JournalEntry
from ..tools.elevated import Elevated
from .change_report import refuse
from .charge import Charge
from .clerk import recording
from .context import Context
from .cut_off import CutOff, cut_off, examine, profile_of
from .expectations import failed_now, watch
from .lock import lock_file
from .model import Mode, Safety
from .recover_model import How, RecoverPlan, RecoverReport
from .roots import root_folders
from .shield import protect
from .supervisor import Renew, Told
from .transaction import charged
from .units import failed_units

_FORWARD = ("activate", "move", "boot")
_BACK = ("restore-profile", "restore-running", "restore-boot")


def find(machine: Machine, wanted: str | None) -> CutOff:
    """The change that is meant, by default the newest that was cut off.

    Raises:
        NotFound: none was, or none has that id.
    """
    found = cut_off(machine)
    if not found:
        raise NotFound(
            "No change was cut off.",
            "Every intent in the journal has its outcome.",
            ["See what was changed with %nix journal."],
        )
    for one in found:
        if wanted in (None, one.entry.id):
            return one
    raise NotFound(
        f"No change {wanted} was cut off.",
        f"There is {', '.join(one.entry.id for one in found)}.",
        ["See them with %nix recover."],
    )


def make_plan(context: Context, found: CutOff, how: How, safety: Safety) -> RecoverPlan:
    """What finishing or undoing it does.

    All of it is run, also what seems to be there: an activation that was cut off may have set what
    runs, and not have started its units yet.
    """
    machine, entry = context.machine, found.entry
    names = _FORWARD if how == "finish" else _BACK
    root = context.needs_root(profile_of(machine, entry))
    commands = tuple(
        replace(_command(entry.steps[name]), root=root) for name in names if name in entry.steps
    )
    return RecoverPlan(
        cut_off=found,
        how=how,
        commands=commands,
        checks=_checks(context, found),
        safety=safety,
        playground=machine.playground is not None,
    )


def _command(text: str) -> Command:
    import shlex

    return Command(tuple(shlex.split(text)), "as was planned")


def _checks(context: Context, found: CutOff) -> tuple[Check, ...]:
    profile = profile_of(context.machine, found.entry)
    allowed, reason = context.may_change(profile)
    rows = [Check("privileges", "ok" if allowed else "refused", f"{reason}.")]
    if found.state == "changed":
        told = " ".join(found.facts)
        rows.append(Check("machine", "refused", f"somebody else has changed it since. {told}"))
    else:
        rows.append(Check("machine", "ok", " ".join(found.facts)))
    return tuple(rows)


async def carry_out(context: Context, plan: RecoverPlan) -> RecoverReport:
    """Do it, and write down what came of the change.

    Raises:
        Refused: a check is red, or another change is under way.
        NotFound: it is no longer cut off.
        ChangeFailed: it could not be done; says how the machine is.
    """
    if plan.refused:
        raise Refused(
            f"The change {plan.cut_off.entry.id} is not recovered.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed. See how the machine is: %nix doctor"],
        )
    now = find(context.machine, plan.cut_off.entry.id)
    if now != plan.cut_off:
        raise Refused(
            "The machine has changed since the plan was made. Nothing was done.",
            " ".join(now.facts),
            ["Make a new plan: run the same line again."],
        )
    started = time.monotonic()
    if now.state == "unknown":
        return await _close(context, plan, started)
    elevated = await context.elevate() if plan.commands and plan.commands[0].root else None
    return await protect(_supervised(context, plan, elevated, started), "the recovery")


async def _close(context: Context, plan: RecoverPlan, started: float) -> RecoverReport:
    """Write the outcome of a deed of which nothing is left to be done."""
    entry = replace(
        plan.cut_off.entry,
        ended=datetime.now().astimezone(),
        outcome="interrupted",
        error="it was cut off",
    )
    async with recording(context, plan.cut_off.kind, ()) as write:
        await write(entry)
    return RecoverReport(
        plan=plan,
        outcome="interrupted",
        message=f"The {entry.operation} that was cut off is written down as interrupted.",
        verified=(),
        commands=(),
        duration=time.monotonic() - started,
    )


async def _supervised(
    context: Context, plan: RecoverPlan, elevated: Elevated | None, started: float
) -> RecoverReport:
    found, entry = plan.cut_off, plan.cut_off.entry
    before = await failed_now(context.machine) if found.kind == "system" else None
    seen: tuple[Check, ...] = ()

    async def health(told: Told, renew: Renew) -> str | None:
        nonlocal seen
        failed = failed_units(told.output("activate"))
        seen = await watch(context, plan.safety, before, renew, told=failed)
        bad = [check for check in seen if check.verdict == "failed"]
        return "; ".join(f"{check.name}: {check.reason}" for check in bad) or None

    told = await charged(
        context,
        charge_of(context.machine, found, plan.how, plan.safety),
        elevated,
        on_step=lambda step: context.progress.update(step.replace("-", " ")),
        health=health,
    )
    refuse(told, lock_file(context.machine, found.kind))
    ran = tuple(_ran(entry, one.step, one.number) for one in told.ran)
    good = "done" if plan.how == "finish" else "failed, restored"
    if told.outcome != good:
        raise _failure(context, plan, told)
    what = "finished" if plan.how == "finish" else "undone: everything is as it was before"
    return RecoverReport(
        plan=plan,
        outcome=told.outcome,
        message=f"The {entry.operation} that was cut off is {what}.",
        verified=(*seen, *told.verified),
        commands=ran,
        duration=time.monotonic() - started,
    )


def _failure(context: Context, plan: RecoverPlan, told: Told) -> NixError:
    now = examine(context.machine, plan.cut_off.entry, plan.cut_off.kind)
    sentence = told.failed.sentence if told.failed else f"it ended in the step {told.step!r}"
    problems = "; ".join(told.problems)
    restored = told.outcome == "failed, restored"
    state = "Everything is as it was before it." if restored else " ".join(now.facts)
    return ChangeFailed(
        f"The change {plan.cut_off.entry.id} could not be "
        f"{'finished' if plan.how == 'finish' else 'undone wholly'}.",
        "\n".join(part for part in (f"{sentence}.", problems, state) if part),
        ["See how the machine is: %nix doctor"],
    )


def charge_of(machine: Machine, found: CutOff, how: How, safety: Safety) -> Charge:
    """What is left of a change, for its supervisor."""
    entry = found.entry
    profile = profile_of(machine, entry)
    name = profile.path.rpartition("/")[2]
    number, newest = entry.from_number, entry.newest or 0
    new = entry.to_number is None or entry.to_number > newest
    direct = entry.backup is None or entry.backup.startswith(f"{root_folders(machine)[0]}/")
    mode: Mode = "boot" if entry.mode == "boot" else "test" if entry.mode == "test" else "switch"
    return Charge(
        id=entry.id,
        intent=entry,
        kind=found.kind,
        mode=mode,
        profile=profile.path,
        before_link=None if number is None else f"{name}-{number}-link",
        before_number=number,
        before_path=entry.from_path,
        running=entry.running,
        target_path=entry.to_path or "",
        target_number=None if new else entry.to_number,
        newest=newest,
        activated=entry.activated or entry.to_path or "",
        root=entry.backup,
        root_is_direct=direct,
        safety=safety,
        recover=how,
    )


def _ran(entry: JournalEntry, step: str, number: int | None) -> Command:
    text = entry.steps.get(step, step)
    return _command(text if number is None else f"{text} {number}")

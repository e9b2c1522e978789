"""A change is a transaction: the only place from which a profile or a system is changed.

The steps are the supervisor's (`supervisor.sh`): journal the intent → keep what is current →
activate without moving the profile (`test`) → health → move the profile with nix-env → boot loader
(`boot`) → verify → journal the outcome. Here it is given what it needs, the health of the machine
is looked at, and what it has told becomes a report. If a step fails, or nobody is left to confirm,
it puts back the exact generation that was current and the exact system that ran.

home-manager's `activate` compares with the profile's generation to find stale links, so it runs
before the profile is moved; the generation that it may add for itself is deleted again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from ..errors import ChangeFailed, MachineChanged, NixError, Refused
from ..records import Check, Command, JournalEntry
from ..store.generations import list_generations
from ..store.links import read_link
from ..store.system import own_unit, running_path
from ..tools import commands
from ..tools.elevated import Elevated
from . import journal
from .charge import Charge
from .context import Context
from .expectations import failed_now, watch
from .lock import lock_file
from .model import Backup, ChangeReport, Outcome, Plan
from .planning import facts, fingerprint
from .restore import Touched, restoring_commands
from .roots import root_path
from .shield import protect
from .supervisor import (
    Health,
    Renew,
    Told,
    command_line,
    new_token,
    supervise,
)
from .units import failed_units, unit_changes

_log = logging.getLogger(__name__)

_WORDS = {
    "intent": "writing down what will be done",
    "keep": "keeping what is current",
    "activate": "activating",
    "health": "looking whether all is well",
    "move": "moving the profile",
    "boot": "writing the boot loader's entries",
    "verify": "verifying",
    "restore-running": "putting back what ran",
    "restore-profile": "putting back the profile's generation",
    "restore-generations": "putting back what was there",
    "restore-boot": "putting back the boot loader's entries",
    "outcome": "writing down what came of it",
}


async def carry_out(context: Context, plan: Plan) -> ChangeReport:
    """Carry out a plan; the report of a change that succeeded, or of nothing to do.

    Raises:
        Refused: a check of the plan is red, root cannot be had, or another change is under way.
        MachineChanged: the machine is no longer as it was when the plan was made.
        ChangeFailed: a step failed; says whether everything was put back. Its `report` attribute
            holds the ChangeReport.
        NixError: the intent could not be journalled, or the backup not be made.
    """
    started = datetime.now().astimezone()
    if plan.nothing_to_do:
        return ChangeReport(
            plan=plan,
            outcome="nothing to do",
            message=f"Nothing to do: generation {plan.target.number} is already there.",
            verified=(),
            commands=(),
            backup=None,
            journal_id=None,
            started=started,
            duration=0.0,
        )
    if plan.refused:
        raise Refused(
            f"The {plan.operation} to generation {plan.target.number} is refused.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed."],
        )
    if fingerprint(context.machine, plan.profile, plan.target) != plan.fingerprint:
        raise _changed(context, plan)
    change = _Change(context, plan, started)
    await change.prepare()
    # From here on an interrupt must not leave the machine between two states.
    return await protect(change.carry_out(), f"{plan.operation} of {plan.profile.name}")


def _changed(context: Context, plan: Plan) -> MachineChanged:
    now = facts(context.machine, plan.profile, plan.target)
    return MachineChanged(
        "The machine has changed since the plan was made. Nothing was done.",
        "Now: " + "; ".join(f"{name} is {fact or 'gone'}" for name, fact in now.items()) + ".",
        ["Make a new plan: run the same line again."],
    )


async def charged(
    context: Context,
    charge: Charge,
    elevated: Elevated | None,
    *,
    on_step: Callable[[str], None],
    health: Health,
) -> Told:
    """Let a supervisor carry out what it is charged with; what it told.

    Raises:
        NixError: it could not be started; nothing was changed.
    """
    token = new_token()
    argv, environment = command_line(
        context.machine,
        charge.kind,
        charge.name,
        charge.variables(context.machine, token),
        None if elevated is None else elevated.argv,
    )
    return await supervise(
        argv,
        environment,
        token,
        first=b"" if elevated is None else elevated.stdin_prefix,
        on_step=on_step,
        on_line=context.progress.update,
        health=health,
    )


class _Change:
    """One change under way."""

    def __init__(self, context: Context, plan: Plan, started: datetime) -> None:
        self.context = context
        self.plan = plan
        self.id = journal.new_id(started)
        self.started = started
        self.clock = time.monotonic()
        machine, before = context.machine, plan.before
        self.as_root = context.needs_root(plan.profile)
        self.kept = before.path if before is not None else None
        path, self.direct = root_path(machine, self.id, as_root=self.as_root)
        self.root = path if self.kept is not None else None
        self.system = plan.profile.kind == "system"
        self.running = running_path(machine) if self.system else None
        known = list_generations(machine, plan.profile, details=False)
        self.newest = max((g.number for g in known), default=0)
        self.steps = _steps(context, plan, self.id, self.running, None if self.direct else path)
        self.checks: tuple[Check, ...] = ()
        """What was seen of the machine's health after the activation."""

    async def prepare(self) -> None:
        """Look at what must be known before; nothing is changed."""
        self.elevated = await self.context.elevate() if self.as_root else None
        self.failed_before = await failed_now(self.context.machine) if self.system else None

    async def carry_out(self) -> ChangeReport:
        """Let the supervisor do it; the report of a change that succeeded.

        Raises: as the function `carry_out`.
        """
        charge = self._charge()
        told = await charged(
            self.context, charge, self.elevated, on_step=self._tell, health=self._health
        )
        refuse(told, lock_file(self.context.machine, charge.kind))
        if told.outcome == "done":
            return await self._done(told)
        raise self._failure(told)

    def _charge(self) -> Charge:
        machine, plan, before = self.context.machine, self.plan, self.plan.before
        unit = own_unit()
        return Charge(
            id=self.id,
            intent=self._intent(),
            kind=plan.profile.kind,
            mode=plan.mode,
            profile=plan.profile.path,
            before_link=read_link(plan.profile.path),
            before_number=before.number if before else None,
            before_path=self.kept,
            running=self.running,
            target_path=plan.target.path or "",
            target_number=plan.target.number if plan.target.link else None,
            newest=self.newest,
            activated=plan.activated,
            root=self.root,
            root_is_direct=self.direct,
            activation_words=_environment_words(plan, "test"),
            boot_words=_environment_words(plan, "boot"),
            own_unit_stops=unit is not None
            and machine.playground is None
            and any(c.unit == unit and c.action in ("stop", "restart") for c in plan.units or ()),
            safety=plan.safety,
        )

    def _intent(self) -> JournalEntry:
        plan, before = self.plan, self.plan.before
        planned = [
            str(self.steps[name])
            for name in ("keep", "activate", "move", "boot")
            if name in self.steps
        ]
        return JournalEntry(
            id=self.id,
            started=self.started,
            user=journal.acting_user(),
            host=journal.acting_host(),
            operation=plan.operation if plan.mode == "switch" else f"{plan.operation} {plan.mode}",
            profile=plan.profile.path,
            from_number=before.number if before else None,
            from_path=self.kept,
            to_number=plan.target.number if plan.target.link or plan.mode != "test" else None,
            to_path=plan.target.path,
            commands=(*map(str, plan.prepared), *planned),
            backup=self.root,
            steps={name: str(command) for name, command in self.steps.items()},
            running=self.running,
            mode=plan.mode,
            activated=plan.activated,
            newest=self.newest,
        )

    async def _health(self, told: Told, renew: Renew) -> str | None:
        """Whether all is well after the activation; else why not."""
        code = next((ran.code for ran in told.ran if ran.step == "activate"), 0)
        failed = failed_units(told.output("activate"))
        self.checks = await watch(
            self.context, self.plan.safety, self.failed_before, renew, told=failed
        )
        bad = [check for check in self.checks if check.verdict == "failed"]
        if bad:
            return "; ".join(f"{check.name}: {check.reason}" for check in bad)
        if code == 4 and self.failed_before is None and not failed:
            return "units failed: the activation ended with 4, and does not say which"
        return None

    async def _done(self, told: Told) -> ChangeReport:
        plan, path = self.plan, self.plan.target.path or ""
        try:
            valid = await self.context.read(lambda reader: reader.is_valid(path))
        except NixError as error:
            there = Check("target in the store", "unknown", str(error))
        else:
            there = Check(
                "target in the store",
                "ok" if valid else "failed",
                "valid." if valid else "not valid.",
            )
        backup = None
        if self.root is not None and plan.before is not None and self.kept is not None:
            backup = Backup(
                id=self.id,
                made=self.started,
                operation=plan.operation,
                profile=plan.profile.path,
                number=plan.before.number,
                path=self.kept,
                root=self.root,
            )
        verified = (*self.checks, *told.verified, there, *_unwritten(told))
        return self._report(told, "done", f"{_target(plan)} is {self._state()}.", verified, backup)

    def _failure(self, told: Told) -> NixError:
        """The error of a change that failed; says what is there now."""
        plan, failed = self.plan, told.failed
        if failed is None or told.outcome is None:
            return ChangeFailed(
                f"The {plan.operation} to generation {plan.target.number} was cut off.",
                f"Its supervisor ended in the step {told.step!r}, before it could say what came "
                "of it.",
                ["See how the machine is, and finish or undo it: %nix recover"],
            )
        if failed.step == "intent":
            path = journal.journal_file(self.context.machine, plan.profile.kind)
            return NixError(
                f"The journal {path} cannot be written.",
                f"{told.output('intent')}\nNothing is changed without a record of it.".strip(),
                ["Free space or give yourself the right to write there, then try again."],
            )
        if failed.step == "keep" and "somebody else" in failed.sentence:
            return _changed(self.context, plan)
        if failed.step == "keep":
            return NixError(
                "What is current now cannot be kept from the garbage collector."
                if "kept" in failed.sentence
                else "The change was not begun.",
                told.output("keep") or f"{failed.sentence}.",
                ["Nothing was changed. Free space or mend the rights of that folder, try again."],
            )
        return self._put_back(told, failed.sentence)

    def _put_back(self, told: Told, sentence: str) -> ChangeFailed:
        plan, before = self.plan, self.plan.before
        said = "\n".join(told.said.get(told.failed.step if told.failed else "", ())[-6:])
        if told.outcome == "failed":
            outcome: Outcome = "failed"
            state = "It could not be put back wholly: " + "; ".join(told.problems)
            left = restoring_commands(self.context.machine, plan, self._touched(told))
            todo = [f"Put it back by hand: {command}" for command in left]
            rows = tuple(Check("put back", "failed", problem) for problem in told.problems)
        else:
            outcome = "restored"
            was = f"generation {before.number}" if before else "what was there before"
            state = f"Everything is as it was: {was} is current."
            if told.renumbered:
                state = f"What was current is current again, as {told.renumbered}: its own link "
                state += "had been deleted."
            if self.system and any(ran.step == "activate" for ran in told.ran):
                state += " What services wrote meanwhile is not put back."
            todo = ["See what it said with %nix journal, then mend the target or choose another."]
            rows = (Check("put back", "ok", state),)
        verified = (*self.checks, *told.verified, *rows, *_unwritten(told))
        told_of = "\n".join(part for part in (f"{sentence}.", said, state) if part)
        what = f"The {plan.operation} to generation {plan.target.number} failed."
        backup = None
        failure = ChangeFailed(what, told_of, todo)
        failure.report = self._report(told, outcome, what, verified, backup, error=sentence)
        return failure

    def _touched(self, told: Told) -> Touched:
        codes = {ran.step: ran.code for ran in told.ran}
        return Touched(self.running, codes.get("activate"), "boot" in codes)

    def _state(self) -> str:
        if self.plan.mode == "test":
            return "running; the next boot starts what it started before"
        if self.plan.mode == "boot":
            return "what the next boot starts"
        return "current and running" if self.system else "current"

    def _tell(self, step: str) -> None:
        names = list(_WORDS)
        done = names.index(step) if step in names else 0
        self.context.progress.update(_WORDS.get(step, step), min(done / 7, 1.0))

    def _report(
        self,
        told: Told,
        outcome: Outcome,
        message: str,
        verified: tuple[Check, ...],
        backup: Backup | None,
        error: str | None = None,
    ) -> ChangeReport:
        return ChangeReport(
            plan=self.plan,
            outcome=outcome,
            message=message,
            verified=verified,
            commands=tuple(self._ran(told)),
            backup=backup,
            journal_id=self.id,
            started=self.started,
            duration=time.monotonic() - self.clock,
            error=error,
            units=unit_changes(told.output("activate")),
        )

    def _ran(self, told: Told) -> Iterator[Command]:
        for ran in told.ran:
            command = self.steps[ran.step]
            if ran.number is not None:
                yield Command((*command.argv, str(ran.number)), command.purpose)
            else:
                yield command


def _steps(
    context: Context, plan: Plan, change_id: str, running: str | None, root: str | None
) -> dict[str, Command]:
    """Every command that the supervisor may run, by the name of its step.

    Args:
        root: the indirect root that Nix is asked for; None where a link does.
    """
    profile, before = plan.profile, plan.before
    steps = {}
    for command in plan.commands:
        last = command.argv[-1]
        is_activation = last == "test" or command.argv[0].endswith("/activate")
        steps["activate" if is_activation else "boot" if last == "boot" else "move"] = command
    prefix = commands.delete_generations(profile.path, ())
    steps["delete"] = Command(prefix, "delete the generation that was not there before")
    if before is None or before.path is None:
        return steps
    back = commands.switch_generation(profile.path, before.number)
    steps["restore-profile"] = Command(back, "put back the profile's generation")
    anew = commands.set_profile(profile.path, before.path)
    steps["restore-profile-anew"] = Command(anew, "put back what was current, as a new generation")
    if root is not None:
        kept = {"keep": before.path, "keep-running": running, "keep-target": plan.target.path}
        for name, path in kept.items():
            if path is not None:
                link = root + name.removeprefix("keep")
                argv = commands.add_indirect_root(link, path)
                steps[name] = Command(argv, "keep it from the garbage collector")
    if profile.kind == "home-manager":
        argv = (f"{before.path}/activate",)
        steps["restore-running"] = Command(argv, "put back the home's files")
    elif running is not None:
        argv = commands.switch_to_configuration(running, "test", no_check=True)
        steps["restore-running"] = Command(argv, "put back the system that ran")
        argv = commands.switch_to_configuration(before.path, "boot")
        steps["restore-boot"] = Command(argv, "put back what the boot loader starts")
    return steps


def _environment_words(plan: Plan, action: str) -> tuple[str, ...]:
    """The variables that a system's program is given in front of it, NAME=VALUE each."""
    for command in plan.commands:
        if command.argv[-1] == action and command.argv[0] == "env":
            return tuple(word for word in command.argv[1:-2] if "=" in word)
    return ()


def refuse(told: Told, lock: str) -> None:
    """Raises: Refused, NixError: the supervisor could not have the lock; nothing was changed."""
    if told.refused is None:
        return
    if told.refused == "unwritable":
        raise NixError(
            f"The lock {lock} cannot be made.",
            f"{os.path.dirname(lock)} cannot be written. Nothing was changed.",
            ["Free space or give yourself the right to write there, then try again."],
        )
    holder = told.refused.removeprefix("locked").strip().split(" ")[0] or "unknown"
    raise Refused(
        "Another change is under way.",
        f"Process {holder} is making it. Nothing was changed.",
        ["Wait until it has ended, then try again."],
    )


def _unwritten(told: Told) -> tuple[Check, ...]:
    if not told.unwritten:
        return ()
    return (Check("journal", "warning", "the outcome could not be written down: %nix recover"),)


def _target(plan: Plan) -> str:
    if plan.mode == "test" and not plan.target.link:
        return "What was built"
    named = f"Generation {plan.target.number}"
    return f"{named}, {plan.specialisation}," if plan.specialisation else named

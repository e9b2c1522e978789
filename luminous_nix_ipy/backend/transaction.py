"""A change is a transaction: the only place from which a profile or a system is changed.

The order for a system: journal the intent → keep what is current → activate without moving the
profile (`test`) → move the profile with nix-env → boot loader (`boot`) → verify → journal the
outcome. If a step fails, the exact generation that was current and the exact system that ran are
put back, and the report says whether that succeeded.

home-manager's `activate` compares with the profile's generation to find stale links, so it runs
before the profile is moved; the generation that it may add for itself is deleted again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from datetime import datetime

import msgspec

from ..errors import ChangeFailed, CommandFailed, MachineChanged, NixError, Refused
from ..records import Check, Command, Generation, JournalEntry, JournalOutcome
from ..store.generations import current_number, list_generations
from ..store.system import running_path
from ..tools import commands
from . import journal
from .context import Context
from .lock import change_lock
from .model import Backup, ChangeReport, Outcome, Plan
from .planning import facts, fingerprint
from .restore import Touched, remaining_differences, restoring_commands
from .roots import drop_old_roots, drop_root, make_root, root_command, root_path
from .shield import protect
from .units import failed_units

_log = logging.getLogger(__name__)

Checks = tuple[Check, ...]


async def carry_out(context: Context, plan: Plan) -> ChangeReport:
    """Carry out a plan; the report of a change that succeeded, or of nothing to do.

    Raises:
        Refused: a check of the plan is red, or another change is under way.
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
            message=_already(plan),
            verified=(),
            commands=(),
            backup=None,
            journal_id=None,
            started=started,
            duration=0.0,
        )
    _refuse_red_checks(plan)
    with change_lock(context.machine, plan.profile.kind):
        _refuse_changed_machine(context, plan)
        change = _Change(context, plan, started)
        await change.begin()
        # From here on an interrupt must not leave the machine between two states.
        try:
            return await protect(change.finish(), f"{plan.operation} of {plan.profile.name}")
        except asyncio.CancelledError:
            change.abandon()
            raise


def _refuse_red_checks(plan: Plan) -> None:
    if plan.refused:
        raise Refused(
            f"The {plan.operation} to generation {plan.target.number} is refused.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed."],
        )


def _refuse_changed_machine(context: Context, plan: Plan) -> None:
    if fingerprint(context.machine, plan.profile, plan.target) == plan.fingerprint:
        return
    now = facts(context.machine, plan.profile, plan.target)
    raise MachineChanged(
        "The machine has changed since the plan was made. Nothing was done.",
        "Now: " + "; ".join(f"{name} is {fact or 'gone'}" for name, fact in now.items()) + ".",
        ["Make a new plan: run the same line again."],
    )


def _already(plan: Plan) -> str:
    return f"Nothing to do: generation {plan.target.number} is already there."


class _Change:
    """One change under way."""

    def __init__(self, context: Context, plan: Plan, started: datetime) -> None:
        self.context = context
        self.plan = plan
        self.id = journal.new_id(started)
        self.started = started
        self.clock = time.monotonic()
        self.journal = journal.journal_file(context.machine, plan.profile.kind)
        self.ran: list[Command] = []
        self.backup: Backup | None = None
        system = plan.profile.kind == "system"
        self.touched = Touched(running=running_path(context.machine) if system else None)
        self.known = {g.number for g in self._generations()}
        self.entered = False

    async def begin(self) -> None:
        """Journal the intent and keep what is current; nothing else is touched."""
        plan, before = self.plan, self.plan.before
        root = None
        planned = list(plan.commands)
        if before is not None and before.path is not None:
            root, _ = root_path(self.context.machine, self.id)
            asked = root_command(self.context.machine, self.id, before.path)
            planned = [asked, *planned] if asked else planned
        self.entry = JournalEntry(
            id=self.id,
            started=self.started,
            user=journal.acting_user(),
            host=journal.acting_host(),
            operation=plan.operation if plan.mode == "switch" else f"{plan.operation} {plan.mode}",
            profile=plan.profile.path,
            from_number=before.number if before else None,
            from_path=before.path if before else None,
            to_number=plan.target.number if plan.target.link or plan.mode != "test" else None,
            to_path=plan.target.path,
            commands=tuple(map(str, (*plan.prepared, *planned))),
            backup=root,
        )
        self._tell("writing down what will be done")
        journal.append(self.journal, self.entry)
        if before is None or before.path is None or root is None:
            return
        try:
            made = await make_root(self.context.machine, self.id, before.path, self._run)
        except NixError as error:
            self._journal_outcome("failed", str(error))
            raise
        except asyncio.CancelledError:
            self.abandon()
            raise
        self.backup = Backup(
            id=self.id,
            made=self.started,
            operation=plan.operation,
            profile=plan.profile.path,
            number=before.number,
            path=before.path,
            root=made,
        )

    def abandon(self) -> None:
        """An interrupt came before anything was changed: take back what `begin` did."""
        if self.entered:
            return
        if self.entry.backup is not None:
            drop_root(self.entry.backup)
        self._journal_outcome("interrupted", "interrupted before anything was changed")

    async def finish(self) -> ChangeReport:
        """Activate, move, verify; put back what was there when that fails; journal the outcome."""
        self.entered = True
        try:
            for command in self.plan.commands:
                self._tell(command.purpose)
                await self._step(command)
            if self.plan.profile.kind == "home-manager":
                await self._delete_created("that activate recorded for itself")
            self._tell("verifying")
            verified = await self._verify()
            failures = [check for check in verified if check.verdict == "failed"]
            if failures:
                raise NixError("; ".join(f"{check.name}: {check.reason}" for check in failures))
        except NixError as error:
            _log.error("%s failed: %s", self.id, error)
            raise await self._failed(error) from error
        verified += self._journal_outcome("done")
        for old in drop_old_roots(self.context.machine, self.plan.profile):
            _log.info("backup %s is no longer kept", old.id)
        message = f"{_target(self.plan)} is {self._state_word()}."
        return self._report("done", message, verified)

    async def _step(self, command: Command) -> None:
        activates = command.argv[-1] == "test" or command.argv[0].endswith("/activate")
        if command.argv[-1] == "boot":
            self.touched.boot_entry = True
        done = await self.context.run(command, check=False)
        self.ran.append(command)
        if activates:
            self.touched.activation = done.returncode
        if done.returncode != 0:
            failed = failed_units(f"{done.stdout}\n{done.stderr}")
            said = f"units failed: {', '.join(failed)}" if failed else _end(done.stderr)
            raise CommandFailed(
                f"{_short(command)} ended with {done.returncode}.",
                said,
                argv=command.argv,
                returncode=done.returncode,
                stderr=done.stderr,
            )

    async def _run(self, command: Command) -> None:
        await self.context.run(command)
        self.ran.append(command)

    async def _verify(self) -> tuple[Check, ...]:
        plan, rows = self.plan, []
        if plan.mode != "test":
            number = current_number(plan.profile)
            good = number == plan.target.number
            rows.append(_verdict("profile", good, f"generation {number} is current"))
        if plan.profile.kind == "system" and plan.mode != "boot":
            running = running_path(self.context.machine)
            rows.append(_verdict("running system", running == plan.activated, f"{running} runs"))
        path = plan.target.path or ""
        try:
            valid = await self.context.read(lambda reader: reader.is_valid(path))
        except NixError as error:
            rows.append(Check("target in the store", "unknown", str(error)))
        else:
            rows.append(_verdict("target in the store", valid, "valid" if valid else "not valid"))
        return tuple(rows)

    async def _failed(self, error: NixError) -> ChangeFailed:
        """Put everything back and say so; the error to raise."""
        self._tell("putting back what was there")
        problems = await self._put_back()
        plan, before = self.plan, self.plan.before
        outcome: Outcome = "failed" if problems else "restored"
        if problems:
            state = "It could not be put back wholly: " + "; ".join(problems)
            left = restoring_commands(self.context.machine, plan, self.touched)
            todo = [f"Put it back by hand: {command}" for command in left]
        else:
            was = f"generation {before.number}" if before else "what was there before"
            state = f"Everything is as it was: {was} is current."
            todo = ["See what it said with %nix journal, then mend the target or choose another."]
        told = "\n".join(part for part in (error.what, error.why, state) if part)
        unwritten = self._journal_outcome("failed" if problems else "failed, restored", told)
        if self.backup is not None and not problems:
            drop_root(self.backup.root)
            self.backup = None
        failure = ChangeFailed(
            f"The {plan.operation} to generation {plan.target.number} failed.", told, todo
        )
        verified = tuple(Check("put back", "failed", p) for p in problems) or (
            Check("put back", "ok", state),
        )
        failure.report = self._report(outcome, failure.what, verified + unwritten, str(error))
        return failure

    async def _put_back(self) -> list[str]:
        """Put back what was there; sentences about what could not be."""
        problems = []
        for command in restoring_commands(self.context.machine, self.plan, self.touched):
            try:
                done = await self.context.run(command, check=False)
            except NixError as error:
                problems.append(str(error))
                continue
            self.ran.append(command)
            if done.returncode != 0:
                problems.append(
                    f"{_short(command)} ended with {done.returncode}: {_end(done.stderr)}"
                )
        try:
            await self._delete_created("that was not there before")
        except NixError as error:
            problems.append(str(error))
        return problems + remaining_differences(self.context.machine, self.plan, self.touched)

    async def _delete_created(self, which: str) -> None:
        """Delete generations that this change, or what it ran, has added, but for the current."""
        current = current_number(self.plan.profile)
        ours = {self.plan.target.path, self.plan.before.path if self.plan.before else None}
        created = sorted(
            g.number
            for g in self._generations()
            if g.number not in self.known and g.number != current and os.readlink(g.link) in ours
        )
        if created:
            await self._run(
                Command(
                    commands.delete_generations(self.plan.profile.path, created),
                    f"delete the generation {which}",
                )
            )

    def _generations(self) -> list[Generation]:
        return list_generations(self.context.machine, self.plan.profile, details=False)

    def _state_word(self) -> str:
        if self.plan.mode == "test":
            return "running; the next boot starts what it started before"
        if self.plan.mode == "boot":
            return "what the next boot starts"
        return "current and running" if self.plan.profile.kind == "system" else "current"

    def _tell(self, message: str) -> None:
        total = len(self.plan.commands) + 2
        self.context.progress.update(message, min(len(self.ran) / total, 1.0))

    def _journal_outcome(self, outcome: JournalOutcome, error: str | None = None) -> Checks:
        """Journal what became of it; a row for the report when that is not possible."""
        entry = msgspec.structs.replace(
            self.entry,
            ended=datetime.now().astimezone(),
            outcome=outcome,
            error=error,
            commands=tuple(map(str, (*self.plan.prepared, *self.ran))),
        )
        try:
            journal.append(self.journal, entry)
        except NixError as problem:
            # The change itself is done or undone; not being able to write it down must not hide it.
            _log.error("the outcome of %s could not be journalled: %s", self.id, problem)
            return (Check("journal", "warning", str(problem)),)
        return ()

    def _report(
        self,
        outcome: Outcome,
        message: str,
        verified: tuple[Check, ...],
        error: str | None = None,
    ) -> ChangeReport:
        return ChangeReport(
            plan=self.plan,
            outcome=outcome,
            message=message,
            verified=verified,
            commands=tuple(self.ran),
            backup=self.backup,
            journal_id=self.id,
            started=self.started,
            duration=time.monotonic() - self.clock,
            error=error,
        )


def _target(plan: Plan) -> str:
    if plan.mode == "test" and not plan.target.link:
        return "What was built"
    named = f"Generation {plan.target.number}"
    return f"{named}, {plan.specialisation}," if plan.specialisation else named


def _verdict(name: str, good: bool, reason: str) -> Check:
    return Check(name, "ok" if good else "failed", f"{reason}.")


def _short(command: Command) -> str:
    """The command without the folders of its program: what a sentence can hold."""
    return " ".join((os.path.basename(command.argv[0]), *command.argv[1:]))


def _end(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return "\n".join(lines[-5:]) if lines else "It said nothing."

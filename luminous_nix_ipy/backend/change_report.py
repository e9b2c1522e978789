"""What became of a change: the report of one that succeeded, the error of one that did not.

Both are made from the plan and from what the supervisor has told; nothing is looked at that a
report could not say of a change that ended some time ago, but for what is left to be put back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..errors import ChangeFailed, MachineChanged, NixError, Refused
from ..machine import Machine
from ..records import Check, Command, UnitChange
from . import journal
from .model import Backup, ChangeReport, Outcome, Plan
from .planning import facts
from .restore import Touched, restoring_commands
from .supervisor import Told

_LINES_SAID = 6
"""How much of what the failing program printed is shown."""


@dataclass(frozen=True)
class Account:
    """A change that has ended, and all that its supervisor told."""

    machine: Machine
    plan: Plan
    told: Told
    id: str
    started: datetime
    duration: float
    """Seconds."""
    running: str | None
    """The system that ran before; None for a profile that is not a system's."""
    root: str | None
    """The gc root that keeps what was current before."""
    steps: dict[str, Command]
    """Every command that the supervisor might run, by the name of its step."""
    checks: tuple[Check, ...]
    """What was seen of the machine's health after the activation."""
    units: tuple[UnitChange, ...]
    """What the activation did to systemd's units."""

    def done(self, there: Check) -> ChangeReport:
        """The report of a change that succeeded.

        Args:
            there: whether the target is still in the store.
        """
        plan, backup = self.plan, None
        if self.root is not None and plan.before is not None and plan.before.path is not None:
            backup = Backup(
                id=self.id,
                made=self.started,
                operation=plan.operation,
                profile=plan.profile.path,
                number=plan.before.number,
                path=plan.before.path,
                root=self.root,
            )
        verified = (*self.checks, *self.told.verified, there, *self._unwritten())
        return self._report("done", f"{_target(plan)} is {self._state()}.", verified, backup)

    def failure(self) -> NixError:
        """The error of a change that failed; says what is there now."""
        plan, told, failed = self.plan, self.told, self.told.failed
        if failed is None or told.outcome is None:
            return ChangeFailed(
                f"The {plan.operation} to generation {plan.target.number} was cut off.",
                f"Its supervisor ended in the step {told.step!r}, before it could say what came "
                "of it.",
                ["See how the machine is, and finish or undo it: %nix recover"],
            )
        if failed.step == "intent":
            path = journal.journal_file(self.machine, plan.profile.kind)
            return NixError(
                f"The journal {path} cannot be written.",
                f"{told.output('intent')}\nNothing is changed without a record of it.".strip(),
                ["Free space or give yourself the right to write there, then try again."],
            )
        if failed.step == "keep" and "somebody else" in failed.sentence:
            return machine_changed(self.machine, plan)
        if failed.step == "keep":
            return NixError(
                "What is current now cannot be kept from the garbage collector."
                if "kept" in failed.sentence
                else "The change was not begun.",
                told.output("keep") or f"{failed.sentence}.",
                ["Nothing was changed. Free space or mend the rights of that folder, try again."],
            )
        return self._put_back(failed.step, failed.sentence)

    def _put_back(self, step: str, sentence: str) -> ChangeFailed:
        plan, told, before = self.plan, self.told, self.plan.before
        said = "\n".join(told.said.get(step, ())[-_LINES_SAID:])
        if told.outcome == "failed":
            outcome: Outcome = "failed"
            problems = "; ".join(told.problems)
            state = (
                f"It could not be put back wholly: {problems}."
                if plan.safety.restore
                else f"{_begun(problems)}."
            )
            left = restoring_commands(self.machine, plan, self._touched())
            todo = [f"Put it back by hand: {command}" for command in left]
            rows = tuple(Check("put back", "failed", problem) for problem in told.problems)
        else:
            outcome = "restored"
            was = f"generation {before.number}" if before else "what was there before"
            state = f"Everything is as it was: {was} is current."
            if told.renumbered:
                state = f"What was current is current again, as {told.renumbered}: its own link "
                state += "had been deleted."
            if plan.profile.kind == "system" and any(ran.step == "activate" for ran in told.ran):
                state += " What services wrote meanwhile is not put back."
            todo = ["See what it said with %nix journal, then mend the target or choose another."]
            rows = (Check("put back", "ok", state),)
        verified = (*self.checks, *told.verified, *rows, *self._unwritten())
        told_of = "\n".join(
            part for part in (f"{_begun(sentence.rstrip('.'))}.", said, state) if part
        )
        what = f"The {plan.operation} to generation {plan.target.number} failed."
        failure = ChangeFailed(what, told_of, todo)
        failure.report = self._report(outcome, what, verified, None, error=sentence)
        return failure

    def _touched(self) -> Touched:
        codes = {ran.step: ran.code for ran in self.told.ran}
        return Touched(self.running, codes.get("activate"), "boot" in codes)

    def _state(self) -> str:
        if self.plan.mode == "test":
            return "running; the next boot starts what it started before"
        if self.plan.mode == "boot":
            return "what the next boot starts"
        return "current and running" if self.plan.profile.kind == "system" else "current"

    def _unwritten(self) -> tuple[Check, ...]:
        if not self.told.unwritten:
            return ()
        reason = "the outcome could not be written down: %nix recover"
        return (Check("journal", "warning", reason),)

    def _report(
        self,
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
            commands=tuple(self._ran()),
            backup=backup,
            journal_id=self.id,
            started=self.started,
            duration=self.duration,
            error=error,
            units=self.units,
        )

    def _ran(self) -> Iterator[Command]:
        for ran in self.told.ran:
            command = self.steps[ran.step]
            if ran.number is not None:
                yield Command((*command.argv, str(ran.number)), command.purpose)
            else:
                yield command


def _begun(text: str) -> str:
    """As the begin of a sentence; a name, such as nix-env, is written as ever."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


def nothing_to_do(plan: Plan, started: datetime) -> ChangeReport:
    """The report of a plan that is fulfilled already."""
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


def machine_changed(machine: Machine, plan: Plan) -> MachineChanged:
    """The error of a plan that is void."""
    now = facts(machine, plan.profile, plan.target)
    return MachineChanged(
        "The machine has changed since the plan was made. Nothing was done.",
        "Now: " + "; ".join(f"{name} is {fact or 'gone'}" for name, fact in now.items()) + ".",
        ["Make a new plan: run the same line again."],
    )


def refuse(told: Told, lock: str) -> None:
    """Raises: Refused, NixError: the supervisor could not have the lock; nothing was changed."""
    if told.refused is None:
        return
    if told.refused.startswith("lacks "):
        raise NixError(
            f"The change was not begun: its supervisor has no {told.refused[6:]}.",
            "It needs coreutils, sed and util-linux's flock in the folders of PATH.",
            ["Nothing was changed. Install them, or add their folder to PATH."],
        )
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


def _target(plan: Plan) -> str:
    if plan.mode == "test" and not plan.target.link:
        return "What was built"
    named = f"Generation {plan.target.number}"
    return f"{named}, {plan.specialisation}," if plan.specialisation else named

"""Repairs: what is planned, and carried out command by command.

Each command mends one thing and leaves the rest alone, so that one that fails does not stop the
next. `nix-store --verify --repair` is never used: it also forgets paths that are gone, which no
plan could list beforehand.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from ..errors import ChangeFailed, CommandFailed, MachineChanged, Refused
from ..records import Check, Command, Finding, Profile, ProfileKind
from ..store.profiles import find_profile
from ..tools import elevation
from .clerk import Write, recording
from .context import Context
from .deed import Deed
from .health import examine, examine_contents, in_order
from .nix_run import run_nix
from .privileges import repair_needs_root
from .repair_model import RepairPlan, RepairReport
from .shield import protect

_log = logging.getLogger(__name__)

_ORDER = {"nix-store": 0, "nix-env": 1}


async def plan_repair(
    context: Context, paths: Sequence[str] = (), *, contents: bool = False
) -> RepairPlan:
    """The plan of repairing these store paths, or whatever is found to be broken.

    Args:
        contents: compare every store path with its hash.
    """
    if paths:
        findings = await examine_contents(context, paths)
    else:
        findings = await examine(context, contents=contents)
    planned, checks = [], []
    for found in _commands(findings):
        command, barred = _allowed(context, found)
        if barred is None:
            planned.append(command)
        else:
            checks.append(Check(str(command), "warning", f"left out: {barred}."))
    if checks and not planned:
        checks = [replace(check, verdict="refused") for check in checks]
    return RepairPlan(
        findings=tuple(findings),
        paths=tuple(paths),
        checks=tuple(checks),
        commands=tuple(planned),
        nothing_to_do=not planned and not checks,
        playground=context.machine.playground is not None,
    )


async def carry_out(context: Context, plan: RepairPlan) -> RepairReport:
    """Carry out a plan.

    Raises:
        Refused: nothing of it is this user's to repair, or another change is under way.
        MachineChanged: something is broken otherwise than when the plan was made; nothing was done.
        ChangeFailed: something could not be repaired; says what. Its `report` is the RepairReport.
        NixError: the intent could not be journalled; nothing was done.
    """
    started = datetime.now().astimezone()
    if plan.refused:
        raise Refused(
            "The repair is refused.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed."],
        )
    if plan.nothing_to_do:
        message = "Nothing to do: nothing was found that Nix can repair."
        return RepairReport(
            plan=plan, outcome="nothing to do", message=message, left=plan.bad, started=started
        )
    async with recording(context, _kind(context, plan), plan.commands) as write:
        await _refuse_changed_machine(context, plan)
        return await _Repair(context, plan, started, write).run()


def _commands(findings: Sequence[Finding]) -> list[Command]:
    """The commands that mend these, each once."""
    found = dict.fromkeys(f.command for f in findings if f.command is not None)
    return sorted(found, key=lambda c: _ORDER.get(os.path.basename(c.argv[0]), len(_ORDER)))


def _allowed(context: Context, command: Command) -> tuple[Command, str | None]:
    """A command, as root where it needs that, and why it cannot be run; None where nothing is known
    to bar it."""
    machine = context.machine
    match os.path.basename(command.argv[0]):
        case "nix-store":
            if machine.simulated:
                return command, "this playground has no Nix, which alone repairs store paths"
            root, ways = repair_needs_root(machine), elevation.installed(machine)
            barred = f"repairing the store needs root, and {elevation.why_none()}"
            return replace(command, root=root), barred if root and not ways else None
        case "nix-env":
            profile = _profile(context, command)
        case _:
            profile = find_profile(machine, "system")
    allowed, reason = context.may_change(profile)
    return replace(command, root=context.needs_root(profile)), None if allowed else reason


def _profile(context: Context, command: Command) -> Profile:
    """The profile that a command of nix-env changes."""
    return find_profile(context.machine, command.argv[command.argv.index("--profile") + 1])


def _kind(context: Context, plan: RepairPlan) -> ProfileKind:
    """Whose journal and lock: the user's only where nothing of the system is repaired."""
    if os.geteuid() == 0 or plan.playground:
        return "system"
    of_user = all(
        not c.root
        and os.path.basename(c.argv[0]) == "nix-env"
        and _profile(context, c).kind != "system"
        for c in plan.commands
    )
    return "user" if of_user else "system"


async def _refuse_changed_machine(context: Context, plan: RepairPlan) -> None:
    """What the plan would mend must be as broken as it was, but for contents, which take long and
    whose repair makes the same path again."""
    if plan.paths:
        return
    now = _commands(await examine(context))
    before = _commands([f for f in plan.findings if f.what != "store path"])
    changed = {*now} ^ {*before}
    changed -= {c for c in changed if "--repair-path" in c.argv}
    if changed:
        raise MachineChanged(
            "The machine has changed since the plan was made. Nothing was done.",
            f"Changed: {'; '.join(c.purpose for c in changed)}.",
            ["Make a new plan: run the same line again."],
        )


class _Repair:
    """One repair under way."""

    def __init__(self, context: Context, plan: RepairPlan, started: datetime, write: Write) -> None:
        self.context = context
        self.plan = plan
        self.failures: dict[Command, str] = {}
        self.deed = Deed(
            write,
            started,
            operation="repair",
            profile=context.machine.store_dir,
            commands=plan.commands,
        )

    async def run(self) -> RepairReport:
        await self.deed.begin()
        try:
            for number, command in enumerate(self.plan.commands):
                self.context.progress.update(command.purpose, number / len(self.plan.commands))
                await self._step(command)
            self.context.progress.update("examining again")
            after = await self._examine()
        except asyncio.CancelledError:
            ran = self.deed.ran
            told = f"Interrupted at: {ran[-1].purpose}." if ran else "Interrupted."
            # Nix takes a broken path away before the new one is there.
            told += " What was not finished is as broken as before or gone: %nix repair mends both."
            await self.deed.end("interrupted", told)
            self.context.progress.finish(told, success=False)
            raise
        verified = tuple(self._verdict(command, after) for command in self.plan.commands)
        left = tuple(f for f in after if f.severity in ("warning", "problem"))
        bad = [check.reason for check in verified if check.verdict == "failed"]
        mended = len(verified) - len(bad)
        if not bad:
            verified += await self.deed.end("done")
            return self._report("done", f"{mended} of {mended} repaired.", verified, left)
        told = "\n".join(bad)
        verified += await self.deed.end("failed", told)
        message = f"{mended} of {mended + len(bad)} repaired."
        failure = ChangeFailed(
            f"{len(bad)} of {mended + len(bad)} could not be repaired.",
            told,
            ["See what is left: %nix doctor"],
        )
        failure.report = self._report("failed", message, verified, left, told)
        raise failure

    async def _step(self, command: Command) -> None:
        self.deed.ran.append(command)
        try:
            if os.path.basename(command.argv[0]) == "nix-store":
                await run_nix(self.context, command)
            else:
                await protect(self.context.run(command), command.purpose)
        except CommandFailed as error:
            _log.warning("%s failed: %s", command, error)
            self.failures[command] = error.why or error.what

    async def _examine(self) -> list[Finding]:
        """What the plan looked at, examined again; of contents only what was repaired."""
        repaired = [c.argv[-1] for c in self.plan.commands if "--repair-path" in c.argv]
        found = [] if self.plan.paths else await examine(self.context)
        if repaired:
            found += await examine_contents(self.context, repaired)
        return in_order(found)

    def _verdict(self, command: Command, after: Sequence[Finding]) -> Check:
        """A repair has succeeded when what it was for is found no more."""
        still = next((f for f in after if f.command and f.command.argv == command.argv), None)
        if still is None and command not in self.failures:
            return Check(command.purpose, "ok", "it is well now.")
        told = self.failures.get(command) or (still.reason if still else "")
        return Check(command.purpose, "failed", f"Could not {command.purpose}: {told}")

    def _report(
        self,
        outcome: str,
        message: str,
        verified: tuple[Check, ...],
        left: tuple[Finding, ...],
        error: str | None = None,
    ) -> RepairReport:
        return RepairReport(
            plan=self.plan,
            outcome="done" if outcome == "done" else "failed",
            message=message,
            verified=verified,
            left=left,
            commands=tuple(self.deed.ran),
            journal_id=self.deed.id,
            started=self.deed.started,
            duration=self.deed.duration,
            error=error,
        )

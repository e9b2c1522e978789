"""Carrying out a deletion: one command after another, and what is left verified by the facts.

What is deleted cannot be put back, so every step is one that may be the last: profile links are
whole after each, and Nix's collector may be interrupted at any time (nix-store(1)).
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from datetime import datetime
from typing import Literal, NamedTuple

from ..errors import ChangeFailed, CommandFailed, MachineChanged, NixError, Refused
from ..records import Check, Command, JournalOutcome, ProfileKind
from ..store.generations import current_number, list_generations
from ..store.liveness import valid_among
from ..store.system import link_is_relative
from ..tools.process import Completed
from .clerk import Write, recording
from .collect_model import CollectOutcome, CollectPlan, CollectReport
from .collecting import fingerprint
from .context import Context
from .deed import Deed
from .shield import protect

_log = logging.getLogger(__name__)

_FREED = re.compile(r"(?P<count>\d+) store paths deleted, (?P<size>[\d.]+ [KMGT]?i?B) freed")
_LINKED = re.compile(r"(?P<size>[\d.]+ [KMGT]?i?B) freed by hard-linking (?P<count>\d+) files")
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


async def carry_out(context: Context, plan: CollectPlan) -> CollectReport:
    """Carry out a plan.

    Raises:
        Refused: a check of the plan is red, or another change is under way.
        MachineChanged: something that the plan rests on has changed; nothing was done.
        ChangeFailed: a command failed; says what was deleted. Its `report` is the CollectReport.
        NixError: the intent could not be journalled; nothing was done.
    """
    started = datetime.now().astimezone()
    if plan.refused:
        raise Refused(
            f"The {plan.operation} is refused.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed."],
        )
    if plan.nothing_to_do:
        message = "Nothing to do: there is nothing to delete."
        return CollectReport(plan=plan, outcome="nothing to do", message=message, started=started)
    async with recording(context, _kind(plan), plan.commands) as write:
        await _refuse_changed_machine(context, plan)
        return await _Deletion(context, plan, started, write).run()


class Freed(NamedTuple):
    """What Nix says at the end of a collection or an optimisation."""

    number: int
    """Paths that it deleted, or files that it linked."""
    bytes: int
    """As exactly as the words tell."""
    words: str


def freed(text: str) -> Freed | None:
    """What Nix printed; None where it printed nothing of the kind."""
    found = _FREED.search(text) or _LINKED.search(text)
    if found is None:
        return None
    amount, unit = re.findall(r"([\d.]+) ([KMGT]?)", found["size"])[0]
    size = round(float(amount) * 1024 ** _UNITS[unit])
    return Freed(int(found["count"]), size, found["size"])


def _kind(plan: CollectPlan) -> ProfileKind:
    """Whose journal and lock: the system's, where its profiles change or root collects."""
    of_root = os.geteuid() == 0 or plan.playground or any(c.root for c in plan.commands)
    return "system" if of_root or any(p.kind == "system" for p in plan.profiles) else "user"


async def _refuse_changed_machine(context: Context, plan: CollectPlan) -> None:
    if not plan.fingerprint:
        return
    now = await asyncio.to_thread(fingerprint, context.machine, plan.profiles)
    changed = [fact for fact in now if now[fact] != plan.fingerprint.get(fact)]
    if changed:
        raise MachineChanged(
            "The machine has changed since the plan was made. Nothing was done.",
            f"Changed: {', '.join(changed)}.",
            ["Make a new plan: run the same line again."],
        )


class _Deletion:
    """One deletion under way."""

    def __init__(
        self, context: Context, plan: CollectPlan, started: datetime, write: Write
    ) -> None:
        self.context = context
        self.plan = plan
        self.told: Freed | None = None
        self.before = {profile: current_number(profile) for profile in plan.profiles}
        self.deed = Deed(
            write,
            started,
            operation=plan.operation,
            profile=", ".join(p.path for p in plan.profiles) or context.machine.store_dir,
            commands=plan.commands,
        )

    async def run(self) -> CollectReport:
        await self.deed.begin()
        try:
            for number, command in enumerate(self.plan.commands):
                self.context.progress.update(command.purpose, number / len(self.plan.commands))
                await self._step(command)
            self.context.progress.update("verifying")
            verified = await asyncio.to_thread(self._verify)
            bad = [check.reason for check in verified if check.verdict == "failed"]
            if bad:
                raise NixError("What is left is not what was planned.", " ".join(bad))
        except asyncio.CancelledError:
            told = f"Interrupted. {self._how_far()}"
            await self._end("interrupted", told)
            self.context.progress.finish(told, success=False)
            raise
        except NixError as error:
            raise await self._failed(error) from error
        verified += await self._end("done")
        return self._report("done", self._message(), verified)

    async def _step(self, command: Command) -> None:
        """Run one command; all but those that Nix lets be interrupted are finished first."""
        if os.path.basename(command.argv[0]) == "nix-store":
            done = await self.context.run(command)
            self.told = freed(f"{done.stdout}\n{done.stderr}")
        else:
            await protect(self._run(command), command.purpose)
        self.deed.ran.append(command)

    async def _run(self, command: Command) -> Completed:
        for profile in self.plan.profiles:
            if current_number(profile) != self.before[profile]:
                raise NixError(f"Another generation of {profile.name} became current meanwhile.")
            # Nix deletes all generations where it does not know which one is current.
            deletes = "--delete-generations" in command.argv and profile.path in command.argv
            if deletes and link_is_relative(profile) is not True:
                raise NixError(f"The link of {profile.name} is still absolute.")
        done = await self.context.run(command, check=False)
        if done.returncode != 0:
            raise CommandFailed(
                f"{command} ended with {done.returncode}.",
                "\n".join(done.stderr.strip().splitlines()[-5:]),
                argv=command.argv,
                returncode=done.returncode,
                stderr=done.stderr,
            )
        return done

    def _verify(self) -> tuple[Check, ...]:
        rows = []
        for profile in self.plan.profiles:
            ours = [c for c in self.plan.choices if c.profile == profile]
            wanted = {c.generation.number for c in ours if not c.goes}
            left = list_generations(self.context.machine, profile, details=False)
            good = {g.number for g in left} == wanted
            good &= current_number(profile) == self.before[profile]
            listed = ", ".join(str(g.number) for g in left) or "none"
            reason = f"left are {listed}; current is {current_number(profile)}."
            rows.append(Check(f"generations of {profile.name}", _verdict(good), reason))
        if self.plan.operation == "collect" and self.plan.garbage is not None:
            rows += self._verify_paths()
        return tuple(rows)

    def _verify_paths(self) -> list[Check]:
        garbage = self.plan.garbage
        assert garbage is not None
        machine = self.context.machine
        stay = {c.generation.path for c in self.plan.choices if not c.goes and c.generation.path}
        try:
            left = valid_among(machine, garbage.paths)
            lost = stay - valid_among(machine, stay)
        except NixError as error:
            return [Check("paths", "unknown", str(error))]
        rows = []
        if self.plan.max_bytes is None and left:
            reason = f"{len(left)} of those planned stayed: a process or a build uses them."
            rows.append(Check("deleted paths", "warning", reason))
        else:
            gone = len(garbage.paths) - len(left)
            rows.append(Check("deleted paths", "ok", f"{gone} of {len(garbage.paths)} are gone."))
        kept = f"{len(stay)} kept" if not lost else f"lost: {', '.join(sorted(lost))}"
        rows.append(Check("paths of the generations that stay", _verdict(not lost), f"{kept}."))
        return rows

    async def _failed(self, error: NixError) -> ChangeFailed:
        _log.error("%s failed: %s", self.deed.id, error)
        how_far = await asyncio.to_thread(self._how_far)
        told = "\n".join(part for part in (error.what, error.why, how_far) if part)
        unwritten = await self._end("failed", told)
        failure = ChangeFailed(
            f"The {self.plan.operation} failed.", told, ["Make a new plan: run the line again."]
        )
        failure.report = self._report("failed", failure.what, unwritten, told)
        return failure

    def _how_far(self) -> str:
        """What is gone by now, from the facts."""
        going = self.plan.going
        gone = [
            f"{c.profile.name} {c.generation.number}"
            for c in going
            if not os.path.lexists(c.generation.link)
        ]
        parts = [f"generations deleted: {', '.join(gone) or 'none'}"] if going else []
        garbage = self.plan.garbage
        if self.plan.operation == "collect" and garbage is not None:
            count = sum(not os.path.lexists(path) for path in garbage.paths)
            parts.append(f"{count:,} of {len(garbage.paths):,} paths are gone")
        told = "; ".join([*parts, "what is left is whole"])
        return f"{told[0].upper()}{told[1:]}."

    def _message(self) -> str:
        count = len(self.plan.going)
        done = []
        if count:
            done.append(f"{count} generation{'' if count == 1 else 's'} deleted")
        if self.told is not None:
            what = "files linked" if self.plan.operation == "optimise" else "paths deleted"
            done.append(f"{self.told.number:,} {what}, {self.told.words} freed")
        return f"{', '.join(done) or 'The link of the profile was mended'}."

    async def _end(self, outcome: JournalOutcome, error: str | None = None) -> tuple[Check, ...]:
        size = None if self.told is None else self.told.bytes
        return await self.deed.end(outcome, error, freed_bytes=size)

    def _report(
        self,
        outcome: CollectOutcome,
        message: str,
        verified: tuple[Check, ...],
        error: str | None = None,
    ) -> CollectReport:
        return CollectReport(
            plan=self.plan,
            outcome=outcome,
            message=message,
            verified=verified,
            commands=tuple(self.deed.ran),
            freed_bytes=None if self.told is None else self.told.bytes,
            deleted_paths=None if self.told is None else self.told.number,
            journal_id=self.deed.id,
            started=self.deed.started,
            duration=self.deed.duration,
            error=error,
        )


def _verdict(good: bool) -> Literal["ok", "failed"]:
    return "ok" if good else "failed"

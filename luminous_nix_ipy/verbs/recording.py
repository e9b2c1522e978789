"""The runbook of this kernel: its steps, what they changed, and what is put back when one fails."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from ..backend import journal, made
from ..backend.model import NixOperation, OperationType
from ..backend.operations.status import machine_word
from ..errors import NixError, NotFound
from ..machine import Machine, current, local
from ..records import Check, Profile
from ..runbook_log import DeedTold, Placed, Record, Seen, StepTold, clean
from ..runbook_records import Deed, Evidence, EvidenceKind, Place, Step, StepVerdict
from ..store.generations import current_number
from ..store.links import read_link
from ..store.profiles import find_profile
from ..store.system import running_path

if TYPE_CHECKING:
    from .session import Session

_INTERRUPTIONS = ("KeyboardInterrupt", "CancelledError")
"""What an interrupt is in a cell: the latter in one that awaits."""


class Recorder:
    """Writes the record of one run of a runbook."""

    def __init__(self, name: str) -> None:
        """Begin it, with what is current now.

        Raises:
            NixError: its record cannot be written.
        """
        self._record = Record(local(), name, journal.acting_user(), socket.gethostname())
        self._numbered = 0
        self._open: list[_OpenStep] = []
        self._mark = made.count()
        self._pending: dict[str, int] = {}
        """Changes whose outcome is not known yet, with their steps."""
        self._armed = False
        self._machine: Machine | None = None
        self._place = self._look_around()

    @property
    def id(self) -> str:
        return self._record.id

    @property
    def place(self) -> Place:
        """Where the steps work, as it was before the first of them."""
        return self._place

    def begin(self, title: str, *, put_back_on_failure: bool, depth: int) -> Step:
        """Begin a step; one that the same cell began before it has ended well.

        Args:
            depth: how deep in others the cell is that the step ends with; 0: in none.

        Raises:
            NotFound: there is nothing that could be put back.
            NixError: the record cannot be written; nothing is begun.
        """
        while self._open and self._open[-1].depth >= depth:
            self.end("done")
        self.tell_deeds()
        self._look_around()
        if put_back_on_failure and self._place.generation is None:
            raise NotFound(
                "There is no generation that could be put back.",
                "The step was not begun.",
                ["Leave --rollback-on-failure out."],
            )
        self._armed = self._armed or put_back_on_failure
        self._numbered += 1
        now = datetime.now().astimezone()
        step = Step(number=self._numbered, title=clean(title), started=now)
        self._record.tell(StepTold(now, step))
        self._open.append(_OpenStep(step, depth))
        return step

    @property
    def innermost(self) -> Step | None:
        """The step that began last of those that have not ended."""
        return self._open[-1].step if self._open else None

    def is_open(self, depth: int) -> bool:
        """Whether a step ends with a cell of this depth."""
        return bool(self._open) and self._open[-1].depth >= depth

    def end(
        self, verdict: StepVerdict, error: str = "", session: Session | None = None
    ) -> tuple[Step, tuple[Deed, ...]]:
        """End the innermost step; what became of it, and what was changed in it.

        Args:
            session: puts back what the runbook began with, where a step asked for that and this one
                failed.

        Raises:
            NixError: the record cannot be written.
        """
        opened = self._open[-1]
        deeds = self.tell_deeds()
        put_back = ""
        if verdict == "failed" and self._armed and session is not None:
            put_back = self._put_back(session)
            deeds += self.tell_deeds()
        elif verdict == "interrupted" and self._armed:
            put_back = "Nothing was put back, since the step was interrupted."
        self._open.pop()
        now = datetime.now().astimezone()
        ended = msgspec.structs.replace(
            opened.step,
            ended=now,
            duration=time.monotonic() - opened.clock,
            verdict=verdict,
            error=clean(error),
            put_back=clean(put_back),
        )
        self._record.tell(StepTold(now, ended))
        return ended, deeds

    def see(self, checks: Iterable[Check], kind: EvidenceKind) -> None:
        """Record what was looked at.

        Raises:
            NixError: the record cannot be written.
        """
        self._see(checks, kind, self._step)

    def tell_deeds(self) -> tuple[Deed, ...]:
        """Record what was changed in this kernel since the last time; those changes.

        Raises:
            NixError: the record cannot be written.
        """
        begun = made.since(self._mark)
        self._mark += len(begun)
        self._pending |= dict.fromkeys(begun, self._step)
        if not self._pending:
            return ()
        places = [m for m in (self._machine, current()) if m is not None]
        entries = {entry.id: entry for m in places for entry in journal.read_journal(m)[0]}
        told = []
        for change, step in list(self._pending.items()):
            entry = entries.get(change)
            if entry is None:  # not journalled yet, or refused before anything was done
                continue
            if entry.outcome is not None:
                del self._pending[change]
            deed = Deed(
                id=change,
                step=step,
                operation=entry.operation,
                from_number=entry.from_number,
                to_number=entry.to_number,
                outcome=entry.outcome,
                commands=tuple(map(clean, entry.commands)),
                error=clean(entry.error or ""),
            )
            self._record.tell(DeedTold(datetime.now().astimezone(), deed))
            self._see(made.verified(change), "check", step)
            told.append(deed)
        return tuple(told)

    def close(self) -> None:
        """Write no more."""
        while self._open:
            self.end("done")
        self.tell_deeds()
        self._record.close()

    @property
    def _step(self) -> int:
        return self._open[-1].step.number if self._open else 0

    def _see(self, checks: Iterable[Check], kind: EvidenceKind, step: int) -> None:
        for check in checks:
            seen = Evidence(
                step=step,
                kind=kind,
                what=clean(check.name),
                verdict=check.verdict,
                reason=clean(check.reason),
            )
            self._record.tell(Seen(datetime.now().astimezone(), seen))

    def _look_around(self) -> Place:
        """Where it works; on another machine than before it begins anew, with nothing to put
        back but what is current there now."""
        machine = current()
        if machine != self._machine:
            self._machine, self._armed = machine, False
            self._place = _place(machine)
            self._record.tell(Placed(datetime.now().astimezone(), self._place))
        return self._place

    def _put_back(self, session: Session) -> str:
        """Make current and running what was so at the start; what came of it, in a sentence."""
        began, now = self._place, _place(current())
        if current() != self._machine:
            return "Nothing was put back: the step left for another machine."
        if now == began:
            return "Nothing was put back: what the runbook began with is current and running."
        options = {"profile": began.profile, "generation": began.generation}
        operation = NixOperation(type=OperationType.ROLLBACK, options=options)
        try:
            plan = session.plan(operation)
            if plan.target.path != began.path:
                return f"NOT put back: generation {began.generation} is another one now."
            # It was there before: what is expected of a change must not keep it from returning.
            unwatched = msgspec.structs.replace(plan.safety, expectations=(), settle=0.0)
            report = session.carry_out(operation, msgspec.structs.replace(plan, safety=unwatched))
        except NixError as error:
            return f"NOT put back: {error} {' '.join(error.todo)}".rstrip()
        except KeyboardInterrupt:
            return "NOT put back: it was interrupted. See how the machine is: %nix recover"
        return f"Put back what the runbook began with. {report.message}"


class _OpenStep:
    def __init__(self, step: Step, depth: int) -> None:
        self.step = step
        self.depth = depth
        self.clock = time.monotonic()


_under_way: Recorder | None = None


def under_way() -> Recorder | None:
    """The runbook of this kernel; None before it has begun one."""
    return _under_way


def start(name: str | None = None) -> Recorder:
    """Begin the record of a runbook, and end the one before it.

    Raises:
        NixError: it cannot be written.
    """
    global _under_way
    begun = Recorder(name or _notebook() or "runbook")
    if _under_way is not None:
        _under_way.close()
    _under_way = begun
    return begun


def see(checks: Iterable[Check], kind: EvidenceKind) -> None:
    """Record what was looked at, where a runbook is under way."""
    if _under_way is not None:
        _under_way.see(checks, kind)


def verdict_of(error: BaseException | None) -> tuple[StepVerdict, str]:
    """What a cell that ended with this error was, and the error in a line."""
    if error is None:
        return "done", ""
    kind = type(error).__name__
    if kind in _INTERRUPTIONS:
        return "interrupted", "Interrupted."
    told = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return "failed", f"{kind}: {told}" if told else kind


def _place(machine: Machine) -> Place:
    profile = _profile(machine)
    number = None if profile is None else current_number(profile)
    link = None if profile is None else f"{profile.path}-{number}-link"
    return Place(
        machine=machine_word(machine),
        profile=None if profile is None else profile.path,
        generation=number,
        path=None if link is None or number is None else read_link(link),
        running=running_path(machine),
    )


def _profile(machine: Machine) -> Profile | None:
    try:
        return find_profile(machine)
    except NixError:
        return None


def _notebook() -> str:
    """The name of the notebook, where the frontend tells it (Jupyter Server, JPY_SESSION_NAME)."""
    return PurePath(os.environ.get("JPY_SESSION_NAME", "")).stem

"""What a runbook leaves: its steps, what was changed meanwhile, and what was seen to hold."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from .records import Verdict

StepVerdict = Literal["running", "done", "failed", "interrupted", "cut off"]
""""cut off": its kernel died before it could say what came of it."""
RunbookVerdict = StepVerdict | Literal["begun"]
""""begun": nothing was done yet."""
EvidenceKind = Literal["requirement", "check"]
"""A requirement was looked at before, a check belongs to a change and was made after it."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a runbook works, as it was before its first step there."""

    machine: str
    """What `Status.machine` tells."""
    profile: str | None
    """Path of the profile's link; None where there is none."""
    generation: int | None
    """The number that was current."""
    path: str | None
    """The store path that it is."""
    running: str | None
    """The store path of the system that ran."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step. Of one that still runs or was cut off, `ended` and `duration` are None."""

    number: int
    title: str
    started: datetime
    ended: datetime | None = None
    duration: float | None = None
    verdict: StepVerdict = "running"
    error: str = ""
    """What it failed with, in a line."""
    put_back: str = ""
    """What was put back after it failed, or why nothing was; a sentence."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One change that this kernel made, as the journal has it."""

    id: str
    step: int
    """The number of the step; 0: between steps."""
    operation: str
    from_number: int | None
    to_number: int | None
    outcome: str | None
    """None while it goes on."""
    commands: tuple[str, ...]
    error: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    step: int
    """The number of the step; 0: between steps."""
    kind: EvidenceKind
    what: str
    verdict: Verdict
    reason: str


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a runbook."""

    id: str
    name: str
    started: datetime
    ended: datetime
    """When the last of it was written."""
    user: str
    host: str
    place: Place | None
    steps: tuple[Step, ...]
    deeds: tuple[Deed, ...]
    evidence: tuple[Evidence, ...]
    damaged: int = 0
    """Lines of its record that cannot be understood."""

    @property
    def verdict(self) -> RunbookVerdict:
        """The worst that became of a step, a requirement or a change between steps."""
        if not (self.steps or self.deeds or self.evidence):
            return "begun"
        verdicts = {step.verdict for step in self.steps}
        if any(e.kind == "requirement" and e.verdict != "ok" for e in self.evidence):
            verdicts.add("failed")
        if any(not deed.step and deed.outcome not in ("done", None) for deed in self.deeds):
            verdicts.add("failed")
        order: tuple[StepVerdict, ...] = ("cut off", "failed", "interrupted", "running")
        return next((verdict for verdict in order if verdict in verdicts), "done")

"""Plans and reports of repairs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ..records import Check, Command, Finding

RepairOutcome = Literal["done", "nothing to do", "failed"]


class RepairPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair would do. Showing it changes nothing."""

    findings: tuple[Finding, ...]
    """All that was found, the worst first."""
    paths: tuple[str, ...] = ()
    """Store paths that it is about alone; empty: everything."""
    checks: tuple[Check, ...] = ()
    commands: tuple[Command, ...]
    """Store paths first, then profiles, then the boot menu."""
    nothing_to_do: bool = False
    playground: bool = False

    @property
    def operation(self) -> str:
        return "repair"

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that stop it."""
        return tuple(check for check in self.checks if check.verdict == "refused")

    @property
    def bad(self) -> tuple[Finding, ...]:
        """Warnings and problems."""
        return tuple(f for f in self.findings if f.severity in ("warning", "problem"))


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was repaired, examined again afterwards."""

    plan: RepairPlan
    outcome: RepairOutcome
    message: str
    verified: tuple[Check, ...] = ()
    """Of every command of the plan, whether what it was for is well now."""
    left: tuple[Finding, ...] = ()
    """Warnings and problems that are there afterwards."""
    commands: tuple[Command, ...] = ()
    """What was really run, in order."""
    journal_id: str | None = None
    started: datetime
    duration: float = 0.0
    error: str | None = None

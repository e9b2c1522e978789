"""What is done about a change that was cut off: its plan, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..records import Check, Command
from .cut_off import CutOff
from .model import Safety

How = Literal["finish", "undo"]


class RecoverPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What finishing or undoing a change that was cut off does."""

    cut_off: CutOff
    how: How
    commands: tuple[Command, ...]
    """What may be run, in order."""
    checks: tuple[Check, ...]
    safety: Safety = Safety()
    playground: bool = False

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that stop it."""
        return tuple(check for check in self.checks if check.verdict == "refused")


class RecoverReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    plan: RecoverPlan
    outcome: Literal["done", "failed", "failed, restored", "interrupted"]
    message: str
    verified: tuple[Check, ...]
    commands: tuple[Command, ...]
    """What was really run, in order."""
    duration: float

"""Plans and reports of what deletes: generations and what no gc root keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ..records import Check, Command, Generation, Profile
from ..store.liveness import Garbage
from ..store.roots import GcRoot
from .model import Backup

Deletion = Literal["collect", "delete", "optimise"]
CollectOutcome = Literal["done", "nothing to do", "failed", "interrupted"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One generation: whether it goes, and why it goes or stays."""

    profile: Profile
    generation: Generation
    goes: bool
    rule: str
    """The rest of a sentence about it."""


class CollectPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection, a deletion of generations or an optimisation would do. Showing it changes
    nothing."""

    operation: Deletion
    profiles: tuple[Profile, ...]
    choices: tuple[Choice, ...]
    """Every generation of the profiles."""
    garbage: Garbage | None
    """What no gc root keeps once the chosen generations are gone."""
    garbage_problem: str | None = None
    """Why `garbage` could not be had."""
    max_bytes: int | None = None
    """Nix stops once it has freed more than so much; what it takes first is not known before."""
    backups: tuple[Backup, ...] = ()
    """What is kept for %nix undo."""
    checks: tuple[Check, ...]
    commands: tuple[Command, ...]
    notices: tuple[str, ...] = ()
    nothing_to_do: bool = False
    playground: bool = False
    fingerprint: dict[str, str]
    """What it rests on, in words -> a digest of it."""

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that stop it."""
        return tuple(check for check in self.checks if check.verdict == "refused")

    @property
    def going(self) -> tuple[Choice, ...]:
        """The generations that go."""
        return tuple(choice for choice in self.choices if choice.goes)


class CollectReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted, verified afterwards."""

    plan: CollectPlan
    outcome: CollectOutcome
    message: str
    verified: tuple[Check, ...] = ()
    commands: tuple[Command, ...] = ()
    """What was really run, in order."""
    freed_bytes: int | None = None
    """What Nix says that it freed, as exactly as it says it; None where it said nothing."""
    deleted_paths: int | None = None
    """How many paths Nix says that it deleted, or files that it linked."""
    journal_id: str | None = None
    started: datetime
    duration: float = 0.0
    error: str | None = None


class Keeper(msgspec.Struct, frozen=True):
    """A gc root, and how it keeps a path."""

    root: GcRoot
    kind: str
    """"generation 5 of system", "running system", "backup", "note", "link", ..."""
    chain: tuple[str, ...]
    """Store paths from what the root keeps to the path that is asked about."""

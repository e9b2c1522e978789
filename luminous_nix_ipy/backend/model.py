"""What goes into the backend and what comes out: operations, results, plans and reports.

`OperationType`, `NixOperation` and `NixResult` are the contract of the migration guide; plans and
reports are what its `data` holds for changes.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from ..records import (
    Check,
    ClosureDiff,
    Command,
    Generation,
    PackageStep,
    Profile,
    UnitChange,
)

Mode = Literal["switch", "boot", "test"]
"""switch: now and at the next boot; boot: at the next boot only; test: now only."""

Outcome = Literal["done", "nothing to do", "restored", "failed"]


class OperationType(enum.Enum):
    """What the backend can be asked for."""

    UPDATE = "update"
    ROLLBACK = "rollback"
    INSTALL = "install"
    REMOVE = "remove"
    INSTALLED = "installed"
    SHELL = "shell"
    SEARCH = "search"
    INFO = "info"
    SEARCH_OPTIONS = "search_options"
    OPTION = "option"
    WHICH = "which"
    INDEX = "index"
    BUILD = "build"
    TEST = "test"
    SWITCH = "switch"
    BOOT = "boot"
    INPUTS = "inputs"
    LIST_GENERATIONS = "list_generations"
    GARBAGE_COLLECT = "garbage_collect"
    REPAIR = "repair"
    DOCTOR = "doctor"
    DIFF = "diff"
    STATUS = "status"
    VERSIONS = "versions"
    BUILD_TIMES = "build_times"
    UNDO = "undo"
    RECOVER = "recover"
    DELETE_GENERATIONS = "delete_generations"
    ROOTS = "roots"
    OPTIMISE = "optimise"
    NOTE = "note"
    EVALUATE = "evaluate"
    LOG = "log"
    WHY = "why"
    REQUIRE = "require"
    CHECK = "check"


@dataclass
class NixOperation:
    """One request. Which `options` an operation takes is told by its module in `operations/`."""

    type: OperationType
    packages: list[str] = field(default_factory=list)
    dry_run: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    priority: int = 0


@dataclass
class NixResult:
    """What became of a request; `duration` in seconds, `error` None exactly when it succeeded."""

    success: bool
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    duration: float = 0.0
    suggestions: list[str] = field(default_factory=list)


class Expectation(msgspec.Struct, frozen=True):
    """Something that must hold after an activation, or what was there before is put back."""

    kind: Literal["command", "url", "unit"]
    what: str
    """A command line (split with shlex, run without a shell), a URL, or a unit's name."""


class Safety(msgspec.Struct, frozen=True, kw_only=True):
    """How a change is watched, and what becomes of it when it does not go well."""

    expectations: tuple[Expectation, ...] = ()
    settle: float = 0.0
    """Seconds to watch the machine after the activation, before the change is confirmed."""
    confirm_timeout: float = 30.0
    """Seconds without a sign of life from whoever is to confirm, after which it is put back."""
    expect_timeout: float = 10.0
    """Seconds that one expectation has to come true."""
    activation_timeout: float = 900.0
    """Seconds that an activation may take."""
    force: tuple[str, ...] = ()
    """Names of checks that may be red."""
    restore: bool = True
    """Put back what was there when a step fails."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would do, and what it was made from. Showing it changes nothing."""

    operation: str
    """"rollback", "undo" or "rebuild" (of a system that was built for it)."""
    mode: Mode
    profile: Profile
    before: Generation | None
    """The generation that the profile points to now."""
    target: Generation
    """Its `link` is empty where it is a store path that is to become a new generation."""
    specialisation: str | None = None
    """Which of the target's specialisations is activated; None: the system itself."""
    diff: ClosureDiff | None
    """Packages from what runs now (system) or is current now (user profiles) to the target."""
    diff_problem: str | None = None
    """Why `diff` could not be had."""
    units: tuple[UnitChange, ...] | None
    """None where no preview could be had; `units_reason` says why."""
    units_reason: str = ""
    reboot_needed: bool | None
    """None: unknown."""
    reboot_reason: str = ""
    checks: tuple[Check, ...]
    commands: tuple[Command, ...]
    prepared: tuple[Command, ...] = ()
    """What was already run for it, such as the build."""
    notices: tuple[str, ...] = ()
    """Sentences to know before saying yes, such as that the target is newer than the current."""
    packages: tuple[PackageStep, ...] = ()
    """What it does with packages of a user's profile; its target's path is then not known yet."""
    nothing_to_do: bool = False
    playground: bool = False
    safety: Safety = Safety()
    fingerprint: str
    """Of the facts it rests on: links of the profile, running and booted system, the target."""

    @property
    def activated(self) -> str:
        """The store path of the system that runs afterwards, where one is activated."""
        return specialised(self.target.path or "", self.specialisation)

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that stop the change: the red ones that `--force` does not name."""
        return tuple(
            check
            for check in self.checks
            if check.verdict == "refused" and check.name not in self.safety.force
        )


def specialised(path: str, specialisation: str | None) -> str:
    """The store path of a system, or of one of its specialisations."""
    if specialisation is None:
        return path
    return os.path.realpath(f"{path}/specialisation/{specialisation}")


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was built, or in a dry run what would be."""

    configuration: str
    """Which, in words."""
    host: str | None = None
    """The machine that builds it; None: this one."""
    path: str | None
    """The store path; None in a dry run."""
    link: str | None = None
    """The out-link, which keeps it from the garbage collector."""
    builds: tuple[str, ...]
    """Derivations."""
    fetches: tuple[str, ...]
    """Store paths."""
    download_bytes: int
    unpacked_bytes: int
    diff: ClosureDiff | None = None
    """Packages from what runs now to what was built."""
    diff_problem: str | None = None
    """Why `diff` could not be had."""
    commands: tuple[Command, ...]
    duration: float = 0.0


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What was current before a change, kept from the garbage collector by a gc root of its own."""

    id: str
    """The same id as the journal entry of the change that made it."""
    made: datetime
    operation: str
    profile: str
    """Path of the profile link."""
    number: int
    path: str
    """The store path that is kept."""
    root: str
    """The gc root, a link under the gc roots' folder (or an indirect one in the state folder)."""


class ChangeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a change did, verified afterwards."""

    plan: Plan
    outcome: Outcome
    message: str
    verified: tuple[Check, ...]
    commands: tuple[Command, ...]
    """What was really run, in order."""
    backup: Backup | None
    journal_id: str | None
    started: datetime
    duration: float
    error: str | None = None
    units: tuple[UnitChange, ...] = ()
    """What the activation said that it did to systemd's units."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The machine at a glance. `None` means unknown; it never means no."""

    machine: str
    """"NixOS", "Nix on <distribution>", "playground", "playground without Nix"."""
    host: str
    nix_version: str | None
    nixos_version: str | None
    profile: Profile | None
    current: int | None
    running: int | None
    running_path: str | None
    booted: int | None
    booted_path: str | None
    differ: tuple[str, ...]
    """Sentences: which of current, running and booted differ."""
    reboot_needed: bool | None
    reboot_reason: str
    generations: int
    store_bytes: int | None
    store_paths: int | None
    store_free_bytes: int | None
    boot_free_bytes: int | None
    reader: str
    """"direct" or "command", with the reason when it is a fallback."""
    backups: int
    elevation: str | None = None
    """How root would be had where it is needed, not tried: "root", "through sudo", "none: " and
    why."""
    supervisor: str | None = None
    """What would carry out a change of the system: a unit, or a process."""
    nixos_rebuild_module: str | None = None
    """Where nixos-rebuild's Python module is and what runs it, or "none: " and why."""

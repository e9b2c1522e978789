"""The records that every reader returns and every view shows.

Frozen and typed. Sizes are bytes (int), times are aware datetimes in local time, durations are
seconds (float), store paths are whole strings. Text that came from file names or files may hold
surrogate escapes for bytes that are not UTF-8 (`os.fsdecode`); views replace them when they print.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

ProfileKind = Literal["system", "user", "home-manager"]
ChangeKind = Literal["added", "removed", "upgraded", "downgraded", "changed"]
UnitAction = Literal[
    "start", "stop", "restart", "reload", "not restarted",
    "started", "stopped", "restarted", "reloaded", "failed",
]  # fmt: skip
"""What would be done to a unit, then what was done; both know "not restarted"."""
JournalOutcome = Literal["done", "failed, restored", "failed", "interrupted"]
Verdict = Literal["ok", "warning", "refused", "forced", "failed", "unknown"]
Severity = Literal["ok", "note", "warning", "problem"]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What a line of a file may say: times that know their zone, and numbers that a DataFrame holds."""


class Profile(msgspec.Struct, frozen=True):
    """A profile: a link whose generations stand beside it as `<name>-<number>-link`."""

    name: str
    """What the user calls it: "system", "profile", "home-manager", or the path that was given."""
    path: str
    """Absolute path of the profile link itself, with `~/.nix-profile` and the like resolved."""
    kind: ProfileKind


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of a profile. `None` means: not there, or not asked for."""

    number: int
    date: datetime | None
    """Modification time of the generation's link itself, as Nix reports it (Nix, profiles.cc)."""
    current: bool
    """The profile link points to this generation's link."""
    running: bool = False
    """/run/current-system is this generation's system."""
    booted: bool = False
    """/run/booted-system is this generation's system."""
    kept: bool = False
    """A gc root of this project keeps it: a backup of an earlier change, or a note."""
    nixos_version: str | None = None
    kernel_version: str | None = None
    configuration_revision: str | None = None
    specialisations: tuple[str, ...] = ()
    description: str | None = None
    """The label its builder gave it (boot.json's label, nixos-version.json's description)."""
    note: str | None = None
    """What the user wrote with `%nix note`."""
    path: str | None = None
    """The store path that it is, whole; None when the link cannot be read."""
    link: str = ""
    """Absolute path of the generation's link."""
    problem: str | None = None
    """A sentence when the entry is dangling or cannot be read."""
    closure_bytes: int | None = None
    unique_bytes: int | None = None
    """Bytes of the closure that are in no other generation of the profile."""

    @property
    def state(self) -> str:
        """The words of `running`, `booted` and `kept` that hold, joined with ", "."""
        words = (
            "running" if self.running else "",
            "booted" if self.booted else "",
            "kept" if self.kept else "",
        )
        return ", ".join(word for word in words if word)


class Closure(msgspec.Struct, frozen=True):
    """Everything that a store path needs, itself included."""

    root: str
    sizes: dict[str, int]
    """Every path of the closure -> its NAR size in bytes."""
    outputs: dict[str, str]
    """Path -> the name of the derivation output that it is, where the database knows it."""
    selected: frozenset[str]
    """Direct references of the root's `sw` (of the root, where it has none)."""
    source: str
    """"database", "database (immutable)" or "commands": where this was read."""

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


class PackageChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the packages of one name between two closures."""

    name: str
    change: ChangeKind
    old_versions: tuple[str, ...]
    new_versions: tuple[str, ...]
    selected_before: bool
    selected_after: bool
    old_bytes: int
    new_bytes: int

    @property
    def delta_bytes(self) -> int:
        return self.new_bytes - self.old_bytes


class ClosureDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Two closures compared."""

    before: str
    after: str
    changes: tuple[PackageChange, ...]
    """Sorted: selected packages first, then by name."""
    rebuilt: int
    """Names whose versions and output names are the same but whose paths differ, left out of
    `changes`."""
    paths_before: int
    paths_after: int
    paths_added: int
    paths_removed: int
    bytes_before: int
    bytes_after: int
    source: str


class UnitChange(msgspec.Struct, frozen=True):
    """What an activation would do, or did, to one systemd unit."""

    unit: str
    action: UnitAction
    reason: str = ""
    log: tuple[str, ...] = ()
    """The last lines that a failed unit wrote to the journal."""


class Check(msgspec.Struct, frozen=True):
    """One thing looked at before a change (`refused` stops it, unless it is `forced`) or verified
    after it (`failed`)."""

    name: str
    verdict: Verdict
    reason: str


class Command(msgspec.Struct, frozen=True):
    """One program that a change runs: its arguments and, in a sentence, what for."""

    argv: tuple[str, ...]
    purpose: str
    root: bool = False
    """It is run as root, which this process is not."""

    def __str__(self) -> str:
        import shlex

        return shlex.join(self.argv)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a program of Nix, or a line that was no record of its log."""

    level: int
    """0 error, 1 warning, 2 notice, 3 information; more is detail (Nix, logging.hh)."""
    text: str
    """As it is shown, without colours; may be several lines."""
    raw: str | None = None
    """An error's own sentence, without its position and trace."""
    file: str | None = None
    line: int | None = None
    column: int | None = None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Nix is doing. What `done` and `expected` count depends on the kind: bytes of
    a copyPath or fileTransfer, things of the others."""

    id: int
    kind: str
    """Nix's name of its type, such as "build" or "copyPath"; a number that has no name yet."""
    name: str
    """The derivation or path without folder, hash and ".drv"; a URI; or the activity's own text."""
    phase: str | None
    done: int
    expected: int
    running: int
    failed: int
    started: datetime
    host: str
    """Where it is built; empty: here."""
    log: tuple[str, ...] = ()
    """The last lines of its log."""

    @property
    def last_line(self) -> str:
        """The last line of its log; empty before there is one."""
        return self.log[-1] if self.log else ""


class FailedBuild(msgspec.Struct, frozen=True):
    """A build that failed, and the end of its log."""

    derivation: str
    host: str
    log: tuple[str, ...]


class Counts(msgspec.Struct, frozen=True):
    """How much of one kind is done, of what is known so far to be done."""

    done: int = 0
    expected: int = 0
    running: int = 0
    failed: int = 0


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How many seconds the rest of some builds may take."""

    low: float
    middle: float
    high: float
    known: int
    """How many of the builds have been built before..."""
    builds: int
    """... of how many."""


class NixWork(msgspec.Struct, frozen=True, kw_only=True):
    """What a program of Nix is doing, at one moment."""

    builds: Counts
    paths: Counts
    """Paths that are copied into the store, or out of it."""
    copied: Counts
    """Bytes of those paths."""
    downloaded: Counts
    """Bytes of files, packed as they come."""
    rate: float
    """Bytes a second that were lately copied or downloaded."""
    running: tuple[Activity, ...]
    """Builds, the longest running first."""
    downloads: tuple[Activity, ...]
    failed: tuple[FailedBuild, ...]
    estimate: Estimate | None = None
    speaking: int | None = None
    """The id of the activity that wrote the last line of a log."""


class InstalledPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package of a user's profile, as its manifest has it; None is what that does not say."""

    name: str
    """What it is called in the profile; no two have the same."""
    version: str
    """"" where its name has none."""
    attribute: str | None
    """Its attribute path in the flake that it is of."""
    origin: str | None
    """The flake reference that was asked for."""
    locked: str | None
    """The flake reference that it was taken from, with its revision."""
    paths: tuple[str, ...]
    outputs: tuple[str, ...]
    """The outputs that were chosen; empty: its own choice."""
    priority: int | None
    """Of two packages with the same file, the one with the lower number wins."""
    active: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed in a user's profile, and which of Nix's tools keeps it."""

    tool: Literal["nix profile", "nix-env"] | None
    """None while nothing was ever installed."""
    version: int | None
    """Of manifest.json; None for nix-env's."""
    packages: tuple[InstalledPackage, ...]


class PackageStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan does with one package of a user's profile."""

    name: str
    version: str
    action: Literal["install", "remove", "keep"]
    """"keep": it is there already."""
    paths: tuple[str, ...]
    """The store paths that are linked into the profile."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a configuration is built from: an input of a flake, or a channel."""

    name: str
    """An input of an input is `<input>/<name>`."""
    type: str
    """"channel", or a flake reference's type, such as "github" or "path"."""
    url: str
    """Where it is asked for, as a flake reference or a URL."""
    revision: str | None = None
    """The commit, whole; of a channel what its files tell of it."""
    version: str | None = None
    """A channel's version, such as "26.05.1234.0123456789ab"."""
    date: datetime | None = None
    """Its last change; of a channel, when it was fetched."""
    follows: str | None = None
    """The other input that it is."""
    digest: str | None = None
    """Of its contents; two inputs are the same where this is."""


class InputChange(msgspec.Struct, frozen=True):
    """What an update did to one input."""

    name: str
    change: Literal["added", "removed", "updated", "unchanged"]
    before: Input | None
    after: Input | None


class MenuEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a boot menu."""

    name: str
    """What its loader calls it: a file's name, a title with those of its submenus, or a label."""
    where: str
    """The file that it stands in."""
    number: int | None
    """The generation of the system's profile that it offers; None where it is none of these."""
    system: str | None
    """The store path that it starts; None where it starts no system of the store."""
    files: tuple[str, ...]
    """Kernel, initrd and the like, each as the entry names it."""


class BootMenu(msgspec.Struct, frozen=True, kw_only=True):
    """What a boot loader offers."""

    loader: Literal["systemd-boot", "GRUB", "extlinux"]
    where: str
    """The file, or the folder, that it is read from."""
    entries: tuple[MenuEntry, ...]
    default: MenuEntry | None
    """What is started where nobody chooses; None where that is not known."""


class Finding(msgspec.Struct, frozen=True):
    """What an examination found about one thing."""

    what: str
    """The thing, such as "store contents"."""
    severity: Severity
    """"note": worth knowing, nothing is wrong; "warning": it will bite; "problem": it is broken."""
    where: str
    """A path, a unit or the name of a setting."""
    reason: str
    """A sentence: what was found."""
    repair: str = ""
    """What to do about it, in words."""
    command: Command | None = None
    """What a repair runs for it; None where nothing is repaired through Nix."""

    @property
    def remedy(self) -> str:
        """What helps: a command, or a sentence; empty where nothing is to be done."""
        return str(self.command) if self.command is not None else self.repair


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal: an intent (outcome None) or what became of it."""

    id: str
    started: _Moment
    ended: _Moment | None = None
    user: str
    host: str
    operation: str
    profile: str
    from_number: _Count | None = None
    from_path: str | None = None
    to_number: _Count | None = None
    to_path: str | None = None
    commands: tuple[str, ...] = ()
    outcome: JournalOutcome | None = None
    error: str | None = None
    backup: str | None = None
    """The gc root that keeps what was current before."""
    freed_bytes: _Count | None = None
    """What Nix said that a collection or an optimisation freed."""
    steps: dict[str, str] = {}
    """The commands that a supervisor may run, by the names of its steps."""
    running: str | None = None
    """The system that ran before a supervised change of a system."""
    mode: str | None = None
    """Of a supervised change: "switch", "boot" or "test"."""
    newest: _Count | None = None
    """The greatest number of the profile's generations before a supervised change."""
    activated: str | None = None
    """The system that it activates; one of its specialisations is another path than `to_path`."""
    checks: tuple[Check, ...] = ()
    """What was looked at before a supervised change."""

    @property
    def duration(self) -> timedelta | None:
        """How long it took, to the second where a supervisor has told its end; never negative,
        though a clock may have been set. None: it has not ended."""
        if self.ended is None:
            return None
        whole = self.ended.microsecond == 0
        started = self.started.replace(microsecond=0) if whole else self.started
        return max(self.ended - started, timedelta())

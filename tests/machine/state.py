"""What a host is like, and what must be true of it after every change, whatever happened."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any

from tests.machine.host import PROJECT, PYTHONPATH, Host
from tests.machine.systems import GENERATIONS, name_of
from tests.machine.waiting import wait_until

_COMMON = ("changing", "fragile", "kept", "notebook", "reloading", "steady", "web")
_ALLOWED = re.compile(r"(kernel-\d+|user@\d+|user-runtime-dir@\d+)\.service|init\.scope|session-.*")
"""Units of kernels and of logins, which tests start themselves."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One change in the journal."""

    id: str
    operation: str
    from_path: str | None
    to_path: str | None
    outcome: str | None
    error: str | None
    root: str | None


@dataclasses.dataclass(frozen=True)
class State:
    """Everything that a change may touch or leave behind (`look.py`)."""

    profile: str | None
    """The text of the profile's link."""
    generations: dict[str, str]
    """Number -> system."""
    running: str | None
    booted: str | None
    boot_default: str | None
    """The system that the boot menu starts."""
    units: dict[str, str]
    """Service -> active state."""
    processes: list[list[str]]
    """Unit, and program with arguments."""
    held: list[str]
    """Locks."""
    roots: dict[str, str]
    folders: list[str]
    """Of supervisors."""
    journal: list[Entry]
    problems: list[str]
    """Sentences about what cannot be read in the journal."""

    @property
    def current(self) -> str | None:
        """The system that the profile leads to."""
        found = re.fullmatch(r"system-(\d+)-link", self.profile or "")
        return self.generations.get(found[1]) if found else None

    def path_of(self, name: str) -> str:
        """The system of a name, of those in the profile."""
        (path,) = {path for path in self.generations.values() if name_of(path) == name}
        return path

    def links(self) -> tuple[object, ...]:
        """What tells one state of the machine from another."""
        return self.profile, self.generations, self.running, self.boot_default


def look(host: Host) -> State:
    program = f"{PROJECT}/tests/machine/look.py"
    told: dict[str, Any] = json.loads(
        host.run("python3", program, env={"PYTHONPATH": PYTHONPATH}).stdout
    )
    journal = [
        Entry(e["id"], e["operation"], e["from"], e["to"], e["outcome"], e["error"], e["root"])
        for e in told.pop("journal")
    ]
    return State(**told, journal=journal)


def at_work(state: State, before: State) -> list[str]:
    """What of a change is there besides the machine's own state: sentences."""
    known = {*before.units, *(f"only-in-{name}.service" for name in (*GENERATIONS, "dusk"))}
    named = {entry.root for entry in state.journal}
    return [
        *(f"the lock {path} is held" for path in state.held),
        *(f"the unit {unit} is there" for unit in state.units if unit.startswith("luminous-nix")),
        *(f"the folder {folder} is there" for folder in state.folders),
        *(
            f"a process of {unit or 'no unit'} runs: {argv}"
            for unit, argv in state.processes
            if unit not in known and not _ALLOWED.fullmatch(unit)
        ),
        *(
            f"the gc root {name} is not in the journal"
            for name in state.roots
            if f"/nix/var/nix/gcroots/luminous-nix/{name}" not in named
        ),
    ]


def unwell(state: State) -> list[str]:
    """What is not as the system that runs wants it: sentences."""
    wanted = {f"{name}.service" for name in (*_COMMON, f"only-in-{name_of(state.running)}")}
    ours = {unit for unit in state.units if unit in wanted or unit.startswith("only-in-")}
    return [
        *(f"{unit} has failed" for unit, active in state.units.items() if active == "failed"),
        *(
            f"{unit} is {state.units.get(unit, 'not loaded')}"
            for unit in sorted(wanted | ours)
            if (state.units.get(unit) == "active") != (unit in wanted)
        ),
    ]


def settled(host: Host, before: State) -> State:
    """Wait until nothing of a change is at work; the state then.

    Raises:
        AssertionError: something stays.
    """
    states: list[State] = []

    def is_settled() -> bool:
        states[:] = [look(host)]
        return not at_work(states[0], before)

    try:
        wait_until("the end of the change", is_settled, pause=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}: {at_work(states[0], before)}") from None
    return states[0]


def assert_whole(
    state: State, before: State, target: str, mode: str = "switch", *, cut_off: bool = False
) -> str:
    """Assert what must be true after every change; "old" or "new", as the machine is.

    Args:
        before: the state before the change, which was well.
        target: the system that it was to.
        cut_off: whether an outcome may be missing in the journal.
    """
    assert at_work(state, before) == []
    assert unwell(state) == []
    assert re.fullmatch(r"system-[1-9]\d*-link", state.profile or ""), "not relative"
    assert state.current is not None, f"{state.profile} leads nowhere"
    assert state.problems == [], "the journal is damaged"
    missing = [entry for entry in state.journal if entry.outcome is None]
    assert cut_off or not missing, "an outcome is missing"
    if state.links() == before.links():
        return "old"
    new = {
        "switch": (target, target, target),
        "boot": (target, before.running, target),
        "test": (before.current, target, before.boot_default),
    }
    assert (state.current, state.running, state.boot_default) == new[mode], "between two states"
    return "new"


def assert_told(outcome: str | None, state: State, machine: str, changes: Sequence[Entry]) -> None:
    """Assert that report and journal say of the last change what became of the machine.

    Args:
        outcome: the report's; None where whoever asked for it is dead.
        machine: what `assert_whole` found.
        changes: the journal's entries before it.
    """
    fresh = state.journal[len(changes) :]
    assert len(fresh) == 1, f"{len(fresh)} changes were journalled"
    journalled = "done" if machine == "new" else "failed, restored"
    assert fresh[0].outcome == journalled, f"{fresh[0].outcome}, but it is {machine}"
    if outcome is not None:
        assert outcome == ("done" if machine == "new" else "restored")

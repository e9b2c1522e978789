"""Random faults at random steps of changes: the machine is in the old or in the new state, as the
report says, and nothing is left behind.

A schedule is one change with one or two pairs of a step and a fault. A second fault often strikes
while everything is being put back; then the report must say what could not be.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy.backend import transaction
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.cut_off import cut_off
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import ChangeFailed
from luminous_nix_ipy.machine import Machine
from tests.faults import (
    Faults,
    Kernel,
    State,
    end_processes_of,
    nothing_left,
    profile_is_sound,
    state,
)
from tests.playground import simulated

SCHEDULES = 15
"""Changes of one test: eight with one pair, seven with two; with all seeds 528 pairs."""
SEEDS = range(24)
OF_PROGRAMS = {
    "test": ("1", "2", "4", "100", "caller", "worker", "supervisor", "hang"),
    "nix-env": ("1", "caller", "worker", "supervisor"),
    "boot": ("1", "caller", "worker", "supervisor", "hang"),
}
OF_KERNEL = ("intent", "keep", "activate", "health", "move", "boot", "verify", "outcome")
OF_HEALTH = ("rejected", "silent")

Pair = tuple[str, str]
"""A program and what befalls it; or "kernel" and the step at which it dies; or "health" and how it
is not confirmed."""


def pairs_of(chance: random.Random, count: int) -> list[Pair]:
    """Faults of one change; those of one program strike one after the other."""
    found: list[Pair] = []
    while len(found) < count:
        who = chance.choice(["test", "test", "nix-env", "boot", "kernel", "health"])
        if who in ("kernel", "health") and any(other == who for other, _ in found):
            continue
        if who == "kernel":
            found.append((who, chance.choice(OF_KERNEL)))
        elif who == "health":
            found.append((who, chance.choice(OF_HEALTH)))
        else:
            when = chance.choice(["before", "after"])
            found.append((who, f"{when}:{chance.choice(OF_PROGRAMS[who])}"))
    return found


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    monkeypatch.setenv("LUMINOUS_NIX_ACTIVATION_TIMEOUT", "1")
    with simulated(5) as made:
        faults = Faults(made)
        faults.machine = faults.prepare()
        machines.use(faults.machine)
        try:
            yield faults
        finally:
            end_processes_of(made)
            machines.use(made)


async def silent(*_: Any, **__: Any) -> Any:
    """In place of the health checks: nothing is ever said."""
    await asyncio.Event().wait()


def execute(machine: Machine, kind: OperationType, **options: Any) -> NixResult:
    return asyncio.run(NixBackend(machine).execute(NixOperation(kind, options=options)))


def change(faults: Faults, pairs: list[Pair], target: int) -> NixResult:
    """One change under these faults."""
    options: dict[str, Any] = {"generation": target}
    with pytest.MonkeyPatch.context() as patch:
        for who, what in pairs:
            if who == "kernel":
                Kernel(patch).dies_at = what
            elif (who, what) == ("health", "silent"):
                options["confirm_timeout"] = 1
                patch.setattr(transaction, "watch", silent)
            elif who == "health":
                options["expect"] = ["false"]
                patch.setenv("LUMINOUS_NIX_EXPECT_TIMEOUT", "0.1")
            else:
                faults.set(who, what)
        return execute(faults.machine, OperationType.ROLLBACK, **options)


def outcome(faults: Faults, result: NixResult, before: State, target: int) -> str:
    """What the journal says, once it was held against the machine."""
    machine = faults.machine
    profile_is_sound(machine)
    entry = read_journal(machine)[0][-1]
    told = entry.outcome or "cut off"
    after = state(machine)
    if told == "done":
        assert is_new(machine, after, target)
    elif told == "failed, restored":
        assert after == before
    elif told == "failed":
        assert entry.error and ("not put back" in entry.error or "not " in entry.error)
    report = getattr(result.data.get("exception"), "report", None) or result.data.get("report")
    if report is not None:
        said = {"done": "done", "restored": "failed, restored", "failed": "failed"}
        assert said[report.outcome] == told
    elif told == "cut off":
        assert isinstance(result.data["exception"], ChangeFailed)
    return told


def is_new(machine: Machine, now: State, target: int) -> bool:
    path = os.path.realpath(machine.system_profile)
    return (now.profile, now.running, now.boot) == (f"system-{target}-link", path, path)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_faults_leave_the_old_or_the_new_state(faults: Faults, seed: int) -> None:
    chance = random.Random(seed)
    machine = faults.machine
    for target in (4, 5):  # so that the boot menu is one that a change has written
        assert execute(machine, OperationType.ROLLBACK, generation=target).success
    seen: Counter[str] = Counter()
    for number in range(SCHEDULES):
        before = state(machine)
        target = 4 if before.profile == "system-5-link" else 5
        pairs = pairs_of(chance, 1 + number % 2)
        result = change(faults, pairs, target)
        if not read_journal(machine)[0][-1].outcome:
            end_processes_of(machine)
        faults.clear()
        try:
            told = outcome(faults, result, before, target)
            if told == "cut off":
                how = chance.choice(["finish", "undo"])
                recovered = execute(machine, OperationType.RECOVER, how=how)
                assert recovered.success, recovered.data
                now = state(machine)
                assert now == before if how == "undo" else is_new(machine, now, target)
            elif told == "failed":
                # What could not be put back hinders nobody from going on.
                again = before.profile.split("-")[1]
                mended = execute(machine, OperationType.ROLLBACK, generation=int(again))
                if mended.data["report"].outcome != "nothing to do":
                    assert is_new(machine, state(machine), int(again))
                elif state(machine) != before:
                    other = execute(machine, OperationType.ROLLBACK, generation=target)
                    assert other.success, other.data
            assert cut_off(machine) == []
            assert read_journal(machine)[1] == []
            nothing_left(machine)
        except AssertionError as error:
            error.add_note(f"seed {seed}, change {number}: {pairs} gave {result.data}")
            raise
        seen[told] += 1
    assert seen["failed, restored"] > 0

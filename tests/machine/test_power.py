"""The host dies, or is rebooted, in the middle of a change: afterwards it is finished or undone."""

from __future__ import annotations

import pytest

from tests.machine import faults
from tests.machine.change import Change, change
from tests.machine.host import Host
from tests.machine.state import assert_whole, look, settled
from tests.machine.systems import name_of
from tests.machine.table import Record

pytestmark = pytest.mark.xdist_group("machine-power")

STEPS = ("keep", "activate", "health", "move", "boot", "verify", "outcome")


def test_the_host_dies_before_the_intent_is_written(host: Host, record: Record) -> None:
    before = look(host)
    gate = faults.gate_at_step(host, "intent")
    asked = Change(host, "rollback")
    gate.wait(asked)
    host.kill()
    asked.abandon()
    host.start()
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert state.journal == []
    record("the host dies at the step intent", "old")


@pytest.mark.parametrize(("how", "machine"), [("finish", "new"), ("undo", "old")])
@pytest.mark.parametrize("step", STEPS)
def test_the_host_dies_at_a_step(
    host: Host, record: Record, step: str, how: str, machine: str
) -> None:
    before = look(host)
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    host.kill()
    asked.abandon()
    host.start()
    (entry,) = look(host).journal
    assert entry.outcome is None
    told = change(host, "recover", how=how)
    assert told["success"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == machine
    record(f"the host dies at the step {step}", f"{machine} after %nix recover {how}")


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_the_host_dies_in_the_middle_of_the_activation(
    host: Host, record: Record, when: str
) -> None:
    before = look(host)
    gate = faults.gate(host, "blue", "test", when)
    asked = Change(host, "rollback")
    gate.wait(asked)
    host.kill()
    asked.abandon()
    host.start()
    assert name_of(look(host).running) == "coral", "the boot menu's"
    told = change(host, "recover", how="undo")
    assert told["success"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    record("the host dies in the activation", "old after %nix recover undo")


def test_the_host_is_rebooted_between_activation_and_confirmation(
    host: Host, record: Record
) -> None:
    before = look(host)
    gate = faults.gate_at_step(host, "health")
    asked = Change(host, "rollback")
    gate.wait(asked)
    host.reboot()
    asked.abandon()
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert state.journal[-1].outcome in ("failed", "failed, restored")
    record("the host is rebooted before the confirmation", "old")

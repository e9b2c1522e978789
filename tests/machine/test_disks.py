"""Disks that are full or cannot be written, and a clock that jumps, on a real machine."""

from __future__ import annotations

import pytest

from tests.machine import faults
from tests.machine.change import Change, change
from tests.machine.host import Host
from tests.machine.state import assert_told, assert_whole, look, settled
from tests.machine.table import Record

pytestmark = pytest.mark.xdist_group("machine-disks")

PROFILES = "/nix/var/nix/profiles"
JOURNAL = "/var/lib/luminous-nix"


@pytest.mark.parametrize(
    ("what", "folder"),
    [("profile", PROFILES), ("store", "/nix/store"), ("journal", JOURNAL), ("boot", "/boot")],
)
@pytest.mark.parametrize("step", ["intent", "activate", "move", "outcome"])
def test_a_disk_that_becomes_full(
    host: Host, record: Record, what: str, folder: str, step: str
) -> None:
    """A full store stops nothing, since nothing is built; the others stop what needs them."""
    faults.use_small_disk(host, folder, spare=1 << 20)
    before = look(host)
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    faults.fill_disk(host, folder)
    gate.open()
    told = asked.end()
    faults.free_disk(host, folder)
    state = settled(host, before)
    unwritten = any(entry.outcome is None for entry in state.journal)
    machine = assert_whole(state, before, before.path_of("blue"), cut_off=what == "journal")
    assert told["success"] == (machine == "new"), told
    if unwritten:
        # It was done, and could not be written down; with room again, that is made up for.
        assert ["journal", "warning"] in [row[:2] for row in told["verified"]], told
        assert change(host, "recover", how="finish")["success"]
        assert_whole(settled(host, before), before, before.path_of("blue"))
    elif state.journal and what != "boot":
        assert_told(told["outcome"], state, machine, before.journal)
    if (what, step) == ("journal", "intent"):
        assert machine == "old" and not state.journal
    if what == "store":
        assert machine == "new"
    record(f"disk full: the {what}'s", machine)


def test_a_profile_folder_that_cannot_be_written(host: Host, record: Record) -> None:
    before = look(host)
    faults.make_read_only(host, PROFILES)
    told = change(host)
    assert not told["success"]
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    record("read-only profile folder", "old")


@pytest.mark.parametrize("jump", ["-400d", "+400d"])
@pytest.mark.parametrize("step", ["keep", "health", "verify"])
def test_a_clock_that_jumps(host: Host, record: Record, jump: str, step: str) -> None:
    """Of kernel and supervisor, while they are at work; monotonic clocks do not jump."""
    before = look(host)
    let_jump = faults.let_clock_jump(host)
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    let_jump(jump)
    gate.open()
    told = asked.end()
    assert told["success"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "new"
    assert told["duration"] < 120, "the clock's jump was measured"
    record("the clock jumps by 400 days", "new")

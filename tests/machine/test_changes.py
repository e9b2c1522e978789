"""Changes on a real systemd: they succeed, and fail as switch-to-configuration can."""

from __future__ import annotations

import pytest

from tests.kernel.notebook import run
from tests.machine import faults
from tests.machine.change import change
from tests.machine.host import Host
from tests.machine.kernel import a_kernel_on
from tests.machine.state import assert_told, assert_whole, look, settled
from tests.machine.systems import NEW, name_of
from tests.machine.table import Record

pytestmark = pytest.mark.xdist_group("machine-changes")


def test_a_rollback_from_a_notebook_in_a_kernel_on_the_machine(host: Host, record: Record) -> None:
    before = look(host)
    with a_kernel_on(host) as kernel:
        assert run(kernel, "%load_ext luminous_nix_ipy").status == "ok"
        reply = run(kernel, "%nix rollback --yes")
        assert reply.status == "ok", reply
        assert "Generation 2 is current and running" in reply.result
        state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "new"
    assert (name_of(state.current), name_of(state.booted)) == ("blue", "coral")
    assert host.run("curl", "--silent", "http://localhost").stdout == "blue\n"
    record("none: rollback", "new")


@pytest.mark.parametrize(
    ("operation", "options", "target", "mode"),
    [
        ("rollback", {}, "blue", "switch"),
        ("rollback", {"generation": 1}, "amber", "switch"),
        ("rollback", {"mode": "boot"}, "blue", "boot"),
        ("rollback", {"mode": "test"}, "blue", "test"),
        ("switch", dict(zip(("file", "attr"), NEW[1::2], strict=True)), "dusk", "switch"),
    ],
)
def test_a_change_that_succeeds(
    host: Host,
    record: Record,
    operation: str,
    options: dict[str, object],
    target: str,
    mode: str,
) -> None:
    before = look(host)
    told = change(host, operation, **options)
    assert told["success"], told
    state = settled(host, before)
    path = next(entry.to_path for entry in state.journal)
    assert path is not None and name_of(path) == target
    assert assert_whole(state, before, path, mode) == "new"
    assert_told(told["outcome"], state, "new", before.journal)
    record(f"none: {operation} {mode}" if operation != mode else f"none: {mode}", "new")
    if mode != "test":
        host.reboot()
        rebooted = look(host)
        assert name_of(rebooted.booted) == name_of(rebooted.running) == target
        assert rebooted.current == path


@pytest.mark.parametrize("code", [1, 2, 3, 100])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_activation_that_exits(host: Host, record: Record, code: int, when: str) -> None:
    """Before it has done anything, as the real one does with 1 and 100, or after all was done."""
    before = look(host)
    faults.script(host, "blue", "test", when, f"finish {code}")
    told = change(host)
    assert not told["success"]
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    assert f"ended with {code}" in told["why"]
    record(f"activation exits {code}", "old")


def test_an_activation_whose_unit_fails_at_once(host: Host, record: Record) -> None:
    before = look(host)
    faults.fail_unit(host, "blue")
    told = change(host)
    assert not told["success"]
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    assert "fragile.service" in told["why"]
    record("activation exits 4: a unit fails at once", "old")


def test_an_exit_of_4_without_a_newly_failed_unit_is_no_failure(host: Host, record: Record) -> None:
    before = look(host)
    faults.script(host, "blue", "test", "after", "finish 4")
    told = change(host)
    assert told["success"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "new"
    record("activation exits 4: no unit has newly failed", "new")

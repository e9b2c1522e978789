"""Two who change the same machine at the same time: two kernels, or we and nixos-rebuild."""

from __future__ import annotations

import pytest

from tests.kernel.driver import Kernel
from tests.kernel.notebook import run
from tests.machine import faults
from tests.machine.change import Change
from tests.machine.host import Host
from tests.machine.kernel import a_kernel_on
from tests.machine.state import look, settled, unwell
from tests.machine.systems import GENERATIONS, PROFILE, name_of
from tests.machine.table import Record

pytestmark = pytest.mark.xdist_group("machine-rivals")

ROUNDS = 50


def test_two_kernels_at_once(host: Host, record: Record) -> None:
    """One is first; the other waits, or is told that the machine has changed or who is at work."""
    before = state = look(host)
    with a_kernel_on(host) as first, a_kernel_on(host) as second:
        kernels: list[Kernel] = [first, second]
        for kernel in kernels:
            assert run(kernel, "%load_ext luminous_nix_ipy").status == "ok"
        for _ in range(ROUNDS):
            # Neither asks for what is there already, nor for what the other asks for.
            numbers = [n for n, name in enumerate(GENERATIONS, 1) if name != name_of(state.current)]
            cells = [
                kernel.send(f"%nix rollback {number} --yes")
                for kernel, number in zip(kernels, numbers, strict=True)
            ]
            for kernel, cell in zip(kernels, cells, strict=True):
                kernel.wait(lambda cell=cell: cell.ended)
            last, state = state, settled(host, before)
            done = [n for n, c in zip(numbers, cells, strict=True) if c.status == "ok"]
            for cell in cells:
                assert cell.status in ("ok", "Refused", "MachineChanged"), cell.reply
            assert unwell(state) == []
            assert state.running == state.current == state.boot_default
            assert done, "one of them comes through"
            assert name_of(state.current) in {GENERATIONS[number - 1] for number in done}
            fresh = [entry.outcome for entry in state.journal[len(last.journal) :]]
            assert fresh.count("done") == len(done)
            assert set(fresh) <= {"done", "failed, restored"}
            outcome = "one of them" if len(done) == 1 else "both, one after the other"
            record("two kernels at once", outcome)


def rebuild(host: Host, name: str) -> int:
    """What `nixos-rebuild switch` runs once it has built a system that there is already; the exit
    code of the activation (nixpkgs, nixos-rebuild-ng, `nix.py`)."""
    path = look(host).path_of(name)
    host.run("nix-env", "--profile", PROFILE, "--set", path)
    unit = "--unit=nixos-rebuild-switch-to-configuration"
    return host.run(
        *("systemd-run", "--collect", "--no-ask-password", "--pipe", "--quiet", "--wait"),
        *("--service-type=exec", unit, f"{path}/bin/switch-to-configuration", "switch"),
        check=False,
    ).returncode


@pytest.mark.parametrize("step", ["intent", "keep"])
def test_nixos_rebuild_switches_before_we_activate(host: Host, record: Record, step: str) -> None:
    """What it has made stays."""
    before = look(host)
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    code = rebuild(host, "amber")
    theirs = look(host)
    gate.open()
    told = asked.end()
    state = settled(host, before)
    assert code == 0
    assert not told["success"], told
    assert told["kind"] == "MachineChanged" or "somebody else" in told["why"], told
    assert state.links() == theirs.links()
    assert name_of(state.current) == name_of(state.running) == "amber"
    assert unwell(state) == []
    record("nixos-rebuild switches before our activation", "theirs, and we said so")


def test_nixos_rebuild_comes_while_we_activate(host: Host, record: Record) -> None:
    """It moves the profile, and cannot activate: we leave its generation, and put back what ran."""
    before = look(host)
    gate = faults.gate(host, "blue", "test", "during")
    asked = Change(host, "rollback")
    gate.wait(asked)
    code = rebuild(host, "amber")
    gate.open()
    told = asked.end()
    state = settled(host, before)
    assert code == 1, "it has found switch-to-configuration's lock held"
    assert not told["success"], told
    assert told["kind"] == "MachineChanged" or "somebody else" in told["why"], told
    assert name_of(state.current) == "amber"
    assert (state.running, state.boot_default) == (before.running, before.boot_default)
    assert unwell(state) == []
    assert told["outcome"] == "failed" and state.journal[-1].outcome == "failed"
    record("nixos-rebuild during our activation", "profile theirs, the rest old, and we said so")

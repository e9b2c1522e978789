"""The main job on real Nix, old and new: list, diff, roll back, undo, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.backend.roots import list_backups
from luminous_nix_ipy.machine import Machine
from tests.provide.nix import NixPrograms

LIST, ROLLBACK, UNDO = (
    OperationType.LIST_GENERATIONS,
    OperationType.ROLLBACK,
    OperationType.UNDO,
)


@pytest.fixture
def machine(nix_programs: NixPrograms, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A playground that this Nix built."""
    monkeypatch.setenv("PATH", f"{nix_programs.bin_dir}{os.pathsep}{os.environ['PATH']}")
    yield asyncio.run(playground.start(real=True))
    asyncio.run(playground.stop())


@pytest.fixture
def backend(machine: Machine) -> NixBackend:
    return NixBackend(machine)


def execute(backend: NixBackend, kind: OperationType, **options: Any) -> NixResult:
    result = asyncio.run(backend.execute(NixOperation(kind, options=options)))
    assert result.success, result.error
    return result


def nix(machine: Machine, *argv: str) -> str:
    return subprocess.run(
        argv, env=machine.child_environment(), check=True, capture_output=True, text=True
    ).stdout


def says_current(machine: Machine, profile: str) -> int:
    """What Nix itself says is current."""
    lines = nix(machine, "nix-env", "--profile", profile, "--list-generations").splitlines()
    (line,) = [line for line in lines if "(current)" in line]
    return int(line.split()[0])


def test_a_system_goes_back_and_forth(machine: Machine, backend: NixBackend) -> None:
    number = says_current(machine, machine.system_profile)
    plan = asyncio.run(backend.plan(NixOperation(ROLLBACK)))
    assert plan.diff is not None and plan.diff.changes
    assert plan.units
    assert plan.reboot_needed is True and "kernel" in plan.reboot_reason
    result = execute(backend, ROLLBACK)
    assert says_current(machine, machine.system_profile) == number - 1
    running = os.readlink(machine.current_system)
    assert running == os.readlink(f"{machine.system_profile}-{number - 1}-link")
    assert result.data["report"].plan.diff == plan.diff
    execute(backend, UNDO)
    assert says_current(machine, machine.system_profile) == number


@pytest.mark.parametrize("profile", ["profile", "home-manager"])
def test_the_users_own_profiles(machine: Machine, backend: NixBackend, profile: str) -> None:
    listed = execute(backend, LIST, profile=profile).data
    numbers = [g.number for g in listed["generations"]]
    execute(backend, ROLLBACK, profile=profile)
    assert says_current(machine, listed["profile"].path) == numbers[1]
    after = execute(backend, LIST, profile=profile).data["generations"]
    assert [g.number for g in after] == numbers
    execute(backend, UNDO, profile=profile)
    assert says_current(machine, listed["profile"].path) == numbers[0]


def test_the_collector_takes_nothing_that_undo_needs(machine: Machine, backend: NixBackend) -> None:
    number = says_current(machine, machine.system_profile)
    path = os.readlink(f"{machine.system_profile}-{number}-link")
    execute(backend, ROLLBACK)
    # The links that keep it besides our root: its own, and the booted system's.
    nix(machine, "nix-env", "--profile", machine.system_profile, "--delete-generations", "old")
    os.unlink(machine.booted_system)
    nix(machine, "nix-store", "--gc")
    assert os.path.exists(f"{path}/bin/switch-to-configuration")
    result = execute(backend, UNDO)
    # Only one generation was left, so the path comes back with the number after it.
    assert os.path.realpath(machine.system_profile) == path
    assert os.readlink(machine.current_system) == path
    assert says_current(machine, machine.system_profile) == result.data["current"]


def test_when_backups_are_dropped_the_collector_may_have_them(
    machine: Machine, backend: NixBackend
) -> None:
    for target in (4, 5, 4, 5, 4):
        execute(backend, ROLLBACK, generation=target)
    assert len(list_backups(machine)) == 3
    roots = nix(machine, "nix-store", "--gc", "--print-roots")
    assert roots.count("gcroots/luminous-nix/") == 3


def test_without_rights_to_the_roots_folder_nix_is_asked_for_an_indirect_root(
    machine: Machine, backend: NixBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = os.access

    def access(path: str, mode: int) -> bool:
        closed = mode == os.W_OK and str(path).startswith(machine.gcroots_dir)
        return not closed and may(path, mode)

    monkeypatch.setattr(os, "access", access)
    result = execute(backend, ROLLBACK, profile="profile")
    backup = result.data["backup"]
    assert backup.root.startswith(machine.user_state_dir)
    assert os.readlink(backup.root) == backup.path
    assert backup.root in nix(machine, "nix-store", "--gc", "--print-roots")
    assert result.data["report"].commands[0].argv[0] == "nix-store"
    execute(backend, UNDO, profile="profile")


def test_both_readers_make_the_same_plan(machine: Machine) -> None:
    from luminous_nix_ipy.backend.backend import EnhancedNativeNixBackend, NativeNixBackend

    plans = [
        asyncio.run(kind(machine).plan(NixOperation(ROLLBACK)))
        for kind in (EnhancedNativeNixBackend, NativeNixBackend)
    ]
    assert plans[0].target == plans[1].target
    assert plans[0].checks == plans[1].checks
    assert plans[0].diff is not None and plans[1].diff is not None
    names = [{(c.name, c.change, c.delta_bytes) for c in p.diff.changes} for p in plans if p.diff]
    assert names[0] == names[1]


def test_a_damaged_database_falls_back_to_nix_or_says_so(
    machine: Machine, backend: NixBackend
) -> None:
    """Whatever the database is like, a list is a list, since it comes from the links."""
    os.rename(machine.database, machine.database + ".away")
    with open(machine.database, "wb") as file:
        file.write(b"this is not a database" * 100)
    listed = execute(backend, LIST).data["generations"]
    assert len(listed) == 5
    result = asyncio.run(backend.execute(NixOperation(OperationType.DIFF)))
    assert not result.success
    assert "database" in str(result.error)
    os.replace(machine.database + ".away", machine.database)
    execute(backend, OperationType.DIFF)

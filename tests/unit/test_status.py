"""The machine at a glance, in the states that a machine gets into."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType, Status
from luminous_nix_ipy.machine import Machine
from tests.playground import simulated


@pytest.fixture(scope="module")
def playground_machine() -> Iterator[Machine]:
    with simulated() as machine:
        yield machine


@pytest.fixture
def machine(playground_machine: Machine) -> Iterator[Machine]:
    links = (playground_machine.current_system, playground_machine.booted_system)
    before = [os.readlink(link) for link in links]
    yield playground_machine
    for link, target in zip(links, before, strict=True):
        lead(link, target)


def lead(link: str, target: str) -> None:
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(target, link)


def status(machine: Machine) -> Status:
    result = asyncio.run(NixBackend(machine).execute(NixOperation(OperationType.STATUS)))
    assert result.success, result.error
    found: Status = result.data["status"]
    return found


def path_of(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


def test_all_the_same(machine: Machine) -> None:
    found = status(machine)
    assert (found.current, found.running, found.booted) == (5, 5, 5)
    assert found.differ == ()
    assert found.reboot_needed is False


def test_an_older_one_was_booted(machine: Machine) -> None:
    lead(machine.booted_system, path_of(machine, 4))
    found = status(machine)
    assert (found.current, found.running, found.booted) == (5, 5, 4)
    assert found.differ == ("generation 4 is booted, not the current one, 5",)
    assert found.reboot_needed is True and "kernel" in found.reboot_reason


def test_a_specialisation_runs(machine: Machine) -> None:
    folder = f"{path_of(machine, 5)}/specialisation"
    (name,) = os.listdir(folder)
    lead(machine.current_system, os.path.realpath(f"{folder}/{name}"))
    found = status(machine)
    assert found.running == 5
    assert found.differ == ("a specialisation of generation 5 is running",)


def test_a_system_of_no_generation_runs(machine: Machine) -> None:
    strange = f"{machine.store_dir}/{'0' * 32}-nixos-system-of-somebody"
    lead(machine.current_system, strange)
    found = status(machine)
    assert found.running is None and found.running_path == strange
    assert found.differ == (
        f"a system of no generation, {strange}, is running, not the current one, 5",
    )


def test_no_system_runs_from_nix(machine: Machine) -> None:
    for link in (machine.current_system, machine.booted_system):
        os.unlink(link)
    found = status(machine)
    assert (found.running, found.booted, found.reboot_needed) == (None, None, None)
    assert found.differ == ()

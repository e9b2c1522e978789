"""Changes whose checks say something, on real Nix: specialisations kept, red checks passed over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.machine import Machine
from tests.held_lock import held
from tests.provide.nix import NixPrograms

ROLLBACK = OperationType.ROLLBACK
ON_BATTERY = "on-battery"
NEEDS_REBOOT, PREVIOUS, NEWEST = 2, 5, 6


@pytest.fixture(scope="module")
def machine(nix_programs: NixPrograms) -> Iterator[Machine]:
    """A playground of six generations, of which the newest two have a specialisation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{nix_programs.bin_dir}{os.pathsep}{os.environ['PATH']}")
        made = asyncio.run(playground.start(6, real=True))
        yield made
        machines.use(made)
        asyncio.run(playground.stop())


@pytest.fixture
def backend(machine: Machine) -> NixBackend:
    backend = NixBackend(machine)
    done(backend, generation=NEWEST, specialisation="")
    return backend


def roll_back(backend: NixBackend, **options: Any) -> NixResult:
    return asyncio.run(backend.execute(NixOperation(ROLLBACK, options=options)))


def done(backend: NixBackend, **options: Any) -> NixResult:
    result = roll_back(backend, **options)
    assert result.success, result.error
    return result


def path_of(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


def special(machine: Machine, number: int) -> str:
    return os.path.realpath(f"{path_of(machine, number)}/specialisation/{ON_BATTERY}")


def state(machine: Machine) -> tuple[str, str, str]:
    """The profile's generation, what runs, and what the boot loader starts."""
    return (
        os.readlink(machine.system_profile),
        os.readlink(machine.current_system),
        Path(machine.boot_dir, "loader/loader.conf").read_text().strip(),
    )


def test_a_specialisation_that_runs_is_kept(machine: Machine, backend: NixBackend) -> None:
    done(backend, generation=NEWEST, mode="test", specialisation=ON_BATTERY)
    before = state(machine)
    assert before[1] == special(machine, NEWEST)
    done(backend, generation=PREVIOUS)
    assert state(machine) == (
        f"system-{PREVIOUS}-link",
        special(machine, PREVIOUS),
        f"default nixos-generation-{PREVIOUS}.conf",
    )
    asyncio.run(backend.execute(NixOperation(OperationType.UNDO)))
    assert state(machine) == before


def test_another_choice_is_made(machine: Machine, backend: NixBackend) -> None:
    done(backend, generation=PREVIOUS, specialisation=ON_BATTERY)
    assert state(machine)[1] == special(machine, PREVIOUS)
    done(backend, generation=NEWEST, specialisation="")
    assert state(machine)[:2] == (f"system-{NEWEST}-link", path_of(machine, NEWEST))


def test_a_target_without_it_runs_itself(machine: Machine, backend: NixBackend) -> None:
    done(backend, generation=NEWEST, specialisation=ON_BATTERY)
    result = done(backend, generation=1)
    assert state(machine)[:2] == ("system-1-link", path_of(machine, 1))
    rows = {check.name: check.verdict for check in result.data["plan"].checks}
    assert rows["specialisation"] == "warning"


def test_another_activation_stops_it(machine: Machine, backend: NixBackend) -> None:
    before = state(machine)
    folder = Path(machine.run_dir, "nixos")
    folder.mkdir(exist_ok=True)
    with held(folder / "switch-to-configuration.lock") as process:
        error = roll_back(backend).data["exception"]
    assert isinstance(error, Refused)
    assert f"process {process}" in error.why
    assert state(machine) == before
    done(backend)


def test_a_red_check_that_is_passed_over(machine: Machine, backend: NixBackend) -> None:
    error = roll_back(backend, generation=NEEDS_REBOOT).data["exception"]
    assert isinstance(error, Refused) and "live switch" in error.why
    done(backend, generation=NEEDS_REBOOT, force=["live switch"])
    assert state(machine)[:2] == (f"system-{NEEDS_REBOOT}-link", path_of(machine, NEEDS_REBOOT))
    done(backend, generation=NEWEST, force=["live switch"])
    assert state(machine)[1] == path_of(machine, NEWEST)

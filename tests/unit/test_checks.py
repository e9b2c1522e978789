"""The checks that need no machine: the others are tested with the changes that they stop."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy import machine
from luminous_nix_ipy.backend import checks_system
from luminous_nix_ipy.records import UnitChange
from luminous_nix_ipy.store.system import own_unit

UNITS = (UnitChange("jupyter.service", "restart"), UnitChange("sshd.service", "reload"))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/jupyter.service\n", "jupyter.service"),
        ("1:name=systemd:/system.slice/jupyter.service\n0::/\n", "jupyter.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/lab.service\n", "lab.service"),
        ("0::/user.slice/user-1000.slice/session-1.scope\n", None),
        ("4:memory:/x.service\n0::/\n", None),
        ("nonsense\n", None),
        ("", None),
    ],
)
def test_the_service_that_this_kernel_runs_in(tmp_path: Path, text: str, unit: str | None) -> None:
    cgroups = tmp_path / "cgroup"
    cgroups.write_text(text)
    assert own_unit(str(cgroups)) == unit


def test_without_control_groups_it_is_in_none(tmp_path: Path) -> None:
    assert own_unit(str(tmp_path / "cgroup")) is None


@pytest.mark.parametrize(
    ("unit", "verdicts"),
    [("jupyter.service", ["warning"]), ("sshd.service", ["ok"]), ("x.service", ["ok"]), (None, [])],
)
def test_a_switch_that_ends_its_own_kernel_is_told(
    monkeypatch: pytest.MonkeyPatch, unit: str | None, verdicts: list[str]
) -> None:
    monkeypatch.setattr(checks_system, "own_unit", lambda: unit)
    rows = checks_system.own_unit_check(machine.local(), UNITS)
    assert [row.verdict for row in rows] == verdicts
    here = msgspec.structs.replace(machine.local(), playground="/tmp/playground")
    assert checks_system.own_unit_check(here, UNITS) == ()

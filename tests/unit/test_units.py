"""What switch-to-configuration says about units."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy.backend.units import failed_units, unit_changes, with_logs
from luminous_nix_ipy.records import UnitChange
from tests.stand_in_systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


def test_a_dry_activation() -> None:
    output = """would stop the following units: old.service, older.timer
would NOT stop the following changed units: display-manager.service
would activate the configuration...
would restart systemd
would reload the following units: nginx.service
would restart the following units: sshd.service
would start the following units: new.service
would NOT restart the following changed units as well: getty@tty1.service
"""
    assert unit_changes(output) == (
        UnitChange("old.service", "stop"),
        UnitChange("older.timer", "stop"),
        UnitChange("display-manager.service", "not restarted"),
        UnitChange("nginx.service", "reload"),
        UnitChange("sshd.service", "restart"),
        UnitChange("new.service", "start"),
        UnitChange("getty@tty1.service", "not restarted"),
    )


def test_an_activation() -> None:
    output = """stopping the following units: a.service
NOT restarting the following changed units: b.service
activating the configuration...
reloading user units for alice...
restarting the following units: c.service
reloading the following units: d.service
starting the following units: e.service
the following new units were started: f.service
warning: the following units failed: c.service, e.service
"""
    assert [(c.unit, c.action) for c in unit_changes(output)] == [
        ("a.service", "stopped"),
        ("b.service", "not restarted"),
        ("c.service", "restarted"),
        ("d.service", "reloaded"),
        ("e.service", "started"),
        ("f.service", "started"),
        ("c.service", "failed"),
        ("e.service", "failed"),
    ]
    assert failed_units(output) == ("c.service", "e.service")


def test_units_of_a_session_are_told_from_the_systems() -> None:
    output = """restarting the following user units: nixos-activation.service
NOT restarting (post-activation) the following user units: pipewire.service
would start the following user units: new.service
restarting the following units: nixos-activation.service
"""
    of_a_user = "in the session of a user"
    assert unit_changes(output) == (
        UnitChange("nixos-activation.service", "restarted", of_a_user),
        UnitChange("pipewire.service", "not restarted", of_a_user),
        UnitChange("new.service", "start", of_a_user),
        UnitChange("nixos-activation.service", "restarted"),
    )


def test_other_text_names_no_unit() -> None:
    other = "restarting sysinit-reactivation.target\nhello\nstopping swap device: /dev/sda2\n"
    assert unit_changes(other) == ()
    assert unit_changes("would stopping the following units: a.service") == ()
    assert failed_units("all is well") == ()


def test_failed_units_come_with_the_end_of_their_journal(systemd: Systemd) -> None:
    systemd.journal["c.service"] = [f"line {number}" for number in range(30)]
    systemd.tell()
    told = (
        UnitChange("a.service", "stopped"),
        UnitChange("c.service", "failed"),
        UnitChange("silent.service", "failed"),
    )
    a, c, silent = asyncio.run(with_logs(systemd.machine, told))
    assert (a, silent) == (told[0], told[2])
    assert c.log == tuple(f"line {number}" for number in range(20, 30))
    assert not any("a.service" in asked for asked in systemd.asked())


def test_no_journal_is_asked_where_there_is_none(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = (UnitChange("c.service", "failed"),)
    playground = msgspec.structs.replace(systemd.machine, playground="/somewhere")
    elsewhere = msgspec.structs.replace(systemd.machine, run_dir="/nowhere")
    assert asyncio.run(with_logs(playground, failed)) == failed
    assert asyncio.run(with_logs(elsewhere, failed)) == failed
    assert systemd.asked() == []
    systemd.fail("Failed to open journal")
    assert asyncio.run(with_logs(systemd.machine, failed)) == failed
    assert len(systemd.asked()) == 1
    monkeypatch.setenv("PATH", "/nowhere")
    assert asyncio.run(with_logs(systemd.machine, failed)) == failed

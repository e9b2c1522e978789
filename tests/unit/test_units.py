"""What switch-to-configuration says about units."""

from __future__ import annotations

from luminous_nix_ipy.backend.units import failed_units, unit_changes
from luminous_nix_ipy.records import UnitChange


def test_a_dry_activation() -> None:
    output = """would stop the following units: old.service, older.timer
would activate the configuration...
would reload the following units: nginx.service
would restart the following units: sshd.service
would start the following units: new.service
would NOT restart the following changed units: display-manager.service
"""
    assert unit_changes(output) == (
        UnitChange("old.service", "stop"),
        UnitChange("older.timer", "stop"),
        UnitChange("nginx.service", "reload"),
        UnitChange("sshd.service", "restart"),
        UnitChange("new.service", "start"),
        UnitChange("display-manager.service", "not restarted"),
    )


def test_an_activation() -> None:
    output = """stopping the following units: a.service
NOT restarting the following changed units: b.service
activating the configuration...
restarting the following units: c.service
reloading the following units: d.service
starting the following units: e.service
the following new units were started: f.service
warning: the following units failed: c.service, e.service
"""
    assert [(c.unit, c.action) for c in unit_changes(output)] == [
        ("a.service", "stop"),
        ("b.service", "not restarted"),
        ("c.service", "restart"),
        ("d.service", "reload"),
        ("e.service", "start"),
        ("f.service", "start"),
    ]
    assert failed_units(output) == ("c.service", "e.service")


def test_other_text_names_no_unit() -> None:
    assert unit_changes("restarting sysinit-reactivation.target\nhello\n") == ()
    assert failed_units("all is well") == ()

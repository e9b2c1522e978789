"""Findings about settings, boot entries and playgrounds, and how they are shown."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from msgspec.structs import replace

from luminous_nix_ipy import nix
from luminous_nix_ipy.backend.examining import examine_roots
from luminous_nix_ipy.backend.examining_settings import examine_settings
from luminous_nix_ipy.backend.repair_model import RepairPlan
from luminous_nix_ipy.errors import NoConsent
from luminous_nix_ipy.machine import Machine, use
from luminous_nix_ipy.records import Check, Command, Finding
from luminous_nix_ipy.widgets.repairing import RepairPlanView
from tests.playground import simulated


def settings_of(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (tmp_path / "nix.conf").write_text(text)
    found = examine_settings(Machine(conf_dir=str(tmp_path)))
    assert all(f.reason.endswith(".") for f in found)
    return [(f.where.split(" =")[0], f.severity) for f in found]


@pytest.mark.parametrize(
    ("text", "name", "severity"),
    [
        ("sandbox = false", "sandbox", "warning"),
        ("build-use-sandbox = false", "build-use-sandbox", "warning"),
        ("max-jobs = 0", "max-jobs", "note"),
        ("max-jobs = 0\nbuilders =", "max-jobs", "problem"),
        ("substituters =", "substituters", "note"),
        ("trusted-public-keys =", "trusted-public-keys", "warning"),
        ("require-sigs = false", "require-sigs", "warning"),
        ("trusted-users = root *", "trusted-users", "warning"),
        ("extra-trusted-users = *", "extra-trusted-users", "warning"),
        ("auto-optimise-store = true", "auto-optimise-store", "note"),
        ("keep-outputs = true", "keep-outputs", "note"),
        ("gc-keep-outputs = true", "gc-keep-outputs", "note"),
    ],
)
def test_settings_that_bite(tmp_path: Path, text: str, name: str, severity: str) -> None:
    assert settings_of(tmp_path, text) == [(name, severity)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sandbox = true\nmax-jobs = auto\ntrusted-users = root @wheel\nkeep-outputs = false",
        "substituters =\nextra-substituters = https://it.example.org",
        "trusted-public-keys =\nextra-trusted-public-keys = it:x",
        "sandbox = relaxed",
    ],
)
def test_settings_that_do_not(tmp_path: Path, text: str) -> None:
    assert settings_of(tmp_path, text) == [(str(tmp_path / "nix.conf"), "ok")]


def test_a_playground_without_nix_is_examined_and_mended() -> None:
    with simulated() as machine:
        use(machine)
        frame = nix.doctor(check=True)
        assert list(frame.columns) == ["what", "severity", "where", "reason", "repair"]
        assert "PLAYGROUND" in frame.attrs["caption"]
        assert not frame.severity.eq("problem").any(), repr(frame)
        link = machine.system_profile
        target = os.readlink(link)
        os.unlink(link)
        os.symlink(f"{machine.profiles_dir}/{target}", link)
        stale = Path(machine.boot_dir, "loader/entries/nixos-generation-99.conf")
        stale.write_text("title NixOS\n")
        plan = nix.repair(dry_run=True)
        assert os.readlink(link).startswith("/") and stale.exists()
        assert "--switch-generation" in repr(plan) and "boot" in repr(plan)
        with pytest.raises(NoConsent, match="Nobody can be asked"):
            nix.repair()
        report = nix.repair(yes=True)
        assert report.report.outcome == "done"
        assert os.readlink(link) == target and not stale.exists()
        assert "it is well now" in repr(report).lower()
        assert "Nothing to repair" in repr(nix.repair())


def test_of_many_stale_roots_some_are_named_and_the_others_counted() -> None:
    with simulated() as made:
        auto = Path(made.gcroots_dir, "auto")
        auto.mkdir(exist_ok=True)
        for number in range(5):
            (auto / f"gone{number}").symlink_to(f"/nowhere/result-{number}")
            (told,) = (f.reason for f in examine_roots(made) if f.what == "stale gc roots")
            assert told.count("→") == min(number + 1, 3)
            assert told.endswith(f"; and {number - 2} more." if number > 2 else f"-{number}.")


def test_doctor_and_repair_speak_json_and_go_on_beside_the_notebook() -> None:
    with simulated() as machine:
        use(machine)
        Path(machine.boot_dir, "loader/entries/nixos-generation-99.conf").write_text("title x\n")
        findings = json.loads(repr(nix.doctor(json=True)))
        assert {f["severity"] for f in findings} >= {"ok", "warning"}
        (stale,) = (f for f in findings if "generation 99" in f["reason"])
        assert stale["command"]["argv"][-1] == "boot"
        job = nix.doctor(bg=True)
        assert list(job.result(30).columns)[:2] == ["what", "severity"]
        plan = json.loads(repr(nix.repair(dry_run=True, json=True)))
        assert plan["commands"][0]["argv"] == stale["command"]["argv"]
        with pytest.raises(UsageError, match="repair --bg asks nobody"):
            nix.repair(bg=True)
        planned = nix.repair(bg=True, dry_run=True).result(30)
        assert planned.plan.commands
        report = json.loads(repr(nix.repair(bg=True, yes=True, json=True).result(30)))
        assert report["outcome"] == "done"
        assert json.loads(repr(nix.repair(json=True)))["nothing_to_do"]


def test_a_path_that_is_gone_is_not_to_be_had_without_nix() -> None:
    with simulated() as machine:
        use(machine)
        path = os.path.realpath(f"{machine.system_profile}-1-link")
        os.rename(path, f"{path}-elsewhere")
        try:
            plan = nix.repair(dry_run=True).plan
            assert not any("nix-store" in command.argv for command in plan.commands)
            (check,) = plan.checks
            assert path in check.name and "no Nix" in check.reason
        finally:
            os.rename(f"{path}-elsewhere", path)


def test_a_plan_shows_what_is_bad_and_escapes_it() -> None:
    command = Command(("nix-store", "--repair-path", "/nix/store/x"), "build x anew")
    bad = Finding("store path", "problem", "/nix/store/<x>", "it changed", command=command)
    note = Finding("gc root", "note", "/link", "it is stale")
    plan = RepairPlan(
        findings=(bad, note), commands=(command,), checks=(Check("x", "warning", "left out"),)
    )
    view = RepairPlanView(plan)
    assert "It changed." in repr(view) and "/link" not in repr(view)
    assert "&lt;x&gt;" in view._repr_html_() and "<x>" not in view._repr_html_()
    assert list(view.findings.repair) == ["nix-store --repair-path /nix/store/x", ""]
    assert len(view.checks) == len(view.commands) == 1
    idle = replace(plan, findings=(note,), commands=(), checks=(), nothing_to_do=True)
    assert repr(RepairPlanView(idle)).startswith("Nothing to repair: all is well")


def test_an_unknown_machine_has_findings_and_no_error(tmp_path: Path) -> None:
    from luminous_nix_ipy.backend.backend import NixBackend
    from luminous_nix_ipy.backend.model import NixOperation, OperationType

    machine = Machine(
        **{
            name: str(tmp_path / name)
            for name in ("store_dir", "state_dir", "conf_dir", "run_dir", "boot_dir", "etc_dir")
        },
        home=str(tmp_path),
        user_state_dir=str(tmp_path / "state"),
    )
    result = asyncio.run(NixBackend(machine).execute(NixOperation(OperationType.DOCTOR)))
    assert result.success
    first = result.data["findings"][0]
    assert (first.what, first.severity) == ("database", "problem")

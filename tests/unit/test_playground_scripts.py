"""The scripts of a playground's generations: what they do, say and refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.units import failed_units, unit_changes
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.playground import layout
from luminous_nix_ipy.playground.profiles import delete_generations, switch_generation
from luminous_nix_ipy.records import UnitChange
from tests.playground import simulated

_DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "reload": "reloaded"}
_DONE["not restarted"] = "not restarted"
GENERATIONS = 6
NEEDS_REBOOT, ACTIVATION_FAILS, UNIT_FAILS, PREVIOUS, NEWEST = range(2, 7)


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated(GENERATIONS) as machine:
        yield machine


@pytest.fixture
def machine(made: Machine) -> Machine:
    """The playground as it is when it starts, but without a boot menu."""
    switch_generation(made, made.system_profile, NEWEST)
    run_newest(made)
    shutil.rmtree(made.boot_dir)
    os.mkdir(made.boot_dir)
    Path(layout.activations_log(made)).unlink(missing_ok=True)
    return made


def run_newest(machine: Machine) -> None:
    os.unlink(machine.current_system)
    os.symlink(system(machine, NEWEST), machine.current_system)


def system(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


def switch(
    machine: Machine, number: int, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"{system(machine, number)}/bin/switch-to-configuration", *words],
        env=machine.child_environment() if env is None else env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def boot_entries(machine: Machine) -> list[str]:
    return sorted(os.listdir(f"{machine.boot_dir}/loader/entries"))


def boot_default(machine: Machine) -> str:
    return Path(machine.boot_dir, "loader/loader.conf").read_text()


def test_test_makes_it_run_and_leaves_profile_and_boot_menu_alone(machine: Machine) -> None:
    done = switch(machine, PREVIOUS, "test")
    assert done.returncode == 0
    assert os.readlink(machine.current_system) == system(machine, PREVIOUS)
    assert os.readlink(machine.system_profile) == f"system-{NEWEST}-link"
    assert os.listdir(machine.boot_dir) == []
    assert sorted(os.listdir(machine.run_dir)) == ["booted-system", "current-system"]


def test_boot_writes_the_menu_and_runs_nothing(machine: Machine) -> None:
    done = switch(machine, PREVIOUS, "boot")
    assert (done.returncode, done.stderr) == (0, "")
    assert os.readlink(machine.current_system) == system(machine, NEWEST)
    assert boot_entries(machine) == [f"nixos-generation-{n}.conf" for n in range(1, 7)]
    assert boot_default(machine) == f"default nixos-generation-{PREVIOUS}.conf\n"
    entry = Path(machine.boot_dir, "loader/entries/nixos-generation-1.conf").read_text()
    version = Path(system(machine, 1), "nixos-version").read_text()
    assert f"version Generation 1 NixOS {version}\n" in entry


def test_switch_does_both(machine: Machine) -> None:
    assert switch(machine, PREVIOUS, "switch").returncode == 0
    assert os.readlink(machine.current_system) == system(machine, PREVIOUS)
    assert boot_default(machine) == f"default nixos-generation-{PREVIOUS}.conf\n"


def test_a_deleted_generation_leaves_the_menu(machine: Machine) -> None:
    switch(machine, NEWEST, "boot")
    link = f"{machine.system_profile}-1-link"
    path = os.readlink(link)
    delete_generations(machine, machine.system_profile, [1])
    try:
        assert switch(machine, NEWEST, "boot").returncode == 0
        assert "nixos-generation-1.conf" not in boot_entries(machine)
    finally:
        os.symlink(path, link)


def test_the_default_is_the_profiles_generation_where_two_are_the_same(machine: Machine) -> None:
    link = f"{machine.system_profile}-7-link"
    os.symlink(system(machine, NEWEST), link)
    try:
        assert switch(machine, NEWEST, "boot").returncode == 0
        assert boot_default(machine) == f"default nixos-generation-{NEWEST}.conf\n"
        switch_generation(machine, machine.system_profile, 7)
        assert switch(machine, NEWEST, "boot").returncode == 0
        assert boot_default(machine) == "default nixos-generation-7.conf\n"
        switch_generation(machine, machine.system_profile, NEWEST)
    finally:
        os.unlink(link)


def test_dry_activate_previews_what_test_then_does(machine: Machine) -> None:
    expected = {
        UnitChange("podman.service", "stop"),
        UnitChange("systemd-logind.service", "not restarted"),
        UnitChange("nginx.service", "reload"),
        UnitChange("postgresql.service", "restart"),
        UnitChange("prometheus-node-exporter.service", "restart"),
        UnitChange("docker.service", "start"),
    }
    preview = switch(machine, PREVIOUS, "dry-activate")
    assert preview.returncode == 0
    assert {c for c in unit_changes(preview.stderr) if c.unit != "sshd.service"} == expected
    assert "would " in preview.stderr
    assert os.readlink(machine.current_system) == system(machine, NEWEST)
    done = switch(machine, PREVIOUS, "test").stderr
    assert "would " not in done
    assert "the following new units were started: docker.service" in done.splitlines()
    assert {(c.unit, _DONE[c.action]) for c in unit_changes(preview.stderr)} == {
        (c.unit, c.action) for c in unit_changes(done)
    }


def test_to_what_runs_already_nothing_changes(machine: Machine) -> None:
    done = switch(machine, NEWEST, "dry-activate")
    assert unit_changes(done.stderr) == ()


def test_a_failing_activation_exits_2_and_the_system_runs_all_the_same(machine: Machine) -> None:
    done = switch(machine, ACTIVATION_FAILS, "test")
    assert done.returncode == 2
    assert "activation script failed" in done.stderr.splitlines()
    assert os.readlink(machine.current_system) == system(machine, ACTIVATION_FAILS)


def test_failing_units_exit_4_and_are_named(machine: Machine) -> None:
    done = switch(machine, UNIT_FAILS, "test")
    assert done.returncode == 4
    assert failed_units(done.stderr) == ("postgresql.service",)
    assert os.readlink(machine.current_system) == system(machine, UNIT_FAILS)


def test_what_needs_a_reboot_is_refused_live_and_taken_at_boot(machine: Machine) -> None:
    for action in ("check", "test", "switch"):
        done = switch(machine, NEEDS_REBOOT, action)
        assert done.returncode == 1
        assert "without a reboot" in done.stderr
    assert os.readlink(machine.current_system) == system(machine, NEWEST)
    assert switch(machine, NEEDS_REBOOT, "boot").returncode == 0
    told = {**machine.child_environment(), "NIXOS_NO_CHECK": "1"}
    assert switch(machine, NEEDS_REBOOT, "test", env=told).returncode == 0


def test_check_changes_nothing(machine: Machine) -> None:
    assert switch(machine, PREVIOUS, "check").returncode == 0
    assert os.readlink(machine.current_system) == system(machine, NEWEST)


@pytest.mark.parametrize("words", [[], ["frob"], ["switch", "now"]])
def test_a_wrong_usage_is_told(machine: Machine, words: list[str]) -> None:
    done = switch(machine, PREVIOUS, *words)
    assert done.returncode == 1
    assert "usage: " in done.stderr
    assert not os.path.exists(layout.activations_log(machine))


def test_each_call_is_logged_with_what_it_was_told(machine: Machine) -> None:
    told = {**machine.child_environment(), "NIXOS_INSTALL_BOOTLOADER": "1"}
    switch(machine, PREVIOUS, "dry-activate", env=told)
    switch(machine, UNIT_FAILS, "test")
    lines = Path(layout.activations_log(machine)).read_text().splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        [
            f"{system(machine, PREVIOUS)}/bin/switch-to-configuration dry-activate",
            "NIXOS_INSTALL_BOOTLOADER=1 NIXOS_NO_CHECK=",
        ],
        [
            f"{system(machine, UNIT_FAILS)}/bin/switch-to-configuration test",
            "NIXOS_INSTALL_BOOTLOADER= NIXOS_NO_CHECK=",
        ],
    ]


def test_the_specialisation_can_be_switched_to(machine: Machine) -> None:
    special = f"{system(machine, NEWEST)}/specialisation/on-battery"
    done = subprocess.run(
        [f"{special}/bin/switch-to-configuration", "test"], env=machine.child_environment()
    )
    assert done.returncode == 0
    assert os.readlink(machine.current_system) == os.readlink(special)
    params = Path(machine.current_system, "kernel-params").read_text()
    assert "powersave" in params


def test_home_managers_activate_links_its_files_and_takes_stale_ones_away(
    machine: Machine,
) -> None:
    home, profile = Path(machine.home), layout.home_profile(machine)

    def activate(number: int) -> None:
        program = f"{os.readlink(f'{profile}-{number}-link')}/activate"
        subprocess.run([program], env=machine.child_environment(), check=True)

    activate(2)
    assert (home / ".config/helix/config.toml").read_text() == 'theme = "onedark"\n'
    assert "rebase" in (home / ".config/git/config").read_text()
    (home / ".config/git/mine").write_text("kept")
    activate(1)
    assert not os.path.lexists(home / ".config/helix/config.toml")
    assert "rebase" not in (home / ".config/git/config").read_text()
    assert (home / ".config/git/mine").read_text() == "kept"


def test_nixos_version_tells_what_is_baked_in(machine: Machine) -> None:
    program = f"{machine.current_system}/sw/bin/nixos-version"

    def ask(*words: str) -> str:
        return subprocess.run([program, *words], capture_output=True, text=True).stdout.strip()

    version = Path(machine.current_system, "nixos-version").read_text()
    assert ask() == f"{version} (Yarara)"
    assert f'"configurationRevision": "{ask("--configuration-revision")}"' in ask("--json")
    assert ask("--hash")[:12] == version.rpartition(".")[2]


VARIABLES = ("ROOT", "RUN_DIR", "BOOT_DIR", "PROFILE", "HOME", "LOG")


@pytest.mark.parametrize("script", ["bin/switch-to-configuration", "activate"])
@pytest.mark.parametrize("wrong", ["none", *VARIABLES, *(f"{name} outside" for name in VARIABLES)])
def test_without_the_playgrounds_variables_the_scripts_refuse(
    machine: Machine, tmp_path: Path, script: str, wrong: str
) -> None:
    env = machine.child_environment()
    name, _, outside = wrong.partition(" ")
    for variable in VARIABLES:
        if wrong == "none" or (variable == name and not outside):
            del env[f"LUMINOUS_PLAYGROUND_{variable}"]
    if outside:
        env[f"LUMINOUS_PLAYGROUND_{name}"] = str(tmp_path)
    refuse(machine, script, env, tmp_path)


@pytest.mark.parametrize("wrong", ["/../..", "/.."])
def test_a_path_that_leads_out_again_is_refused(
    machine: Machine, tmp_path: Path, wrong: str
) -> None:
    env = machine.child_environment()
    env["LUMINOUS_PLAYGROUND_RUN_DIR"] = f"{machine.run_dir}{wrong}"
    refuse(machine, "bin/switch-to-configuration", env, tmp_path)


def test_another_playgrounds_scripts_refuse(machine: Machine, tmp_path: Path) -> None:
    """Even where all variables agree, and that folder carries a marker too."""
    other = layout.machine_in(str(tmp_path), simulated=True)
    shutil.copy(Path(machine.playground or "", ".luminous-nix-playground"), tmp_path)
    refuse(machine, "activate", other.child_environment(), tmp_path)


def test_a_folder_without_the_marker_is_refused(machine: Machine) -> None:
    marker = Path(machine.playground or "", ".luminous-nix-playground")
    text = marker.read_text()
    marker.unlink()
    try:
        refuse(machine, "bin/switch-to-configuration", machine.child_environment(), None)
    finally:
        marker.write_text(text)


def refuse(machine: Machine, script: str, env: Mapping[str, str], untouched: Path | None) -> None:
    home = os.readlink(f"{layout.home_profile(machine)}-2-link")
    folder = home if script == "activate" else system(machine, PREVIOUS)
    before = sorted(untouched.rglob("*")) if untouched else None
    done = subprocess.run([f"{folder}/{script}", "switch"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, "one sentence"
    assert os.readlink(machine.current_system) == system(machine, NEWEST)
    assert os.listdir(machine.boot_dir) == []
    assert untouched is None or sorted(untouched.rglob("*")) == before


def test_the_scripts_need_nothing_but_coreutils(machine: Machine, tmp_path: Path) -> None:
    for program in ("cat", "cp", "date", "ln", "mkdir", "mv", "readlink", "rm"):
        os.symlink(shutil.which(program) or "", tmp_path / program)
    env = {**machine.child_environment(), "PATH": str(tmp_path)}
    done = switch(machine, PREVIOUS, "switch", env=env)
    assert (done.returncode, "not found" in done.stderr) == (0, False)
    assert boot_default(machine) == f"default nixos-generation-{PREVIOUS}.conf\n"

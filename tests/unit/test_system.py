"""What runs, what was booted, and what a switch would need."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Profile
from luminous_nix_ipy.store.system import (
    boot_folder,
    booted_path,
    changed_inhibitors,
    free_bytes,
    is_nixos,
    link_is_relative,
    os_name,
    read_inhibitors,
    reboot_reason,
    running_path,
)
from tests.fake_system import add_path, add_system, make_machine, store_path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path, playground=str(tmp_path))


def test_running_and_booted_are_the_links_targets(machine: Machine) -> None:
    assert (running_path(machine), booted_path(machine)) == (None, None)
    os.symlink("/x/running", machine.current_system)
    os.symlink("/x/booted", machine.booted_system)
    assert (running_path(machine), booted_path(machine)) == ("/x/running", "/x/booted")


@pytest.mark.parametrize(
    ("target", "relative"),
    [("system-1-link", True), ("/nix/var/nix/profiles/system-1-link", False), (None, None)],
)
def test_link_is_relative(machine: Machine, target: str | None, relative: bool | None) -> None:
    if target is not None:
        os.symlink(target, machine.system_profile)
    assert link_is_relative(Profile("system", machine.system_profile, "system")) is relative


def test_the_same_parts_need_no_reboot(machine: Machine) -> None:
    booted, target = add_system(machine, "25.11"), add_system(machine, "26.05")
    assert reboot_reason(booted, target)[0] is False


def test_another_kernel_needs_a_reboot_and_is_named(machine: Machine) -> None:
    booted = add_system(machine, "25.11", "6.6.30")
    target = add_system(machine, "26.05", "6.12.1")
    needed, why = reboot_reason(booted, target)
    assert needed is True
    assert why == "Changed since boot: kernel (6.6.30 → 6.12.1), initrd, kernel-modules."


def test_a_rebuilt_kernel_of_the_same_version_needs_a_reboot(machine: Machine) -> None:
    rebuilt = add_path(machine, "linux-6.6.30-patched", {"bzImage": ""})
    booted = add_system(machine, "25.11")
    target = add_system(machine, "26.05", "6.6.30", kernel=f"-> {rebuilt}/bzImage")
    assert reboot_reason(booted, target) == (True, "Changed since boot: kernel.")


def test_another_systemd_needs_a_reboot_and_is_named(machine: Machine) -> None:
    systemd = add_path(machine, "systemd-258.1")
    booted = add_system(machine, "25.11")
    target = add_system(machine, "26.05", systemd=f"-> {systemd}")
    assert reboot_reason(booted, target) == (
        True,
        "Changed since boot: systemd (257.8 → 258.1).",
    )


@pytest.mark.parametrize(("content", "needed"), [("6.6.30", False), ("6.6.31", True)])
def test_parts_that_are_no_links_are_compared_by_content(
    machine: Machine, content: str, needed: bool
) -> None:
    booted = add_system(machine, "25.11", "6.6.30", kernel="6.6.30")
    target = add_system(machine, "26.05", "6.6.30", kernel=content)
    assert reboot_reason(booted, target)[0] is needed


@pytest.mark.parametrize(("version", "needed"), [("6.6.30", False), ("6.6.31", True)])
def test_folders_are_compared_by_the_names_below(
    machine: Machine, version: str, needed: bool
) -> None:
    def system(name: str, modules: str) -> str:
        return add_path(machine, name, {f"kernel-modules/lib/modules/{modules}/x.ko": ""})

    assert reboot_reason(system("a", "6.6.30"), system("b", version))[0] is needed


def test_a_part_that_only_one_has_differs(machine: Machine) -> None:
    booted, target = add_system(machine, "25.11"), add_system(machine, "26.05", initrd="absent")
    assert reboot_reason(booted, target) == (True, "Changed since boot: initrd.")


def test_parts_that_cannot_be_read_are_unknown_never_guessed(machine: Machine) -> None:
    loop = store_path(machine, "loop")
    os.symlink(loop, loop)
    needed, why = reboot_reason(add_system(machine, "25.11"), loop)
    assert needed is None
    assert f"initrd ({loop}/initrd: Too many levels of symbolic links)" in why


def test_nothing_booted_from_nix_is_unknown(machine: Machine) -> None:
    assert reboot_reason(None, add_system(machine, "25.11"))[0] is None


def test_inhibitors_in_both_formats(machine: Machine) -> None:
    systemd, dbus = store_path(machine, "systemd-257.8"), store_path(machine, "dbus-1.14")
    lines = add_path(machine, "lines", {"switch-inhibitors": f"{systemd}\n{dbus}"})
    told = {"systemd": "257.8", "dbus-implementation": "dbus"}
    json_file = add_path(machine, "json", {"switch-inhibitors": json.dumps(told)})
    assert read_inhibitors(lines) == {"systemd": systemd, "dbus": dbus}
    assert read_inhibitors(json_file) == told
    assert read_inhibitors(add_path(machine, "none")) == {}
    assert read_inhibitors(add_path(machine, "empty", {"switch-inhibitors": ""})) == {}


@pytest.mark.parametrize("content", ['{"a": 3}', "{", "not a path", None])
def test_inhibitors_that_are_not_understood_are_unknown(
    machine: Machine, content: str | None
) -> None:
    damaged = add_path(machine, "damaged", {"switch-inhibitors": content})
    assert read_inhibitors(damaged) is None
    assert changed_inhibitors(add_path(machine, "other"), damaged) is None
    needed, why = reboot_reason(add_path(machine, "other"), damaged)
    assert needed is None
    assert "switch-inhibitors" in why


def inhibiting(machine: Machine, name: str, **told: str) -> str:
    return add_path(machine, name, {"switch-inhibitors": json.dumps(told)})


def test_inhibitors_that_both_name_are_compared(machine: Machine) -> None:
    running = inhibiting(machine, "a", dbus="dbus", gone="1")
    target = inhibiting(machine, "b", dbus="broker", new="1")
    assert changed_inhibitors(running, target) == {"dbus": "dbus (dbus → broker)"}
    assert reboot_reason(running, target) == (True, "Changed since boot: dbus (dbus → broker).")


def test_inhibitors_of_different_formats_are_not_compared(machine: Machine) -> None:
    systemd = store_path(machine, "systemd-257.8")
    lines = add_path(machine, "lines", {"switch-inhibitors": systemd})
    assert changed_inhibitors(lines, inhibiting(machine, "b", systemd="258.1")) is None
    assert changed_inhibitors(lines, add_path(machine, "none")) == {}


def test_free_bytes_are_those_of_the_file_system(tmp_path: Path) -> None:
    free = free_bytes(str(tmp_path))
    assert free is not None and 0 < free < 2**60
    assert free_bytes(str(tmp_path / "not there")) is None


def test_boot_folder_is_the_first_file_system_of_its_own(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert boot_folder(machine) is None
    os.mkdir(machine.boot_dir)
    assert boot_folder(machine) == machine.boot_dir
    beside = f"{os.path.dirname(machine.boot_dir)}/efi"
    for mounted in (beside, f"{machine.boot_dir}/efi", machine.boot_dir):
        monkeypatch.setattr(os.path, "ismount", lambda path, m=mounted: path == m)
        assert boot_folder(machine) == mounted


@pytest.mark.parametrize(
    ("content", "name", "nixos"),
    [
        ('ID=nixos\nPRETTY_NAME="NixOS 25.11 (Xantusia)"\n', "NixOS 25.11 (Xantusia)", True),
        ("# a comment=1\nNAME='My OS'\nID=mine\nID_LIKE=\"nixos other\"\n", "My OS", True),
        ('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nno equals sign\n', None, False),
        ('PRETTY_NAME="unbalanced\n', '"unbalanced', False),
        ("", None, False),
    ],
)
def test_os_release_of_the_running_system(
    machine: Machine, content: str, name: str | None, nixos: bool
) -> None:
    system = add_path(machine, "system", {"etc/os-release": content})
    os.symlink(system, machine.current_system)
    assert os_name(machine) == (name or ("Debian GNU/Linux 12" if "Debian" in content else None))
    assert is_nixos(machine) is nixos


def test_a_playground_does_not_tell_this_machines_system(machine: Machine) -> None:
    assert os_name(machine) is None


def test_this_machines_system_where_nix_is_a_guest(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "guest")
    expected = Path("/etc/os-release").exists() or Path("/usr/lib/os-release").exists()
    assert (os_name(machine) is not None) is expected

"""How root is had, with stand-ins for what gives it; and what needs it, told from files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy.backend import privileges
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command, Profile
from luminous_nix_ipy.tools import elevation
from luminous_nix_ipy.tools.elevated import Elevated, Password
from luminous_nix_ipy.widgets.parts import steps

USER = 4321


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first in PATH; and another user than root."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "run0")
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a system's profile and a user's."""
    state = tmp_path / "var"
    (state / "profiles").mkdir(parents=True)
    (state / "db").mkdir()
    (state / "profiles/system").symlink_to("system-1-link")
    return Machine(
        state_dir=str(state),
        run_dir=str(tmp_path / "run"),
        system_journal_dir=str(tmp_path / "journal"),
        user_state_dir=str(tmp_path / "home"),
        env={"NIX_STATE_DIR": str(state)},
    )


def stand_in(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def elevate(machine: Machine) -> Elevated:
    return asyncio.run(elevation.elevate(machine))


def system(machine: Machine) -> Profile:
    return Profile("system", machine.system_profile, "system")


def test_run0_is_never_let_ask(programs: Path, machine: Machine) -> None:
    stand_in(programs, "run0", f'echo "$@" >> {programs}/asked')
    found = elevate(machine)
    assert str(found) == "run0 (no password)" and found.stdin_prefix == b""
    asked = (programs / "asked").read_text().split()
    assert asked[:2] == ["--no-ask-password", "--"] and asked[-1].endswith("/true")


def test_run0_that_would_ask_is_refused(programs: Path, machine: Machine) -> None:
    stand_in(programs, "run0", "echo 'Interactive authentication required.' >&2; exit 1")
    with pytest.raises(Refused) as refusal:
        elevate(machine)
    assert refusal.value.why.startswith("run0 would ask for a password, or does not let you")


def test_a_program_gets_the_machines_variables_and_its_whole_path(
    programs: Path, machine: Machine
) -> None:
    stand_in(programs, "run0", "")
    stand_in(programs, "nix-env", "")
    argv = elevate(machine).argv(("nix-env", "--version"))
    assert argv[:3] == (str(programs / "run0"), "--no-ask-password", "--")
    assert argv[3].endswith("/env") and argv[4] == f"NIX_STATE_DIR={machine.state_dir}"
    assert argv[5:] == (str(programs / "nix-env"), "--version")


def test_nixos_has_its_own_sudo(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "sudo")
    stand_in(programs, "sudo", "exit 1")
    stand_in(Path(machine.run_dir, "wrappers/bin"), "sudo", "")
    assert elevation.installed(machine) == {"sudo": f"{machine.run_dir}/wrappers/bin/sudo"}
    assert str(elevate(machine)) == "sudo (no password)"


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("none", "the setting elevation is none"),
        ("run0", "run0 is not installed"),
        ("run0,doas", "none of run0, doas is installed"),
    ],
)
def test_no_way_is_told(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, setting: str, why: str
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", setting)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(Refused) as refusal:
        elevate(machine)
    assert refusal.value.why == f"{why}."
    assert elevation.describe(machine) == f"none: {why}"
    assert privileges.may_change(machine, system(machine)) == (
        False,
        f"changing the system needs root, and {why}",
    )


def test_root_needs_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = elevate(machine)
    assert (str(found), found.argv(("true",)), found.stdin_prefix) == ("root", ("true",), b"")
    assert elevation.describe(machine) == "root"
    assert not privileges.needs_root(machine, system(machine))


@pytest.mark.parametrize("text", ["", "two\nlines", "a\0b"])
def test_what_can_be_no_password(text: str) -> None:
    with pytest.raises(Refused, match="can be no password") as refusal:
        Password(text)
    assert not text or text not in str(refusal.value)


def test_a_system_needs_root_though_it_be_ones_own(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "_owner", lambda path: USER)
    assert privileges.needs_root(machine, system(machine))
    monkeypatch.setenv("LUMINOUS_NIX_ALLOW_UNPRIVILEGED", "true")
    assert not privileges.needs_root(machine, system(machine))
    monkeypatch.setattr(privileges, "_owner", lambda path: USER + 1)
    assert privileges.needs_root(machine, system(machine)), "it is another's"


def test_a_profile_of_another_user_stays_that_users(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(programs, "run0", "")
    monkeypatch.setattr(os, "access", lambda path, mode: path.startswith(str(programs)))
    profile = Profile("profile", f"{machine.profiles_dir}/profile", "user")
    monkeypatch.setattr(privileges, "_owner", lambda path: USER + 1)
    assert privileges.may_change(machine, profile) == (
        False,
        f"{profile.path} is not yours to change",
    )
    monkeypatch.setattr(privileges, "_owner", lambda path: 0)
    assert privileges.may_change(machine, profile) == (
        True,
        f"changing {profile.path} needs root, which is had through run0",
    )


def test_the_daemon_collects_for_every_user(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert privileges.repair_needs_root(machine) and privileges.collection_needs_root(machine)
    socket = Path(machine.state_dir, "daemon-socket/socket")
    socket.parent.mkdir()
    socket.touch()
    assert privileges.repair_needs_root(machine)
    assert not privileges.collection_needs_root(machine)


def test_a_plan_says_what_is_run_as_root() -> None:
    commands = [Command(("a",), "do it", root=True), Command(("b",), "do more")]
    assert steps("Commands", commands).steps == [("Do it, as root.", "a"), ("Do more.", "b")]


@pytest.mark.parametrize(
    ("kind", "options", "may"),
    [
        (OperationType.ROLLBACK, {}, True),
        (OperationType.SWITCH, {}, True),
        (OperationType.GARBAGE_COLLECT, {"all_profiles": True}, True),
        (OperationType.UPDATE, {"channels": True, "inputs_only": True}, True),
        (OperationType.REPAIR, {}, True),
        (OperationType.LIST_GENERATIONS, {}, False),
        (OperationType.EVALUATE, {}, False),
        (OperationType.NOTE, {"generation": 1, "keep": True}, False),
        (OperationType.ROLLBACK, {"profile": "no-such"}, False),
        (OperationType.INSTALL, {"profile": "system"}, True),
        (OperationType.REMOVE, {"profile": "system"}, True),
        (OperationType.INSTALL, {}, False),
        (OperationType.RECOVER, {}, False),
        (OperationType.RECOVER, {"how": "undo"}, False),
    ],
)
def test_what_may_need_root_is_known_before_a_job_begins(
    programs: Path,
    machine: Machine,
    kind: OperationType,
    options: dict[str, object],
    may: bool,
) -> None:
    Path(machine.profiles_dir, "system-1-link").symlink_to("/nix/store/nothing")
    backend = NixBackend(machine)
    assert backend.may_need_root(NixOperation(kind, options=options)) is may
    dry = NixOperation(kind, dry_run=True, options=options)
    assert not backend.may_need_root(dry)
    playground = msgspec.structs.replace(machine, playground="/tmp/a-playground")
    assert not NixBackend(playground).may_need_root(NixOperation(kind, options=options))


def test_channels_of_root_are_refused_where_root_cannot_be_had(
    programs: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "none")
    Path(machine.root_channels).mkdir(parents=True)
    operation = NixOperation(OperationType.UPDATE, options={"channels": True})
    result = asyncio.run(NixBackend(machine).execute(operation))
    assert result.error == (
        "Updating root's channels needs root, and the setting elevation is none. "
        f"The system is built from those in {machine.root_channels}."
    )

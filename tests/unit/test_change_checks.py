"""What is looked at before a change of a system: the rows of a plan, red ones and forced ones."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.backend import checks_system
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.forcing import known_checks
from luminous_nix_ipy.backend.model import NixOperation, OperationType, Plan
from luminous_nix_ipy.errors import NixError, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check
from luminous_nix_ipy.widgets.show import PlanView
from tests.held_lock import held
from tests.playground import simulated
from tests.small_disk import read_only, small_disk

GENERATIONS = 6
NEEDS_REBOOT, PREVIOUS, NEWEST = 2, 5, 6
SYSTEM_ROWS = [
    "privileges",
    "target in the store",
    "profile link",
    "profile folder",
    "disk space",
    "boot space",
    "activation",
    "live switch",
    "init interface",
    "other activation",
    "pre-switch check",
]


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated(GENERATIONS) as machine:
        yield machine


@pytest.fixture
def machine(made: Machine) -> Machine:
    return made


def plan(machine: Machine, generation: int = PREVIOUS, **options: Any) -> Plan:
    operation = NixOperation(OperationType.ROLLBACK, options={"generation": generation, **options})
    found: Plan = asyncio.run(NixBackend(machine).plan(operation))
    return found


def row(machine: Machine, name: str, generation: int = PREVIOUS, **options: Any) -> Check:
    (found,) = [c for c in plan(machine, generation, **options).checks if c.name == name]
    return found


def path_of(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


@contextmanager
def replaced(path: Path, text: str | None, mode: int = 0o644) -> Iterator[None]:
    """A file with another text, or gone; then as it was."""
    folder = path.parent.stat().st_mode
    path.parent.chmod(folder | stat.S_IWUSR)
    before = path.read_bytes() if path.exists() else None
    before_mode = path.stat().st_mode if path.exists() else 0
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    yield
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)
        path.chmod(before_mode)
    path.parent.chmod(folder)


def script(machine: Machine, number: int, text: str) -> Any:
    """Another switch-to-configuration for a generation; ORIGINAL is its own."""
    path = Path(path_of(machine, number), "bin/switch-to-configuration")
    original = Path(machine.env["TMPDIR"], f"original-{number}")
    shutil.copy(path, original)
    own = f'"{original}" "$@"'
    return replaced(path, f"#!/bin/sh\n{text}\n".replace("ORIGINAL", own), 0o755)


def test_all_is_well_on_a_playground(machine: Machine) -> None:
    found = plan(machine).checks
    assert [check.name for check in found] == SYSTEM_ROWS
    assert {check.verdict for check in found} == {"ok"}
    assert plan(machine).checks == found, "what is well is told in the same words each time"


def test_what_is_not_done_is_not_looked_at(machine: Machine) -> None:
    names = [check.name for check in plan(machine, mode="boot").checks]
    assert names == [n for n in SYSTEM_ROWS if n not in ("live switch", "init interface")]
    names = [check.name for check in plan(machine, mode="test").checks]
    assert names == [n for n in SYSTEM_ROWS if n not in ("profile folder", "boot space")]
    idle = plan(machine, NEWEST)
    assert idle.nothing_to_do
    assert "pre-switch check" not in [check.name for check in idle.checks]
    names = [check.name for check in plan(machine, 1, profile="profile").checks]
    assert names == ["target in the store", "profile link", "profile folder", "disk space"]
    names = [check.name for check in plan(machine, 1, profile="home-manager").checks]
    assert names[-1] == "activation"


class TestOtherActivation:
    def test_the_lock_of_switch_to_configuration(self, machine: Machine) -> None:
        folder = Path(machine.run_dir, "nixos")
        folder.mkdir()
        lock = folder / "switch-to-configuration.lock"
        with held(lock) as process:
            found = plan(machine)
            (check,) = found.refused
            assert check.name == "other activation"
            assert f"process {process} (python" in check.reason
            asked = next(c for c in found.checks if c.name == "pre-switch check")
            assert (asked.verdict, "another activation" in asked.reason) == ("unknown", True)
            result = asyncio.run(
                NixBackend(machine).execute(NixOperation(OperationType.ROLLBACK), found)
            )
            assert isinstance(result.data["exception"], Refused)
            assert row(machine, "other activation", mode="boot").verdict == "refused"
        assert row(machine, "other activation").verdict == "ok"
        shutil.rmtree(folder)

    @pytest.mark.parametrize(
        ("unit", "program"),
        [
            ("nixos-rebuild-switch-to-configuration.service", "nixos-rebuild"),
            ("nixos-cli-activation-supervisor.service", "nixos-cli"),
        ],
    )
    def test_the_unit_of_another_program(self, machine: Machine, unit: str, program: str) -> None:
        folder = Path(machine.run_dir, "systemd/transient")
        folder.mkdir(parents=True)
        (folder / unit).touch()
        check = row(machine, "other activation")
        assert check.verdict == "refused"
        assert check.reason.startswith(f"{program} is at it")
        shutil.rmtree(folder.parent)

    def test_a_lock_that_cannot_be_opened_is_not_known(self, machine: Machine) -> None:
        folder = Path(machine.run_dir, "nixos")
        folder.mkdir()
        lock = folder / "switch-to-configuration.lock"
        lock.symlink_to(lock)
        assert row(machine, "other activation").verdict == "unknown"
        shutil.rmtree(folder)


class TestPreSwitchCheck:
    """The target's own `switch-to-configuration check`."""

    def test_it_says_no(self, machine: Machine) -> None:
        with script(
            machine, PREVIOUS, '[ "$1" != check ] || { echo "no swap" >&2; exit 9; }; ORIGINAL'
        ):
            check = row(machine, "pre-switch check")
        assert (check.verdict, check.reason) == ("refused", "it ended with 9: no swap")

    def test_it_says_nothing(self, machine: Machine) -> None:
        with script(machine, PREVIOUS, '[ "$1" != check ] || exit 1; ORIGINAL'):
            check = row(machine, "pre-switch check")
        assert check.reason == "it ended with 1: It did not say why."

    def test_an_older_one_knows_no_check(self, machine: Machine) -> None:
        usage = "Usage: $0 [switch|boot|test|dry-activate]"
        with script(
            machine, PREVIOUS, f'[ "$1" != check ] || {{ echo "{usage}" >&2; exit 1; }}; ORIGINAL'
        ):
            check = row(machine, "pre-switch check")
        assert (check.verdict, "knows none" in check.reason) == ("unknown", True)

    def test_it_must_come_to_an_end(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checks_system, "_SECONDS", 0.2)
        started = time.monotonic()
        with script(machine, PREVIOUS, '[ "$1" != check ] || exec sleep 60; ORIGINAL'):
            check = row(machine, "pre-switch check")
        assert check.verdict == "refused"
        assert "took longer than 0.2 s and was ended" in check.reason
        assert time.monotonic() - started < 20

    def test_nobody_checks_where_the_environment_says_so(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NIXOS_NO_CHECK", "1")
        check = row(machine, "pre-switch check")
        assert (check.verdict, "NIXOS_NO_CHECK=1" in check.reason) == ("warning", True)

    def test_it_is_not_asked_about_inhibitors(self, machine: Machine) -> None:
        for mode in ("switch", "boot"):
            check = row(machine, "pre-switch check", NEEDS_REBOOT, mode=mode)
            assert (check.verdict, "inhibitors" in check.reason) == ("unknown", True)

    def test_what_cannot_be_activated_is_not_asked(self, machine: Machine) -> None:
        with replaced(Path(path_of(machine, PREVIOUS), "bin/switch-to-configuration"), None):
            found = plan(machine)
        assert [check.name for check in found.refused] == ["activation"]
        assert found.checks[-1].verdict == "unknown"


def test_another_init_needs_a_boot(machine: Machine) -> None:
    version = Path(path_of(machine, PREVIOUS), "init-interface-version")
    with replaced(version, "systemd 3"):
        assert [check.name for check in plan(machine).refused] == ["init interface"]
        assert "systemd 2 → systemd 3" in row(machine, "init interface").reason
        assert plan(machine, mode="boot").refused == ()
    with replaced(version, None):
        assert row(machine, "init interface").verdict == "unknown"


class TestDisks:
    def test_a_profile_folder_that_may_not_be_written(self, machine: Machine) -> None:
        with read_only(Path(machine.profiles_dir)):
            check = row(machine, "profile folder")
            assert (check.verdict, "mounted read-only" in check.reason) == ("refused", True)
            assert plan(machine, mode="test").refused == ()

    def test_a_folder_of_somebody_else(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`os.access` is a double: root may write everywhere."""
        may = os.access

        def access(path: str, mode: int) -> bool:
            return path != machine.profiles_dir and may(path, mode)

        monkeypatch.setattr(os, "access", access)
        check = row(machine, "profile folder")
        assert (check.verdict, "may not be written" in check.reason) == ("refused", True)

    @pytest.mark.parametrize(("kib", "verdict"), [(64, "refused"), (1024, "warning")])
    def test_a_disk_that_is_nearly_full(self, machine: Machine, kib: int, verdict: str) -> None:
        with small_disk(Path(machine.system_journal_dir), kib):
            check = row(machine, "disk space")
            assert check.verdict == verdict
            assert machine.system_journal_dir in check.reason

    def test_no_files_left(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        """`os.statvfs` is a double: a file system whose every file is made."""
        full = os.statvfs_result((4096, 4096, 10**6, 10**6, 10**6, 10**4, 3, 3, 0, 255))
        monkeypatch.setattr(os, "statvfs", lambda path: full)
        check = row(machine, "disk space")
        assert (check.verdict, "place for 3 files" in check.reason) == ("refused", True)

    def test_what_cannot_be_asked_is_not_known(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def statvfs(path: str) -> None:
            raise OSError(5, "Input/output error", path)

        monkeypatch.setattr(os, "statvfs", statvfs)
        for name in ("profile folder", "disk space", "boot space"):
            check = row(machine, name)
            assert (check.verdict, "Input/output error" in check.reason) == ("unknown", True)


class TestForce:
    def test_a_red_check_is_passed_over_by_its_name(self, machine: Machine) -> None:
        assert [check.name for check in plan(machine, NEEDS_REBOOT).refused] == ["live switch"]
        found = plan(machine, NEEDS_REBOOT, force=["live-switch"])
        assert found.refused == ()
        forced = next(check for check in found.checks if check.name == "live switch")
        assert forced.verdict == "forced"
        assert "These red checks are passed over: live switch." in repr(PlanView(found))
        activate, _, boot = found.commands
        assert activate.argv[:2] == ("env", "NIXOS_NO_CHECK=1")
        assert boot.argv[0].endswith("switch-to-configuration"), "it makes no such check"

    def test_only_the_named_one_is(self, machine: Machine) -> None:
        found = plan(machine, NEEDS_REBOOT, force=["disk space"])
        assert [check.name for check in found.refused] == ["live switch"]

    def test_a_pre_switch_check_that_is_passed_over_is_not_made(self, machine: Machine) -> None:
        with script(machine, PREVIOUS, '[ "$1" != check ] || exit 1; ORIGINAL'):
            found = plan(machine, force=["pre-switch check"])
        commands = [c.argv for c in found.commands if "switch-to-configuration" in str(c)]
        assert [argv[1] for argv in commands] == ["NIXOS_NO_CHECK=1"] * 2
        assert plan(machine, force=["pre-switch check"]).commands[0].argv[0] != "env"

    @pytest.mark.parametrize(
        ("name", "known"),
        [
            ("live switch", "live switch"),
            ("Live-Switch", "live switch"),
            ("pre switch check", "pre-switch check"),
            ("  this   kernel ", "this kernel"),
        ],
    )
    def test_names_are_known_as_they_are_typed(self, name: str, known: str) -> None:
        assert known_checks([name, known]) == (known,)

    def test_an_unknown_name_is_refused_with_those_that_are_known(self, machine: Machine) -> None:
        with pytest.raises(Refused) as caught:
            plan(machine, force=["lives witch"])
        assert "live switch, pre-switch check" in caught.value.why
        assert caught.value.todo == ('Did you mean --force "live switch"?',)
        with pytest.raises(Refused) as caught:
            known_checks(["privlege"])
        assert caught.value.todo == (), "what cannot be forced is not proposed"

    @pytest.mark.parametrize(
        "name", ["privileges", "target in the store", "activation", "init interface"]
    )
    def test_what_would_be_of_no_use_cannot_be_forced(self, machine: Machine, name: str) -> None:
        with pytest.raises(NixError) as caught:
            plan(machine, force=[name])
        assert caught.value.what == f"The check {name!r} cannot be forced."
        assert caught.value.why

    def test_every_row_can_be_forced_or_says_why_not(self, machine: Machine) -> None:
        for name in SYSTEM_ROWS:
            try:
                assert known_checks([name]) == (name,)
            except Refused as error:
                assert "cannot be forced" in error.what


def test_a_kernel_that_stays_is_noticed(machine: Machine) -> None:
    (notice,) = [n for n in plan(machine).notices if "Linux" in n]
    assert "goes on running" in notice
    assert not [n for n in plan(machine, mode="boot").notices if "Linux" in n]

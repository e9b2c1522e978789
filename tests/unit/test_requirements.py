"""What a runbook requires: met, not met, or not known, which is not met either."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend import requirements
from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import NixError, Refused, RequirementFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check
from tests.playground import simulated
from tests.stand_in_systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


@pytest.fixture
def there(made: Machine) -> Machine:
    machine.use(made)
    return made


def look(on: Machine, **options: Any) -> Check:
    """The only row of one requirement."""
    (check,) = asyncio.run(
        requirements.look(Context(on, Progress(), direct=True), options)  # type: ignore[arg-type]
    )
    return check


def test_all_that_is_so(there: Machine) -> None:
    view = nix.require(
        free="1K", generation=[1, 5], current=5, no_failed_units=True, not_rebooting=True,
        host=socket.gethostname(), command=["true", "test -n 'a b'"],
    )  # fmt: skip
    assert (view.checks.verdict == "ok").all() and len(view.checks) == 9
    assert repr(view).startswith("All 9 requirements are met")
    assert "<table" in view._repr_html_()


@pytest.mark.parametrize(
    ("required", "told"),
    [
        ({"free": "1000T"}, "MiB are free for"),
        ({"free": 1, "on": "/nowhere/at/all"}, "cannot be asked"),
        ({"generation": 99}, "system has no generation 99"),
        ({"current": 4}, "the current one of system is 5, 4 is wanted"),
        ({"host": "elsewhere"}, "elsewhere is wanted"),
        ({"channel_age": "30d"}, "what the system is built from is not known"),
        ({"nix_version": ">=2.3"}, "no nix program tells it"),
        ({"command": "test -e /nowhere"}, "`test -e /nowhere` ended with 1"),
        ({"command": "/nowhere/program"}, "/nowhere/program"),
        ({"command": "sh -c 'echo gone >&2; exit 3'"}, "ended with 3: gone"),
    ],
)
def test_what_is_not_so_fails_with_a_sentence(
    there: Machine, required: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequirementFailed) as failure:
        nix.require(**required)
    assert failure.value.what.startswith("The requirement is not met: ")
    assert told in failure.value.what
    assert "\n" not in failure.value.what
    assert [check.verdict != "ok" for check in failure.value.checks] == [True]


def test_several_are_all_told(there: Machine) -> None:
    with pytest.raises(RequirementFailed, match="2 of 3 requirements are not met") as failure:
        nix.require(generation=1, current=3, host="elsewhere")
    assert [check.verdict for check in failure.value.checks] == ["ok", "failed", "failed"]
    with pytest.raises(RequirementFailed, match="1 of 2 requirements is not met"):
        nix.require(generation=1, host="elsewhere")


@pytest.mark.parametrize(
    ("required", "told"),
    [
        ({}, "Nothing is required"),
        ({"on": "/"}, "for --free"),
        ({"free": "much"}, "is no size"),
        ({"channel_age": "old"}, "is no age"),
        ({"nix_version": "newest"}, "compares no version"),
        ({"command": "'"}, "is no command line"),
        ({"command": ""}, "is no command line"),
        ({"host": ""}, "No host is named"),
    ],
)
def test_what_can_never_be_is_refused(there: Machine, required: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refusal:
        nix.require(**required)
    assert told in refusal.value.what + refusal.value.why


def test_a_generation_whose_path_is_gone(tmp_path: Path) -> None:
    with simulated() as made:
        os.unlink(f"{made.system_profile}-2-link")
        os.symlink("/nowhere", f"{made.system_profile}-2-link")
        with pytest.raises(RequirementFailed, match="generation 2"):
            nix.require(generation=2)


def test_the_shell_reads_nothing_of_a_command(there: Machine, tmp_path: Path) -> None:
    nix.require(command=f"test '$HOME;' != {tmp_path}/*")


def test_secrets_are_not_repeated(there: Machine) -> None:
    with pytest.raises(RequirementFailed) as failure:
        nix.require(command="test password=hunter2 = ''")
    assert "hunter2" not in str(failure.value)


def test_failed_units(systemd: Systemd) -> None:
    assert look(systemd.machine, no_failed_units=True).verdict == "ok"
    systemd.unit("nginx.service", "failed", "failed", Result="exit-code")
    check = look(systemd.machine, no_failed_units=True)
    assert (check.verdict, check.reason) == ("failed", "nginx.service failed.")
    systemd.fail("Failed to connect to bus")
    assert look(systemd.machine, no_failed_units=True).verdict == "unknown"


def test_a_reboot_that_is_scheduled_or_under_way(systemd: Systemd) -> None:
    assert look(systemd.machine, not_rebooting=True).verdict == "ok"
    systemd.state = "degraded"
    systemd.tell()
    assert look(systemd.machine, not_rebooting=True).verdict == "ok"
    systemd.state = "stopping"
    systemd.tell()
    check = look(systemd.machine, not_rebooting=True)
    assert (check.verdict, check.reason) == ("failed", "the machine is going down.")
    scheduled = Path(systemd.machine.run_dir, "systemd/shutdown/scheduled")
    scheduled.parent.mkdir()
    scheduled.write_text("USEC=1700000000000000\nWARN_WALL=1\nMODE=reboot\n")
    assert "a reboot is scheduled for 2023-11-1" in look(systemd.machine, not_rebooting=True).reason
    scheduled.write_text("USEC=soon\n")
    assert "a shutdown is scheduled;" in look(systemd.machine, not_rebooting=True).reason
    scheduled.unlink()
    systemd.fail("Failed to connect to bus")
    assert look(systemd.machine, not_rebooting=True).verdict == "unknown"


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (">=2.18", "ok"), (">=2.34", "failed"), ("2.18", "ok"), ("==2.18.1", "failed"),
        ("<2.18", "failed"), ("<= 2.18", "ok"), ("!=2.19", "ok"), (">2.18", "failed"),
        (">2.18.4", "ok"),
    ],
)  # fmt: skip
def test_versions_are_compared_as_far_as_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, wanted: str, verdict: str
) -> None:
    async def version(on: Machine) -> tuple[int, ...]:
        return (2, 18, 5)

    monkeypatch.setattr(requirements, "nix_version", version)
    assert look(Machine(), nix_version=wanted).verdict == verdict


def test_the_age_of_a_channel(tmp_path: Path) -> None:
    profiles = tmp_path / "var/profiles/per-user/root"
    (tmp_path / "channels/nixos").mkdir(parents=True)
    (tmp_path / "channels/nixos/.version").write_text("26.05")
    profiles.mkdir(parents=True)
    (profiles / "channels-1-link").symlink_to(tmp_path / "channels")
    (profiles / "channels").symlink_to("channels-1-link")
    (tmp_path / "etc/nixos").mkdir(parents=True)
    (tmp_path / "etc/nixos/configuration.nix").write_text("{ }")
    there = Machine(state_dir=str(tmp_path / "var"), etc_dir=str(tmp_path / "etc"))
    assert look(there, channel_age="1d").verdict == "ok"
    os.utime(profiles / "channels-1-link", (0, 10**9), follow_symlinks=False)
    check = look(there, channel_age="30d")
    assert check.verdict == "failed" and check.reason.startswith("nixos 26.05 is ")
    (tmp_path / "channels/nixos").rename(tmp_path / "channels/other")
    assert look(there, channel_age="30d").verdict == "unknown"


def test_every_error_is_of_the_family() -> None:
    assert issubclass(RequirementFailed, NixError)

"""What Nix's programs are told, by version."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools import commands
from luminous_nix_ipy.tools.commands import Release, parse_release
from tests.fake_system import add_program

PROFILE = "/nix/var/nix/profiles/system"


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("nix (Nix) 2.8.0\n", Release("Nix", (2, 8, 0))),
        ("nix (Nix) 2.34.8\n", Release("Nix", (2, 34, 8))),
        ("nix (Nix) 2.35.0pre20260101_0123abc\n", Release("Nix", (2, 35, 0))),
        ("nix (Lix, like Nix) 2.93.3\n", Release("Lix", (2, 93, 3))),
        ("nix (Determinate Nix 3.11.2) 2.33.1\n", Release("Determinate Nix", (2, 33, 1))),
        ("nix 2.8\n", None),
        ("", None),
    ],
)
def test_releases(text: str, release: Release | None) -> None:
    assert parse_release(text) == release


def test_changes_of_profiles() -> None:
    nix_env = ("nix-env", "--profile", PROFILE)
    assert commands.list_generations(PROFILE) == (*nix_env, "--list-generations")
    assert commands.switch_generation(PROFILE, 41) == (*nix_env, "--switch-generation", "41")
    assert commands.set_profile(PROFILE, "/s/x") == (*nix_env, "--set", "/s/x")
    assert commands.delete_generations(PROFILE, [3, 4]) == (
        *nix_env,
        "--delete-generations",
        "3",
        "4",
    )


def test_activation_is_the_systems_own_program() -> None:
    assert commands.switch_to_configuration("/s/x", "boot") == (
        "/s/x/bin/switch-to-configuration",
        "boot",
    )


EXPERIMENTAL = ("--extra-experimental-features", "nix-command")


@pytest.mark.parametrize(
    ("release", "options"),
    [
        (None, ("path-info", "--json")),
        (Release("Nix", (2, 3, 16)), ("path-info", "--json")),
        (Release("Nix", (2, 8, 0)), (*EXPERIMENTAL, "path-info", "--json")),
        (Release("Nix", (2, 32, 9)), (*EXPERIMENTAL, "path-info", "--json")),
        (
            Release("Nix", (2, 33, 0)),
            (*EXPERIMENTAL, "path-info", "--json", "--json-format", "1"),
        ),
        (
            Release("Determinate Nix", (2, 33, 1)),
            (*EXPERIMENTAL, "path-info", "--json", "--json-format", "1"),
        ),
        (Release("Lix", (2, 93, 3)), (*EXPERIMENTAL, "path-info", "--json")),
    ],
)
def test_path_info_by_version(release: Release | None, options: tuple[str, ...]) -> None:
    assert commands.path_info(release, ["/s/x", "/s/y"]) == (
        "nix",
        *options,
        "--recursive",
        "/s/x",
        "/s/y",
    )
    assert commands.path_info_of_all(release) == ("nix", *options, "--all")


def machine_with(folder: Path) -> Machine:
    return Machine(env={"PATH": f"{folder}:{os.environ['PATH']}"})


def test_the_version_is_asked_once_a_add_program(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    add_program(tmp_path / "bin", "nix", f"echo x >> {asked}; echo 'nix (Nix) 2.18.1'")
    machine = machine_with(tmp_path / "bin")
    for _ in range(3):
        assert asyncio.run(commands.nix_version(machine)) == (2, 18, 1)
    assert asked.read_text() == "x\n"


def test_two_machines_have_their_own_versions(tmp_path: Path) -> None:
    for number in (1, 2):
        add_program(tmp_path / str(number), "nix", f"echo 'nix (Nix) 2.{number}'")
        machine = machine_with(tmp_path / str(number))
        assert asyncio.run(commands.nix_version(machine)) == (2, number)


def test_a_link_that_leads_to_another_nix_is_asked_again(tmp_path: Path) -> None:
    for number in (1, 2):
        add_program(tmp_path / str(number), "nix", f"echo 'nix (Nix) 2.{number}'")
        (tmp_path / "sw").unlink(missing_ok=True)
        (tmp_path / "sw").symlink_to(str(number))
        assert asyncio.run(commands.nix_version(machine_with(tmp_path / "sw"))) == (2, number)


def test_no_nix_or_a_broken_one_has_no_version(tmp_path: Path) -> None:
    assert asyncio.run(commands.nix_version(Machine(env={"PATH": str(tmp_path)}))) is None
    asked = tmp_path / "asked"
    add_program(tmp_path / "bin", "nix", f"echo x >> {asked}; exit 1")
    for _ in range(2):
        assert asyncio.run(commands.nix_version(machine_with(tmp_path / "bin"))) is None
    assert asked.read_text() == "x\n", "one that fails is asked again and again"

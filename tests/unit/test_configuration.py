"""Which configuration is built, and with which arguments."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools.commands import Release, update_channels, update_flake
from luminous_nix_ipy.tools.configuration import Configuration, find_configuration, parse_flags

TOPLEVEL = "config.system.build.toplevel"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "etc/nixos").mkdir(parents=True)
    return Machine(
        etc_dir=f"{tmp_path}/etc", state_dir=f"{tmp_path}/var", env={"NIX_PATH": "", "HOME": "/h"}
    )


def nixos(machine: Machine, name: str) -> Path:
    file = Path(machine.etc_dir, "nixos", name)
    file.write_text("{ }")
    return file


def test_a_flake_in_etc_comes_first_and_links_are_followed(
    machine: Machine, tmp_path: Path
) -> None:
    nixos(machine, "configuration.nix")
    real = tmp_path / "dotfiles"
    real.mkdir()
    (real / "flake.nix").write_text("{ }")
    Path(machine.etc_dir, "nixos/flake.nix").symlink_to(real / "flake.nix")
    found = find_configuration(machine)
    assert found.flake == str(real)
    assert found.attr == f'nixosConfigurations."{socket.gethostname()}".{TOPLEVEL}'


def test_what_nix_path_lacks_is_where_nixos_has_it(machine: Machine) -> None:
    configuration = nixos(machine, "configuration.nix")
    channel = Path(machine.root_channels, "nixos")
    channel.mkdir(parents=True)
    found = find_configuration(machine)
    assert (found.flake, found.file) == (None, "<nixpkgs/nixos>")
    assert found.includes == (f"nixos-config={configuration}", f"nixpkgs={channel}")


@pytest.mark.parametrize(
    ("env", "left"),
    [
        ({"NIX_PATH": "nixpkgs=/n:nixos-config=/c.nix"}, ()),
        ({"NIX_PATH": "nixpkgs=/n", "NIXOS_CONFIG": "/c.nix"}, ()),
        ({"NIX_PATH": "nixos-config=/c.nix"}, ("nixpkgs",)),
        ({"NIX_PATH": "nixpkgs=/n"}, ("nixos-config",)),
    ],
)
def test_what_the_environment_names_is_left_to_nix(
    machine: Machine, env: dict[str, str], left: tuple[str, ...]
) -> None:
    nixos(machine, "configuration.nix")
    Path(machine.root_channels, "nixos").mkdir(parents=True)
    machine.env.update(env)
    assert tuple(i.partition("=")[0] for i in find_configuration(machine).includes) == left


def test_no_configuration_says_where_it_was_looked_for(machine: Machine) -> None:
    with pytest.raises(NotFound) as caught:
        find_configuration(machine)
    assert f"{machine.etc_dir}/nixos" in caught.value.why
    assert "--flake" in caught.value.todo[0]


@pytest.mark.parametrize(
    ("words", "reference", "host"),
    [
        (".#laptop", ".", "laptop"),
        ("github:owner/repo?ref=main#web", "github:owner/repo?ref=main", "web"),
        ("/etc/nixos", "/etc/nixos", socket.gethostname()),
        ("path:/a b#", "path:/a b", socket.gethostname()),
    ],
)
def test_flake_references(machine: Machine, words: str, reference: str, host: str) -> None:
    found = find_configuration(machine, flake=words)
    assert found.flake == reference
    assert found.attr == f'nixosConfigurations."{host}".{TOPLEVEL}'


@pytest.mark.parametrize("words", ["--impure", "#laptop", "", 'a#b"c', "a#b#c"])
def test_what_is_no_flake_is_refused(machine: Machine, words: str) -> None:
    with pytest.raises(Refused, match="is no flake"):
        find_configuration(machine, flake=words)


def test_files_and_attributes(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "machines.nix"
    file.write_text("{ }")
    assert find_configuration(machine, file=str(file)).attr == TOPLEVEL
    assert find_configuration(machine, file=str(file), attr="web").attr == f"web.{TOPLEVEL}"
    assert find_configuration(machine, file="<x/y>").file == "<x/y>"
    assert find_configuration(machine, file="channel:nixos-26.05").file == "channel:nixos-26.05"
    with pytest.raises(NotFound, match="There is no configuration"):
        find_configuration(machine, file=f"{tmp_path}/gone.nix")
    with pytest.raises(Refused, match="attribute path"):
        find_configuration(machine, file=str(file), attr="--eval")
    with pytest.raises(Refused, match="not both"):
        find_configuration(machine, flake=".", file=str(file))


def test_an_attribute_alone_is_of_default_nix(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        find_configuration(machine, attr="web")
    (tmp_path / "default.nix").write_text("{ }")
    assert find_configuration(machine, attr="web").file == f"{tmp_path}/default.nix"


FLAKE = Configuration(flake="/etc/nixos", attr="a")
FILE = Configuration(file="/f.nix", attr="a", includes=("x=/y",))


def test_arguments() -> None:
    flags = parse_flags(
        {
            "impure": True,
            "override_input": [["nixpkgs", "path:/n"]],
            "option": [("cores", "2")],
            "show_trace": True,
            "max_jobs": 3,
        },
        FLAKE,
    )
    passed = (
        *("--impure", "--show-trace", "--override-input", "nixpkgs", "path:/n"),
        *("--option", "cores", "2", "--max-jobs", "3"),
    )
    nix = ("nix", "--extra-experimental-features", "nix-command flakes", "build", "/etc/nixos#a")
    assert FLAKE.build(flags, "/l") == (*nix, *passed, "--out-link", "/l")
    dry = ("--dry-run", "--no-link", "--no-write-lock-file")
    assert FLAKE.dry_build(flags) == (*nix, *passed, *dry)
    none = parse_flags({}, FILE)
    build = ("nix-build", "/f.nix", "--attr", "a", "-I", "x=/y")
    assert FILE.build(none, "/l") == (*build, "--out-link", "/l")
    assert FILE.dry_build(none) == (*build, "--dry-run")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"impure": True}, "flake alone"),
        ({"override_input": [("a", "b")]}, "flake alone"),
        ({"option": [("cores",)]}, "pairs of two texts"),
        ({"option": ["cores 2"]}, "pairs of two texts"),
        ({"option": [("--eval", "x")]}, "starts with a dash"),
        ({"max_jobs": "many"}, "whole number or auto"),
        ({"max_jobs": "-1"}, "whole number or auto"),
    ],
)
def test_flags_that_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(Refused, match=what):
        parse_flags(options, FILE)


def test_updating_a_flake_by_version() -> None:
    start = ("nix", "--extra-experimental-features", "nix-command flakes", "flake")
    new, old = Release("Nix", (2, 34)), Release("Nix", (2, 8))
    assert update_flake(new, "/f", ()) == (*start, "update", "--flake", "/f")
    assert update_flake(new, "/f", ("a",), commit=True) == (
        *(*start, "update", "a", "--flake", "/f"),
        "--commit-lock-file",
    )
    assert update_flake(old, "/f", ()) == (*start, "update", "/f")
    assert update_flake(old, "/f", ("a", "b")) == (
        *(*start, "lock", "/f"),
        *("--update-input", "a", "--update-input", "b"),
    )
    assert update_channels(("nixos",)) == ("nix-channel", "--update", "nixos")

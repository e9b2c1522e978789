"""What a system tells of itself in its own files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store import toplevel
from luminous_nix_ipy.store.toplevel import Facts, read_facts, revision_in_script
from tests.fake_system import (
    add_path,
    add_system,
    make_machine,
    nixos_version_script,
    store_path,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path)


def test_a_version_that_is_not_utf8(machine: Machine) -> None:
    path = add_path(machine, "odd")
    Path(path, "nixos-version").write_bytes(b"caf\xe9\n")
    version = read_facts(path).nixos_version
    assert version is not None and os.fsencode(version) == b"caf\xe9"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("nixos-version", "nixos-version"),
        ("boot.json", "boot.json"),
        ("sw/bin/nixos-version", "sw/bin/nixos-version"),
        ("specialisation", "specialisation"),
        ("kernel-modules/lib/modules", "kernel-modules/lib/modules"),
    ],
)
def test_what_cannot_be_read_is_told_and_not_remembered(
    machine: Machine, file: str, told: str
) -> None:
    path = add_path(machine, "looping", {file: f"-> {os.path.basename(file)}"})
    assert read_facts(path).problem == (
        f"{path}/{told} cannot be read: Too many levels of symbolic links."
    )
    os.unlink(f"{path}/{file}")
    assert read_facts(path).problem is None


def test_a_folder_or_pipe_in_a_files_place(machine: Machine) -> None:
    path = add_path(machine, "odd", {"nixos-version": None})
    os.mkfifo(f"{path}/boot.json")
    facts = read_facts(path)
    assert facts.problem == f"{path}/nixos-version cannot be read: Is a directory."
    assert facts.description is None


def test_facts_are_read_once_for_a_store_path(machine: Machine) -> None:
    path = add_system(machine, "25.11")
    toplevel._read.cache_clear()
    first = read_facts(path)
    assert read_facts(path) is first
    assert toplevel._read.cache_info().hits == 1


def test_a_path_that_was_made_anew_is_read_anew(machine: Machine) -> None:
    path = add_system(machine, "25.11")
    assert read_facts(path).nixos_version == "25.11"
    os.rename(path, path + "-away")
    add_path(machine, os.path.basename(path)[33:], {"nixos-version": "26.05"})
    assert read_facts(path).nixos_version == "26.05"


def test_facts_of_the_old_kernel_layout(machine: Machine) -> None:
    kernel = add_path(machine, "linux-3.18", {"bzImage": "", "lib/modules/3.18.5": None})
    path = add_path(machine, "old", {"kernel": f"-> {kernel}/bzImage"})
    assert read_facts(path).kernel_version == "3.18.5"


def test_modules_of_several_kernels(machine: Machine) -> None:
    modules = {f"kernel-modules/lib/modules/{version}": None for version in ("6.6.2", "6.12.1")}
    assert read_facts(add_path(machine, "two", modules)).kernel_version == "6.12.1, 6.6.2"


def test_a_user_profiles_path_tells_nothing(machine: Machine) -> None:
    assert read_facts(add_path(machine, "user-environment", {"bin/hello": ""})) == Facts()


def test_a_generation_that_is_a_file_tells_nothing(machine: Machine) -> None:
    Path(store_path(machine, "file")).write_text("")
    assert read_facts(store_path(machine, "file")) == Facts()


def test_only_folders_are_specialisations(machine: Machine) -> None:
    other = add_path(machine, "other")
    path = add_path(
        machine,
        "special",
        {
            "specialisation/b": f"-> {other}",
            "specialisation/a": None,
            "specialisation/file": "",
            "specialisation/gone": "-> /nowhere/at/all",
        },
    )
    assert read_facts(path).specialisations == ("a", "b")


def test_version_file_comes_before_script_and_boot_entry(machine: Machine) -> None:
    told = {"configurationRevision": "abc", "description": "before the move"}
    path = add_system(machine, "25.11", **{"nixos-version.json": json.dumps(told)})
    facts = read_facts(path)
    assert (facts.configuration_revision, facts.description) == ("abc", "before the move")


def test_a_large_boot_file_is_read_whole(machine: Machine) -> None:
    told = {"x": "y" * 200_000, "org.nixos.bootspec.v1": {"label": "NixOS"}}
    path = add_path(machine, "large", {"boot.json": json.dumps(told)})
    assert read_facts(path).description == "NixOS"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"org.nixos.bootspec.v1": 3}', '{"description": 3}']
)
def test_damaged_json_tells_nothing(machine: Machine, content: str) -> None:
    path = add_path(machine, "damaged", {"boot.json": content, "nixos-version.json": content})
    assert read_facts(path) == Facts()


SCRIPT_OF_2020 = """#! /bin/sh
case "$1" in
  --hash|--revision)
    if ! [[ 0d1e =~ ^[0-9a-f]+$ ]]; then
      echo "$0: Nixpkgs commit hash is unknown" >&2
      exit 1
    fi
    echo "0d1e"
    ;;
  --configuration-revision)
    if [[ "VALUE" =~ "@" ]]; then
      echo "$0: configuration revision is unknown" >&2
      exit 1
    fi
    echo "VALUE"
    ;;
JSON  *)
    echo "20.09 (Nightingale)"
    ;;
esac
"""


@pytest.mark.parametrize(
    ("script", "revision"),
    [
        (nixos_version_script("25.11", "abc"), "abc"),
        (nixos_version_script("25.11", "abc").replace("'EOF'", "EOF"), "abc"),
        (nixos_version_script("25.11", 'with "quotes" ${x}'), 'with "quotes" ${x}'),
        (nixos_version_script("25.11", None), None),
        (SCRIPT_OF_2020.replace("VALUE", "abc-dirty").replace("JSON", ""), "abc-dirty"),
        (
            SCRIPT_OF_2020.replace("VALUE", "@configurationRevision@").replace("JSON", ""),
            None,
        ),
        (
            SCRIPT_OF_2020.replace("VALUE", "abc").replace(
                "JSON", "  --json)\n    cat <<EOF\nnot json\nEOF\n    ;;\n"
            ),
            "abc",
        ),
        ('#! /bin/sh\necho "19.03 (Koi)"\n', None),
        ("\x7fELF\0\0", None),
        ("", None),
    ],
)
def test_revision_in_scripts_of_every_year(script: str, revision: str | None) -> None:
    assert revision_in_script(script.encode()) == revision


@given(st.binary())
def test_no_script_breaks_the_reading(rest: bytes) -> None:
    revision = revision_in_script(b"--configuration-revision) " + rest)
    assert revision is None or (revision and "@" not in revision)

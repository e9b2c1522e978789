"""The stand-in for nix-env: Nix's semantics, and nothing outside of a simulated playground."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy.errors import CommandFailed, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.playground import owner
from luminous_nix_ipy.playground.layout import machine_in, make_folders
from luminous_nix_ipy.playground.profiles import (
    delete_generations,
    run_stand_in,
    set_profile,
    switch_generation,
)


@pytest.fixture
def machine() -> Iterator[Machine]:
    folder = owner.make_folder(5, simulated=True)
    made = machine_in(folder, simulated=True)
    make_folders(made)
    os.makedirs(made.store_dir)
    yield made
    owner.remove(folder)


def store_path(machine: Machine, name: str) -> str:
    path = f"{machine.store_dir}/{'0' * 32}-{name}"
    Path(path).write_text(name)
    return path


def with_three(machine: Machine) -> str:
    for name in "abc":
        set_profile(machine, machine.system_profile, store_path(machine, name))
    return machine.system_profile


def test_set_makes_the_next_generation_with_a_relative_link(machine: Machine) -> None:
    profile = with_three(machine)
    assert os.readlink(profile) == "system-3-link"
    assert os.readlink(f"{profile}-3-link") == f"{machine.store_dir}/{'0' * 32}-c"
    assert sorted(os.listdir(machine.profiles_dir)) == [
        "per-user",
        "system",
        "system-1-link",
        "system-2-link",
        "system-3-link",
    ], "neither the lock nor a temporary link stays"


def test_set_makes_no_new_generation_of_what_the_newest_is_already(machine: Machine) -> None:
    profile = with_three(machine)
    switch_generation(machine, profile, 1)
    assert set_profile(machine, profile, store_path(machine, "c")) == 3
    assert os.readlink(profile) == "system-3-link"
    assert not os.path.lexists(f"{profile}-4-link")


def test_set_of_an_older_path_is_a_new_generation(machine: Machine) -> None:
    assert set_profile(machine, with_three(machine), store_path(machine, "a")) == 4


def test_numbers_go_on_after_the_greatest(machine: Machine) -> None:
    profile = with_three(machine)
    delete_generations(machine, profile, [1, 2])
    assert set_profile(machine, profile, store_path(machine, "d")) == 4


def test_names_with_dashes_and_digits_are_told_apart(machine: Machine) -> None:
    other = f"{machine.profiles_dir}/system-2"
    set_profile(machine, other, store_path(machine, "x"))
    profile = with_three(machine)
    assert switch_generation(machine, other, 1) == 1
    assert os.readlink(other) == "system-2-1-link"
    assert os.readlink(profile) == "system-3-link"


def test_switch_tells_what_was_current(machine: Machine) -> None:
    profile = with_three(machine)
    assert switch_generation(machine, profile, 1) == 3
    assert os.readlink(profile) == "system-1-link"


def test_switch_refuses_a_generation_that_is_not_there(machine: Machine) -> None:
    profile = with_three(machine)
    with pytest.raises(ValueError, match="profile version 9 does not exist"):
        switch_generation(machine, profile, 9)
    assert os.readlink(profile) == "system-3-link"


def test_delete_refuses_the_current_generation_and_then_deletes_none(machine: Machine) -> None:
    profile = with_three(machine)
    with pytest.raises(ValueError, match="cannot delete current version of profile"):
        delete_generations(machine, profile, [1, 3])
    assert os.path.lexists(f"{profile}-1-link")


def test_delete_tells_which_were_there(machine: Machine) -> None:
    profile = with_three(machine)
    assert delete_generations(machine, profile, [2, 7, 1]) == [1, 2]


@pytest.mark.parametrize("option", ["-p", "--profile"])
def test_the_arguments_of_nix_env_are_understood(machine: Machine, option: str) -> None:
    profile = machine.system_profile

    def nix_env(*words: str) -> str:
        return run_stand_in(machine, ["nix-env", option, profile, *words])

    assert nix_env("--set", store_path(machine, "a")) == ""
    assert nix_env("--set", store_path(machine, "b")) == ""
    assert nix_env("--switch-generation", "1") == "switching profile from version 2 to 1\n"
    assert nix_env("--delete-generations", "2", "5") == "removing profile version 2\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rollback"], "not known"),
        (["--set"], "not known"),
        (["--set", "/etc/passwd"], "path '/etc/passwd' is not valid"),
        (["--switch-generation", "x"], "'x' is not a generation number"),
        (["--switch-generation", "-1"], "'-1' is not a generation number"),
        (["--switch-generation", "²"], "'²' is not a generation number"),
        (["--switch-generation", "9"], "does not exist"),
        (["--delete-generations"], "not known"),
        (["--delete-generations", "old"], "'old' is not a generation number"),
        (["--delete-generations", "3"], "cannot delete current version"),
    ],
)
def test_what_nix_env_would_refuse_fails_as_it_would(
    machine: Machine, words: list[str], said: str
) -> None:
    argv = ["nix-env", "-p", with_three(machine), *words]
    with pytest.raises(CommandFailed) as caught:
        run_stand_in(machine, argv)
    assert said in caught.value.stderr
    assert caught.value.argv == tuple(argv)
    assert caught.value.returncode == 1


def test_a_profile_outside_of_the_playground_is_refused(machine: Machine, tmp_path: Path) -> None:
    with_three(machine)
    outside = tmp_path / "system"
    os.symlink(tmp_path, f"{machine.profiles_dir}/outside")
    for profile in (str(outside), f"{machine.profiles_dir}/outside/system"):
        with pytest.raises(Refused):
            run_stand_in(machine, ["nix-env", "-p", profile, "--set", store_path(machine, "a")])
    assert os.listdir(tmp_path) == ["user"], "not even a lock was made"


@pytest.mark.parametrize("what", ["real", "unmarked", "no playground"])
def test_any_other_machine_is_refused(machine: Machine, what: str, tmp_path: Path) -> None:
    profile = with_three(machine)
    other = {
        "real": lambda: msgspec.structs.replace(machine, simulated=False),
        "unmarked": lambda: machine_in(str(tmp_path), simulated=True),
        "no playground": lambda: msgspec.structs.replace(machine, playground=None),
    }[what]()
    if what == "unmarked":
        make_folders(other)
        profile = other.system_profile
        os.symlink("x", f"{profile}-1-link")
    with pytest.raises(Refused):
        switch_generation(other, profile, 1)


def test_it_waits_for_the_lock_that_nix_holds(machine: Machine) -> None:
    profile = with_three(machine)
    holder = os.open(f"{profile}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    thread = threading.Thread(target=switch_generation, args=(machine, profile, 1))
    thread.start()
    time.sleep(0.1)
    assert os.readlink(profile) == "system-3-link"
    # Released as Nix does: the file goes, and says so to whoever has it open.
    os.unlink(f"{profile}.lock")
    os.write(holder, b"d")
    os.close(holder)
    thread.join(10)
    assert os.readlink(profile) == "system-1-link"
    assert not os.path.exists(f"{profile}.lock")


def test_the_lock_is_released_after_a_failure(machine: Machine) -> None:
    profile = with_three(machine)
    with pytest.raises(ValueError, match="does not exist"):
        switch_generation(machine, profile, 9)
    assert not os.path.exists(f"{profile}.lock")

"""Which profile a name or path means."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.profiles import find_profile, generation_number, known_profiles
from tests.fake_system import add_generation, add_path, add_system, make_machine, select


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path)


def make_profile(machine: Machine, path: str, name: str = "hello-1") -> str:
    add_generation(path, 1, add_path(machine, name))
    select(path, 1)
    return path


def test_default_is_the_system_profile_else_the_users_own(machine: Machine) -> None:
    own = make_profile(machine, f"{machine.home}/.local/state/nix/profiles/profile")
    assert find_profile(machine, None).path == own
    make_profile(machine, machine.system_profile)
    found = find_profile(machine, None)
    assert (found.name, found.path, found.kind) == ("system", machine.system_profile, "system")


@pytest.mark.parametrize(
    "place",
    [
        "home/.local/state/nix/profiles/profile",
        "var/nix/profiles/per-user/someone/profile",
        "elsewhere/mine",
    ],
)
def test_nix_profile_link_leads_to_the_users_own(
    machine: Machine, tmp_path: Path, place: str
) -> None:
    path = make_profile(machine, str(tmp_path / place))
    os.symlink(path, f"{machine.home}/.nix-profile")
    for name in (None, "profile", "~/.nix-profile", f"{machine.home}/.nix-profile/"):
        found = find_profile(machine, name)
        assert (found.path, found.kind, found.name) == (path, "user", "profile")


@pytest.mark.parametrize(
    "place",
    ["home/.local/state/nix/profiles/profile", "var/nix/profiles/per-user/someone/profile"],
)
def test_the_users_own_is_found_without_a_link_in_the_home(
    machine: Machine, tmp_path: Path, place: str
) -> None:
    path = make_profile(machine, str(tmp_path / place))
    assert find_profile(machine, "profile").path == path


def test_link_of_xdg_base_directories_is_followed(machine: Machine) -> None:
    state = f"{machine.home}/.local/state/nix"
    path = make_profile(machine, f"{state}/profiles/mine")
    os.symlink("profiles/mine", f"{state}/profile")
    assert find_profile(machine, "profile").path == path


@pytest.mark.parametrize(
    "place",
    [
        "home/.local/state/nix/profiles/home-manager",
        "var/nix/profiles/per-user/someone/home-manager",
        "home/.local/state/home-manager/profiles/home-manager",
    ],
)
def test_home_manager_in_each_of_its_places(machine: Machine, tmp_path: Path, place: str) -> None:
    path = str(tmp_path / place)
    target = add_path(
        machine, "home-manager-generation", {"activate": "", "home-files": None, "home-path": None}
    )
    add_generation(path, 3, target)
    select(path, 3)
    found = find_profile(machine, "home-manager")
    assert (found.name, found.path, found.kind) == ("home-manager", path, "home-manager")


def test_a_nixos_system_has_activate_too_and_is_no_home(machine: Machine) -> None:
    path = f"{machine.profiles_dir}/system-profiles/rescue"
    add_generation(path, 1, add_system(machine, "25.11", activate="#!/bin/sh"))
    select(path, 1)
    assert find_profile(machine, "rescue").kind == "system"


@pytest.mark.parametrize("given_name", ["with-dashes", "system-profiles/with-dashes"])
def test_profiles_of_nixos_rebuild_p(machine: Machine, given_name: str) -> None:
    path = make_profile(machine, f"{machine.profiles_dir}/system-profiles/with-dashes")
    assert find_profile(machine, given_name).path == path


def test_paths_of_every_form_mean_the_same_profile(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_profile(machine, f"{machine.home}/dev/shell-1")
    os.symlink(tmp_path / "home", tmp_path / "also-home")
    os.symlink(path, tmp_path / "first")
    os.symlink("first", tmp_path / "second")
    monkeypatch.chdir(tmp_path / "home")
    forms = [
        path,
        path + "/",
        "dev/shell-1",
        "./dev/shell-1//",
        "../home/dev/shell-1",
        "~/dev/shell-1",
        str(tmp_path / "also-home/dev/shell-1"),
        str(tmp_path / "second"),
    ]
    assert {find_profile(machine, form).path for form in forms} == {path}


def test_a_bare_name_in_the_working_folder(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_profile(machine, str(tmp_path / "here"))
    monkeypatch.chdir(tmp_path)
    assert find_profile(machine, "here").path == path


def test_profile_folder_that_is_a_link_keeps_the_machines_spelling(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "data/nix/profiles")
    os.makedirs(tmp_path / "var")
    os.symlink(tmp_path / "data/nix", tmp_path / "var/nix")
    machine = Machine(
        store_dir=str(tmp_path / "store"), state_dir=str(tmp_path / "var/nix"), home=str(tmp_path)
    )
    make_profile(machine, machine.system_profile)
    real = str(tmp_path / "data/nix/profiles/system")
    assert find_profile(machine, real).path == machine.system_profile
    assert find_profile(machine, real).kind == "system"


def test_a_profile_without_generations_is_still_a_profile(machine: Machine) -> None:
    path = f"{machine.profiles_dir}/emptied"
    os.symlink("emptied-4-link", path)
    assert find_profile(machine, "emptied").path == path


def test_generations_whose_link_is_gone_are_still_a_profile(machine: Machine) -> None:
    path = f"{machine.profiles_dir}/unlinked"
    add_generation(path, 2, add_path(machine, "hello-1"))
    assert find_profile(machine, "unlinked").path == path


def test_no_nix_at_all_offers_the_playground(tmp_path: Path) -> None:
    machine = Machine(
        store_dir=str(tmp_path / "no/store"),
        state_dir=str(tmp_path / "no/var"),
        home=str(tmp_path),
        env={"XDG_STATE_HOME": str(tmp_path)},
    )
    with pytest.raises(NotFound, match="There is no Nix on this machine") as caught:
        find_profile(machine, None)
    assert "%nix playground start" in caught.value.todo


def test_no_profile_yet_names_where_was_looked(machine: Machine) -> None:
    with pytest.raises(NotFound, match="There is no profile yet") as caught:
        find_profile(machine, None)
    assert machine.system_profile in caught.value.why
    assert f"{machine.home}/.nix-profile" in caught.value.why
    assert "%nix playground start" in caught.value.todo


def test_an_unknown_name_names_the_profiles_that_there_are(machine: Machine) -> None:
    make_profile(machine, machine.system_profile)
    make_profile(machine, f"{machine.profiles_dir}/per-user/other/profile")
    with pytest.raises(NotFound, match="There is no profile 'sytem'") as caught:
        find_profile(machine, "sytem")
    assert f"{machine.profiles_dir}/sytem" in caught.value.why
    assert caught.value.todo[0] == "Profiles that there are: system, per-user/other/profile."


def test_a_playground_advises_no_playground(machine: Machine) -> None:
    with pytest.raises(NotFound) as caught:
        find_profile(msgspec.structs.replace(machine, playground=machine.home), "nope")
    assert "%nix playground start" not in caught.value.todo


def test_a_generations_link_is_told_from_a_profile(machine: Machine) -> None:
    path = make_profile(machine, f"{machine.profiles_dir}/my-tools")
    with pytest.raises(NotFound, match="is no profile") as caught:
        find_profile(machine, f"{path}-1-link")
    assert caught.value.why == f"It is generation 1 of the profile {path}."


def test_a_build_result_is_told_from_a_profile(machine: Machine, tmp_path: Path) -> None:
    os.symlink(add_path(machine, "hello-1"), tmp_path / "result")
    with pytest.raises(NotFound, match="is no profile") as caught:
        find_profile(machine, str(tmp_path / "result"))
    assert "leads to the store path" in caught.value.why


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda path: os.makedirs(path), "folder"),
        (lambda path: Path(path).write_text(""), "file"),
        (lambda path: os.symlink("nowhere", path), "dangling link"),
        (lambda path: os.symlink(path, path), "dangling link"),
    ],
)
def test_other_things_are_told_from_a_profile(
    machine: Machine, tmp_path: Path, make: object, word: str
) -> None:
    make(str(tmp_path / "thing"))  # type: ignore[operator]
    with pytest.raises(NotFound, match="is no profile") as caught:
        find_profile(machine, str(tmp_path / "thing"))
    assert f"is a {word}" in caught.value.why


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a\0b", "~nobody/x", "\udcff"])
def test_odd_names_are_not_found(machine: Machine, name: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_profile(machine, name)
    assert caught.value.lines()


def test_known_profiles_have_names_that_find_them(machine: Machine) -> None:
    state = f"{machine.home}/.local/state/nix/profiles"
    places = [
        machine.system_profile,
        f"{machine.profiles_dir}/system-profiles/rescue",
        f"{machine.profiles_dir}/system-profiles/system",
        f"{machine.profiles_dir}/per-user/someone/profile",
        f"{machine.profiles_dir}/per-user/someone/channels",
        f"{machine.profiles_dir}/per-user/other/profile",
        f"{state}/profile",
        f"{state}/home-manager",
        f"{state}/channels",
    ]
    for place in places:
        make_profile(machine, place)
    os.symlink(add_path(machine, "hello-1"), f"{machine.profiles_dir}/not-a-profile")
    known = known_profiles(machine)
    assert sorted(profile.path for profile in known) == sorted(places)
    assert [profile.name for profile in known[:2]] == ["system", "profile"]
    for profile in known:
        assert find_profile(machine, profile.name) == profile


def test_a_playground_does_not_see_this_users_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "m", env={}, playground=str(tmp_path / "m"))
    make_profile(machine, str(tmp_path / "mine/nix/profiles/profile"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    with pytest.raises(NotFound):
        find_profile(machine, None)


@pytest.mark.parametrize(
    ("name", "link", "number"),
    [
        ("system", "system-12-link", 12),
        ("system", "/nix/var/nix/profiles/system-12-link", 12),
        ("system-12", "system-12-link", None),
        ("system-12", "system-12-3-link", 3),
        ("system", "system-12-3-link", None),
        ("system", "system-012-link", None),
        ("system", "system-0-link", None),
        ("system", "system--1-link", None),
        ("system", "system-+1-link", None),
        ("system", "system-1_0-link", None),
        ("system", "system-١-link", None),
        ("system", "system- 1-link", None),
        ("system", "system--link", None),
        ("system", "system-link", None),
        ("system", "system-1-link.tmp", None),
        ("system", "system-9999999999999999999-link", None),
        ("system", "systems-1-link", None),
        ("a.c", "abc-1-link", None),
        ("a.c", "a.c-1-link", 1),
        ("system", None, None),
    ],
)
def test_numbers_in_links(name: str, link: str | None, number: int | None) -> None:
    assert generation_number(name, link) == number


@given(
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=[]), min_size=1),
    number=st.integers(1, 10**18 - 1),
)
def test_every_link_that_nix_writes_is_understood(name: str, number: int) -> None:
    assert generation_number(name, f"{name}-{number}-link") == number


@given(name=st.text(min_size=1), link=st.text())
def test_a_number_is_found_only_in_what_nix_writes(name: str, link: str) -> None:
    number = generation_number(name, link)
    base = link.rsplit("/", 1)[-1]
    assert (number is None) or base == f"{name}-{number}-link"

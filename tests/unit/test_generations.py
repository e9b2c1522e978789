"""Generations read from links and files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Generation, Profile
from luminous_nix_ipy.store.generations import current_number, list_generations, local_date
from tests.fake_system import (
    add_generation,
    add_path,
    add_system,
    make_machine,
    select,
    store_path,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return make_machine(tmp_path)


@pytest.fixture
def system(machine: Machine) -> Profile:
    return Profile("system", machine.system_profile, "system")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_everything_that_a_system_tells(machine: Machine, system: Profile) -> None:
    old = add_system(machine, "24.11", "6.6.30")
    special = add_path(machine, "special")
    new = add_system(machine, "25.11", "6.12.1", **{"specialisation/gaming": f"-> {special}"})
    add_generation(system.path, 9, old, date=1_700_000_000)
    add_generation(system.path, 10, new, date=1_700_003_600)
    select(system.path, 10)
    os.symlink(old, machine.current_system)
    os.symlink(old, machine.booted_system)
    newest, oldest = list_generations(machine, system, kept={old})
    assert (newest.number, newest.current, newest.state) == (10, True, "")
    assert newest.date == datetime.fromtimestamp(1_700_003_600, UTC)
    assert newest.nixos_version == "25.11"
    assert newest.kernel_version == "6.12.1"
    assert newest.configuration_revision == "rev-25.11"
    assert newest.specialisations == ("gaming",)
    assert newest.description == "NixOS 25.11"
    assert (newest.path, newest.link) == (new, f"{system.path}-10-link")
    assert newest.problem is None
    assert (oldest.number, oldest.current, oldest.state) == (9, False, "running, booted, kept")


def test_without_details_only_names_and_times_of_the_links_are_read(
    machine: Machine, system: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_generation(system.path, 1, store_path(machine, "gone"), date=1_700_000_000)
    add_generation(system.path, 2, store_path(machine, "gone"))
    select(system.path, 1)
    read = []
    readlink = os.readlink
    monkeypatch.setattr(os, "readlink", lambda path: read.append(path) or readlink(path))
    newer, older = list_generations(machine, system, details=False)
    assert older == Generation(
        number=1, date=local_date(1_700_000_000), current=True, link=f"{system.path}-1-link"
    )
    assert (newer.number, newer.current) == (2, False)
    assert read == [system.path]


def test_order_is_by_number_not_by_name_or_date(machine: Machine, system: Profile) -> None:
    for number, date in ((9, 300), (10, 200), (100, 100), (2, 400)):
        add_generation(system.path, number, store_path(machine, "x"), date=date)
    numbers = [g.number for g in list_generations(machine, system)]
    assert numbers == [100, 10, 9, 2]


def test_only_the_profiles_own_links_count(machine: Machine) -> None:
    profile = Profile("a", f"{machine.profiles_dir}/my.tools-1", "user")
    for name in ("my.tools-1", "my.tools-1-12", "myxtools-1", "my.tools", "my.tools-1-0", "tools"):
        add_generation(f"{machine.profiles_dir}/{name}", 12, store_path(machine, name))
    for name in ("my.tools-1-007-link", "my.tools-1-7-link.tmp", "my.tools-1-link", "my.tools-1-"):
        os.symlink(store_path(machine, name), f"{machine.profiles_dir}/{name}")
    found = list_generations(machine, profile)
    assert [(g.number, g.path) for g in found] == [(12, store_path(machine, "my.tools-1"))]


@given(
    listing=st.lists(st.from_regex(r"[ab]-?[0-9]{0,3}-?l?ink|a-[0-9]{1,4}-link", fullmatch=True))
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_listing(tmp_path_factory: pytest.TempPathFactory, listing: list[str]) -> None:
    folder = tmp_path_factory.mktemp("profiles")
    machine = Machine(run_dir=str(folder))
    for name in set(listing):
        os.symlink("/nowhere", folder / name)
    found = list_generations(machine, Profile("a", str(folder / "a"), "user"))
    expected = {name for name in listing if name[:2] == "a-" and name.endswith("-link")}
    expected = {name for name in expected if name[2:-5].isdigit() and name[2] != "0"}
    assert [g.link for g in found] == sorted(
        (str(folder / name) for name in expected),
        key=lambda link: int(link.split("-")[-2]),
        reverse=True,
    )


def test_dates_are_the_links_own_in_whole_seconds(machine: Machine, system: Profile) -> None:
    path = add_path(machine, "hello-1")
    os.utime(path, (1, 1))
    add_generation(system.path, 1, path, date=1_763_000_000)
    (generation,) = list_generations(machine, system)
    assert generation.date == datetime.fromtimestamp(1_763_000_000, UTC)


@pytest.mark.usefixtures("berlin")
def test_dates_have_the_offset_of_their_own_time() -> None:
    winter, summer = local_date(1_735_689_600), local_date(1_751_328_000)
    assert winter is not None and summer is not None
    assert winter.isoformat() == "2025-01-01T01:00:00+01:00"
    assert summer.isoformat() == "2025-07-01T02:00:00+02:00"
    assert (winter.tzname(), summer.tzname()) == ("CET", "CEST")


@pytest.mark.usefixtures("berlin")
def test_the_hour_that_comes_twice_stays_in_order() -> None:
    before, after = local_date(1_761_438_600), local_date(1_761_442_200)
    assert before is not None and after is not None
    assert before.replace(tzinfo=None) == after.replace(tzinfo=None)
    assert (after - before).total_seconds() == 3600


@pytest.mark.parametrize(
    "zone",
    [
        "UTC0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "America/St_Johns",
        "Africa/Casablanca",
    ],
)
def test_dates_of_ten_years_are_the_c_librarys(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for seconds in range(1_500_000_000, 1_800_000_000, 3 * 3600 + 1):
            date, local = local_date(seconds), time.localtime(seconds)
            assert date is not None
            assert date.timestamp() == seconds
            assert date.timetuple()[:6] == local[:6]
            assert date.tzname() == local.tm_zone
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_without_a_date_has_none() -> None:
    assert local_date(10**18) is None


@pytest.mark.parametrize("absolute", [False, True])
def test_current_is_the_links_target(machine: Machine, system: Profile, absolute: bool) -> None:
    for number in (1, 2):
        add_generation(system.path, number, store_path(machine, "x"))
    target = "system-1-link"
    os.symlink(f"{machine.profiles_dir}/{target}" if absolute else target, system.path)
    assert current_number(system) == 1
    assert [g.number for g in list_generations(machine, system) if g.current] == [1]


@pytest.mark.parametrize("target", ["other-1-link", "/elsewhere/system-1-link", "/nowhere", None])
def test_no_generation_is_current(machine: Machine, system: Profile, target: str | None) -> None:
    add_generation(system.path, 1, store_path(machine, "x"))
    if target is not None:
        os.symlink(target, system.path)
    assert current_number(system) is None
    assert not any(g.current for g in list_generations(machine, system))


def test_a_specialisation_that_runs_is_its_generations(machine: Machine, system: Profile) -> None:
    special = add_path(machine, "special")
    add_generation(system.path, 1, add_system(machine, "24.11"))
    add_generation(
        system.path, 2, add_system(machine, "25.11", **{"specialisation/gaming": f"-> {special}"})
    )
    os.symlink(special, machine.current_system)
    assert [(g.number, g.state) for g in list_generations(machine, system)] == [
        (2, "running"),
        (1, ""),
    ]


def test_a_dangling_link_is_a_row_that_says_so(machine: Machine, system: Profile) -> None:
    gone = store_path(machine, "gone")
    add_generation(system.path, 1, gone)
    add_generation(system.path, 2, add_system(machine, "25.11"))
    newest, dangling = list_generations(machine, system)
    assert newest.problem is None
    assert dangling.problem == f"It points to {gone}, which is not there."
    assert (dangling.path, dangling.nixos_version) == (gone, None)


def test_a_folder_or_file_in_a_links_place_is_a_row_that_says_so(
    machine: Machine, system: Profile
) -> None:
    os.mkdir(f"{system.path}-1-link")
    Path(f"{system.path}-2-link").write_text("")
    add_generation(system.path, 3, add_system(machine, "25.11"))
    _, file, folder = list_generations(machine, system)
    assert file.problem == f"{system.path}-2-link is a file, not a link."
    assert folder.problem == f"{system.path}-1-link is a folder, not a link."
    assert (file.path, file.nixos_version, file.date is None) == (None, None, False)


def test_a_relative_target_is_made_whole(machine: Machine, system: Profile) -> None:
    path = add_path(machine, "hello-1")
    add_generation(system.path, 1, os.path.relpath(path, machine.profiles_dir))
    assert list_generations(machine, system)[0].path == path


def test_names_that_are_not_utf8(machine: Machine) -> None:
    path = os.fsdecode(os.fsencode(machine.profiles_dir) + b"/caf\xe9")
    special = {os.fsdecode(b"specialisation/\xff"): None}
    add_generation(path, 1, add_system(machine, "25.11", **special))
    select(path, 1)
    (generation,) = list_generations(machine, Profile("x", path, "user"))
    assert generation.current and generation.problem is None
    assert os.fsencode(generation.specialisations[0]) == b"\xff"


def test_a_target_that_cannot_be_looked_at(machine: Machine, system: Profile) -> None:
    os.symlink("loop", f"{machine.store_dir}/loop")
    add_generation(system.path, 1, f"{machine.store_dir}/loop")
    assert list_generations(machine, system)[0].problem == (
        f"{machine.store_dir}/loop cannot be read: Too many levels of symbolic links."
    )


def test_a_profile_folder_that_is_gone_has_no_generations(machine: Machine) -> None:
    assert list_generations(machine, Profile("x", f"{machine.home}/no/such", "user")) == []


def test_a_profile_folder_that_cannot_be_read_is_a_sentence(machine: Machine) -> None:
    Path(machine.home, "file").write_text("")
    with pytest.raises(NixError, match="cannot be listed") as caught:
        list_generations(machine, Profile("x", f"{machine.home}/file/x", "user"))
    assert "Not a directory" in caught.value.why


def test_an_error_in_the_middle_of_a_listing_is_a_sentence(
    machine: Machine, system: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_generation(system.path, 1, store_path(machine, "x"))

    def failing(path: str, *, dir_fd: int | None = None) -> os.stat_result:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(os, "lstat", failing)
    with pytest.raises(NixError, match="cannot be listed") as caught:
        list_generations(machine, system)
    assert "Input/output error" in caught.value.why


def test_a_generation_that_vanishes_between_name_and_time_is_left_out(
    machine: Machine, system: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        add_generation(system.path, number, store_path(machine, "x"))
    lstat = os.lstat

    def vanishing(path: str, *, dir_fd: int | None = None) -> os.stat_result:
        if path == "system-1-link":
            os.unlink(path, dir_fd=dir_fd)
        return lstat(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "lstat", vanishing)
    assert [g.number for g in list_generations(machine, system, details=False)] == [2]


def test_a_generation_that_vanishes_while_it_is_read_is_left_out(
    machine: Machine, system: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        add_generation(system.path, number, store_path(machine, "x"))
    readlink = os.readlink

    def vanishing(path: str) -> str:
        if path.endswith("-1-link"):
            os.unlink(path)
        return readlink(path)

    monkeypatch.setattr(os, "readlink", vanishing)
    assert [g.number for g in list_generations(machine, system)] == [2]


def test_no_process_is_started(
    machine: Machine, system: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a read started a process")

    for owner, name in ((subprocess, "Popen"), (os, "fork"), (os, "posix_spawn"), (os, "system")):
        monkeypatch.setattr(owner, name, refuse)
    add_generation(system.path, 1, add_system(machine, "25.11"))
    assert list_generations(machine, system)[0].configuration_revision == "rev-25.11"

"""Both readers on real Nix, old and new, in private stores and in the machine's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine, local
from luminous_nix_ipy.records import Closure, Profile
from luminous_nix_ipy.store.profiles import find_profile
from luminous_nix_ipy.store.reader import DirectReader, ReaderProtocol
from luminous_nix_ipy.tools.commands import nix_version
from luminous_nix_ipy.tools.reader import CommandReader
from tests.fake_system import nixos_version_script
from tests.private_nix import add_generation, build, package, run
from tests.provide.nix import NixPrograms

_T = TypeVar("_T")

MULTI = """(derivation {
  name = "multi-1.0"; outputs = [ "out" "lib" "dev" ]; system = builtins.currentSystem;
  builder = "/bin/sh"; args = [ "-c" "echo l > $lib; echo x > $dev; echo x $lib > $out" ];
})"""


def system(version: str, kernel: str, packages: tuple[str, ...]) -> str:
    """The expression of a NixOS-shaped system."""
    script = f"""
      ln -s $needs $out/sw
      mkdir -p $out/kernel-modules/lib/modules/{kernel} $out/specialisation/gaming $out/bin
      echo {version} > $out/nixos-version
      echo '{{"org.nixos.bootspec.v1": {{"label": "NixOS {version}"}}}}' > $out/boot.json
      touch $out/bin/switch-to-configuration
    """
    path = package("system-path", version, needs=packages)
    return package(f"nixos-system-host-{version}", needs=(path,), script=script)


@pytest.fixture(params=["private", "default"])
def machine(request: pytest.FixtureRequest, nix_programs: NixPrograms, tmp_path: Path) -> Machine:
    """A private store, and this machine's own with the profiles in a temporary folder."""
    if request.param == "private":
        private: Machine = request.getfixturevalue("private_machine")
        return private
    own = local()
    if os.geteuid() != 0 and not os.access(own.store_dir, os.W_OK):
        pytest.skip(f"{own.store_dir} cannot be written: run the tests as root.")
    settings = "sandbox = false\nsubstituters =\nbuild-users-group =\n"
    return msgspec.structs.replace(
        own,
        env={
            **nix_programs.env,
            "NIX_CONFIG": settings + nix_programs.env.get("NIX_CONFIG", ""),
            "PATH": f"{nix_programs.bin_dir}:{os.environ['PATH']}",
            "HOME": own.home,
        },
    )


@pytest.fixture
def profile(machine: Machine, tmp_path: Path) -> Profile:
    """Three generations, the middle one current, and a note-worthy gap."""
    path = str(tmp_path / "profiles/with-dashes")
    os.makedirs(os.path.dirname(path))
    hello, newer = package("hello-2.10"), package("hello-2.12")
    for version, kernel, packages in (
        ("24.11", "6.6.30", (hello, MULTI)),
        ("25.05", "6.12.1", (hello,)),
        ("25.11", "6.12.1", (newer, MULTI)),
    ):
        add_generation(machine, path, build(machine, system(version, kernel, packages)))
    run(machine, "nix-env", "--profile", path, "--switch-generation", "2")
    return find_profile(machine, path)


def ask(machine: Machine, question: Callable[[ReaderProtocol], Awaitable[_T]]) -> _T:
    """The answer that both readers give."""

    async def both() -> tuple[_T, _T]:
        return await question(DirectReader(machine)), await question(CommandReader(machine))

    direct, command = asyncio.run(both())
    assert direct == command
    return direct


def test_generations_with_details_and_sizes(machine: Machine, profile: Profile) -> None:
    kept = {os.path.realpath(f"{profile.path}-1-link")}
    found = ask(machine, lambda reader: reader.generations(profile, sizes=True, kept=kept))
    assert [(g.number, g.current, g.state) for g in found] == [
        (3, False, ""),
        (2, True, ""),
        (1, False, "kept"),
    ]
    assert [g.nixos_version for g in found] == ["25.11", "25.05", "24.11"]
    assert [g.kernel_version for g in found] == ["6.12.1", "6.12.1", "6.6.30"]
    assert {g.specialisations for g in found} == {("gaming",)}
    assert all(g.closure_bytes and g.unique_bytes and g.problem is None for g in found)
    assert profile.kind == "system"
    bare = ask(machine, lambda reader: reader.generations(profile, details=False))
    assert [(g.number, g.date, g.current) for g in bare] == [
        (g.number, g.date, g.current) for g in found
    ]


def test_nix_env_took_no_fallback(machine: Machine, profile: Profile) -> None:
    reader = CommandReader(machine)
    asyncio.run(reader.generations(profile))
    assert reader.fallbacks == []


def test_closures(machine: Machine, profile: Profile) -> None:
    path = os.path.realpath(f"{profile.path}-1-link")

    async def closure(reader: ReaderProtocol) -> Closure:
        found = await reader.closure(path)
        assert (found.source == "commands") == (reader.name == "command")
        return msgspec.structs.replace(found, source="")

    found = ask(machine, closure)
    outputs = {os.path.basename(path)[33:]: name for path, name in found.outputs.items()}
    assert found.root == path
    assert (outputs["multi-1.0"], outputs["multi-1.0-lib"]) == ("out", "lib")
    assert {os.path.basename(p)[33:] for p in found.selected} == {"hello-2.10", "multi-1.0"}
    assert {path, *found.selected} <= found.sizes.keys()
    assert all(size > 0 for size in found.sizes.values())


def test_sizes_of_overlapping_closures(machine: Machine, profile: Profile) -> None:
    paths = [os.path.realpath(f"{profile.path}-{number}-link") for number in (1, 2, 3)]
    gone = f"{machine.store_dir}/{'a' * 32}-gone"
    sizes = ask(machine, lambda reader: reader.sizes([*paths, gone]))
    assert set(sizes) == set(paths)
    assert all(closure > unique > 0 for closure, unique in sizes.values())


def test_packages_of_overlapping_closures(machine: Machine, profile: Profile) -> None:
    one, two, three = (os.path.realpath(f"{profile.path}-{n}-link") for n in (1, 2, 3))
    gone = f"{machine.store_dir}/{'a' * 32}-gone"
    asked = {"hello", "multi", "nothing"}
    held, names = ask(machine, lambda reader: reader.packages([one, two, gone, three], asked))
    assert {path: sorted(parts) for path, parts in held.items()} == {
        one: [("hello", "2.10", "out"), ("multi", "1.0", "lib"), ("multi", "1.0", "out")],
        two: [("hello", "2.10", "out")],
        three: [("hello", "2.12", "out"), ("multi", "1.0", "lib"), ("multi", "1.0", "out")],
    }
    assert names > {"hello", "multi"} and "nothing" not in names
    assert ask(machine, lambda reader: reader.packages([gone], asked)) == ({}, frozenset())


def test_validity_and_totals(machine: Machine, profile: Profile) -> None:
    path = os.path.realpath(profile.path)
    assert ask(machine, lambda reader: reader.is_valid(path)) is True
    gone = f"{machine.store_dir}/{'a' * 32}-gone"
    assert ask(machine, lambda reader: reader.is_valid(gone)) is False
    count, size = ask(machine, lambda reader: reader.totals())
    assert count > 5 and size > 1000


def test_what_is_missing(private_machine: Machine) -> None:
    lib = package("lib-1")
    path = build(private_machine, package("app-1", needs=(lib,)))
    gone = run(private_machine, "nix-store", "--query", "--references", path)
    assert ask(private_machine, lambda reader: reader.missing(path)) == []
    os.chmod(gone, stat.S_IRWXU)
    shutil.rmtree(gone)
    assert ask(private_machine, lambda reader: reader.missing(path)) == [gone]
    other = f"{private_machine.store_dir}/{'a' * 32}-never"
    assert ask(private_machine, lambda reader: reader.missing(other)) == [other]


@pytest.mark.parametrize("reader", [DirectReader, CommandReader])
def test_a_closure_of_no_valid_path_is_not_found(
    private_machine: Machine, reader: type[DirectReader | CommandReader]
) -> None:
    build(private_machine, package("hello-1"))
    with pytest.raises(NotFound):
        asyncio.run(reader(private_machine).closure(f"{private_machine.store_dir}/{'a' * 32}-x"))


def test_rows_that_say_what_is_wrong_are_the_same(machine: Machine, profile: Profile) -> None:
    os.symlink(f"{machine.store_dir}/{'a' * 32}-gone", f"{profile.path}-7-link")
    os.mkdir(f"{profile.path}-8-link")
    os.symlink("/x", f"{profile.path}-09-link")
    os.symlink("/x", f"{profile.path}-2-link-3-link")
    found = ask(machine, lambda reader: reader.generations(profile, sizes=True))
    assert [g.number for g in found] == [8, 7, 3, 2, 1]
    assert [g.problem is None for g in found] == [False, False, True, True, True]
    assert [g.closure_bytes is None for g in found] == [True, True, False, False, False]


def test_an_absolute_link_is_still_current(machine: Machine, profile: Profile) -> None:
    os.unlink(profile.path)
    os.symlink(f"{profile.path}-3-link", profile.path)
    found = ask(machine, lambda reader: reader.generations(profile))
    assert [g.number for g in found if g.current] == [3]


def test_generations_of_one_path_have_nothing_of_their_own(private_machine: Machine) -> None:
    path, other = (build(private_machine, package(f"tool-{n}")) for n in (1, 2))
    for target in (path, other, path):
        add_generation(private_machine, "tools", target)
    tools = find_profile(private_machine, "tools")
    found = ask(private_machine, lambda reader: reader.generations(tools, sizes=True))
    assert [g.unique_bytes == 0 for g in found] == [True, False, True]


def test_the_revision_is_read_without_running_the_script(private_machine: Machine) -> None:
    marker = Path(private_machine.home, "was-run")
    text = nixos_version_script("25.11", "abc123").replace("#! /bin/sh", f"touch {marker}")
    folder = Path(private_machine.home, "system/sw/bin")
    folder.mkdir(parents=True)
    (folder / "nixos-version").write_text(text)
    (folder / "nixos-version").chmod(0o755)
    path = run(private_machine, "nix-store", "--add", str(folder.parent.parent))
    add_generation(private_machine, "system", path)
    system_profile = find_profile(private_machine, "system")
    found = ask(private_machine, lambda reader: reader.generations(system_profile))
    assert found[0].configuration_revision == "abc123"
    assert not marker.exists()


def test_the_version_of_each_nix(private_machine: Machine, nix_programs: NixPrograms) -> None:
    assert asyncio.run(nix_version(private_machine)) == nix_programs.version


@pytest.mark.parametrize("nix_programs", ["old"], indirect=True)
def test_a_user_who_may_not_lock_the_profile_still_lists_it(
    private_machine: Machine, tmp_path: Path
) -> None:
    add_generation(private_machine, "system", build(private_machine, package("hello-1")))
    system_profile = find_profile(private_machine, "system")
    as_nobody = tmp_path / "bin/nix-env"
    as_nobody.parent.mkdir()
    real = shutil.which("nix-env", path=private_machine.env["PATH"])
    as_nobody.write_text(f'#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups {real} "$@"\n')
    as_nobody.chmod(0o755)
    if os.geteuid() != 0:
        pytest.skip("Only root can become another user: run the tests as root.")
    subprocess.run(["setpriv", "--version"], check=True, capture_output=True)
    unprivileged = msgspec.structs.replace(
        private_machine,
        env={**private_machine.env, "PATH": f"{as_nobody.parent}:{private_machine.env['PATH']}"},
    )
    reader = CommandReader(unprivileged)
    found = asyncio.run(reader.generations(system_profile))
    assert found == asyncio.run(DirectReader(private_machine).generations(system_profile))
    assert len(reader.fallbacks) == 1

"""Packages on real Nix, old and new, in both kinds of profile: installed, removed, undone."""

from __future__ import annotations

import asyncio
import glob
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy import nix as nix_object
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine, use
from luminous_nix_ipy.records import Manifest
from luminous_nix_ipy.shell_path import PackageShell
from tests.private_nix import run as nix
from tests.provide.nix import NixPrograms
from tests.stand_in_nixpkgs import started, with_nixpkgs

INSTALL, REMOVE, INSTALLED, UNDO, SHELL = (
    OperationType.INSTALL,
    OperationType.REMOVE,
    OperationType.INSTALLED,
    OperationType.UNDO,
    OperationType.SHELL,
)


@pytest.fixture(params=["nix-env", "nix profile"])
def tool(request: pytest.FixtureRequest) -> str:
    """The tool that keeps the profile."""
    return str(request.param)


@pytest.fixture
def machine(private_machine: Machine, tmp_path: Path, tool: str) -> Machine:
    return with_nixpkgs(private_machine, tmp_path, flakes=tool == "nix profile")


@pytest.fixture
def backend(machine: Machine) -> NixBackend:
    return NixBackend(machine)


def execute(
    backend: NixBackend, kind: OperationType, *packages: str, dry_run: bool = False, **options: Any
) -> NixResult:
    operation = NixOperation(kind, packages=list(packages), dry_run=dry_run, options=options)
    return asyncio.run(backend.execute(operation))


def done(
    backend: NixBackend, kind: OperationType, *packages: str, **options: Any
) -> dict[str, Any]:
    result = execute(backend, kind, *packages, **options)
    assert result.success, result.error
    return result.data


def failure(result: NixResult) -> NixError:
    assert not result.success
    error = result.data["exception"]
    assert isinstance(error, NixError), repr(error)
    return error


def manifest(backend: NixBackend) -> Manifest:
    found: Manifest = done(backend, INSTALLED)["manifest"]
    return found


def names(backend: NixBackend) -> set[str]:
    return {package.name for package in manifest(backend).packages}


def says(machine: Machine, program: str) -> str:
    """What a program says that the profile links."""
    return subprocess.run(
        [f"{machine.home}/.nix-profile/bin/{program}"], check=True, capture_output=True, text=True
    ).stdout.strip()


def state(machine: Machine) -> dict[str, Any]:
    """All that a change may move; derivations and sources that evaluation adds are not of it."""
    folders = (machine.profiles_dir, machine.gcroots_dir, machine.user_state_dir, machine.home)
    found: dict[str, Any] = {}
    for folder in folders:
        for place, _, files in os.walk(folder):
            for name in [*files, *os.listdir(place)]:
                path = os.path.join(place, name)
                # Links to roots that are gone keep nothing; Nix's collector drops them.
                if os.path.islink(path) and (
                    "/auto/" not in path or os.path.lexists(os.readlink(path))
                ):
                    found[path] = os.readlink(path)
    found["store"] = {
        path for path in os.listdir(machine.store_dir) if not path.endswith((".drv", "-source"))
    }
    journal, _ = read_journal(machine)
    return {**found, "journal": [(entry.id, entry.outcome) for entry in journal]}


def test_packages_come_and_go(machine: Machine, backend: NixBackend, tool: str) -> None:
    first = done(backend, INSTALL, "hello")
    assert manifest(backend).tool == tool
    assert says(machine, "hello") == "hello, world"
    assert first["report"].outcome == "done"
    plan = done(backend, INSTALL, "tree", "python3Packages.requests")["plan"]
    assert [(step.name, step.action) for step in plan.packages] == [
        ("tree", "install"),
        ("python3-requests", "install"),
    ]
    assert plan.diff is not None
    assert {change.name for change in plan.diff.changes} >= {"tree", "python3-requests"}
    assert any("nixpkgs" in notice for notice in plan.notices)
    assert {"hello", "tree"} < names(backend)
    done(backend, REMOVE, "hello")
    assert "hello" not in names(backend) and says(machine, "tree") == "a tree"
    with pytest.raises(FileNotFoundError):
        says(machine, "hello")
    done(backend, UNDO, profile="profile")
    assert {"hello", "tree"} < names(backend)
    done(backend, REMOVE, *names(backend))
    assert names(backend) == set()
    entries, _ = read_journal(machine)
    assert [entry.operation for entry in entries] == [
        "install",
        "install",
        "remove",
        "undo",
        "remove",
    ]
    assert {entry.outcome for entry in entries} == {"done"}
    assert any("--install" in c or "profile" in c for c in entries[0].commands)


def test_a_second_run_has_nothing_to_do(machine: Machine, backend: NixBackend) -> None:
    done(backend, INSTALL, "hello")
    before = state(machine)
    again = done(backend, INSTALL, "hello")
    assert again["report"].outcome == "nothing to do"
    assert state(machine) == before
    # What is there already is left out, and the rest is done.
    plan = done(backend, INSTALL, "hello", "tree")["plan"]
    assert [(step.name, step.action) for step in plan.packages] == [
        ("hello", "keep"),
        ("tree", "install"),
    ]
    assert names(backend) == {"hello", "tree"}


def test_a_dry_run_changes_nothing(machine: Machine, backend: NixBackend) -> None:
    nix(machine, "nix-env", "--query")  # Nix makes the folders of a new user at any command.
    (Path(machine.store_dir) / ".links").mkdir(exist_ok=True)
    before = state(machine)
    result = execute(backend, INSTALL, "hello", "tree", dry_run=True)
    assert result.success, result.error
    plan = result.data["plan"]
    assert any("To be built: 2 (" in notice for notice in plan.notices), plan.notices
    assert all(step.paths[0].startswith(machine.store_dir) for step in plan.packages)
    assert state(machine) == before
    done(backend, INSTALL, "hello")
    before = state(machine)
    plan = done(backend, REMOVE, "hello", dry_run=True)["plan"]
    assert [(step.name, step.action) for step in plan.packages] == [("hello", "remove")]
    assert state(machine) == before


def test_wrong_names_get_the_closest_ones(machine: Machine, backend: NixBackend) -> None:
    done(backend, INSTALL, "hello", "tree")
    before = state(machine)
    error = failure(execute(backend, INSTALL, "helo"))
    assert any("hello" in item for item in error.todo), error.lines()
    error = failure(execute(backend, REMOVE, "tee"))
    assert isinstance(error, NotFound)
    assert "Did you mean tree?" in error.todo
    assert isinstance(failure(execute(backend, INSTALL)), Refused)
    assert isinstance(failure(execute(backend, INSTALL, "--attr")), Refused)
    assert isinstance(failure(execute(backend, INSTALL, "hello", profile="nowhere")), NotFound)
    assert state(machine) == before


def test_a_collision_is_explained_with_the_fix(machine: Machine, backend: NixBackend) -> None:
    done(backend, INSTALL, "hello")
    before = {**state(machine), "store": None}
    error = failure(execute(backend, INSTALL, "clash"))
    assert isinstance(error, CommandFailed)
    told = "\n".join(error.todo)
    assert "clash-1.0" in told and "hello-1.0" in told and "--set-flag priority" in told, told
    assert "%nix install NAME --priority 4" in told
    assert {**state(machine), "store": None} == before
    assert says(machine, "hello") == "hello, world"


@pytest.mark.parametrize(("priority", "said"), [(4, "not hello"), (6, "hello, world")])
def test_a_priority_lets_one_of_two_win(
    machine: Machine,
    backend: NixBackend,
    nix_programs: NixPrograms,
    tool: str,
    priority: int,
    said: str,
) -> None:
    nix(machine, "nix-env", "--query")  # makes the link ~/.nix-profile
    done(backend, INSTALL, "hello")
    before = {**state(machine), "store": None}
    result = execute(backend, INSTALL, "clash", priority=priority)
    if tool == "nix profile" and nix_programs.version < (2, 9):
        told = "This Nix knows no --priority: put a newer one into PATH, or do without."
        assert told in failure(result).todo
        assert {**state(machine), "store": None} == before
        return
    assert result.success, result.error
    assert says(machine, "hello") == said
    assert names(backend) == {"hello", "clash"}
    found = {package.name: package.priority for package in manifest(backend).packages}
    assert found["clash"] == priority
    plan = done(backend, INSTALL, "clash", priority=priority, dry_run=True)["plan"]
    assert plan.nothing_to_do
    assert "Installed already, so its priority stays: clash." in plan.notices


@pytest.mark.parametrize("tool", ["nix-env"], indirect=True)
def test_nix_env_gives_no_priority_to_a_path(machine: Machine, backend: NixBackend) -> None:
    path = done(backend, SHELL, "hello")["paths"][0]
    assert isinstance(failure(execute(backend, INSTALL, path, priority=4)), Refused)
    nested = done(backend, INSTALL, "python3Packages.requests", priority=3)["plan"]
    assert nested.packages[0].name == "python3-requests"
    assert manifest(backend).packages[0].priority == 3
    assert isinstance(failure(execute(backend, INSTALL, "tree", priority=0)), Refused)


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("unfree", "allowUnfree = true"),
        ("insecure", 'permittedInsecurePackages = [ "insecure-1.1" ]'),
    ],
)
def test_what_nixpkgs_refuses_is_recognised(
    machine: Machine, backend: NixBackend, package: str, told: str
) -> None:
    result = execute(backend, INSTALL, package)
    assert told in "\n".join(failure(result).todo), failure(result).lines()
    assert told in "\n".join(result.suggestions)


def test_a_failed_build_leaves_the_profile(machine: Machine, backend: NixBackend) -> None:
    done(backend, INSTALL, "hello")
    before = {**state(machine), "store": None}
    error = failure(execute(backend, INSTALL, "tree", "failing"))
    assert "failing-1.0" in str(error)
    assert {**state(machine), "store": None} == before


def test_an_interrupt_in_a_build_leaves_the_profile(
    machine: Machine, backend: NixBackend, tmp_path: Path
) -> None:
    done(backend, INSTALL, "hello")
    before = {**state(machine), "store": None}

    async def interrupted() -> float:
        operation = NixOperation(INSTALL, packages=["slow"])
        task = asyncio.create_task(backend.execute(operation))
        while not started(tmp_path).exists():
            await asyncio.sleep(0.05)
            assert not task.done()
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(asyncio.wait_for(interrupted(), 60)) < 4
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(tmp_path) not in running
    assert {**state(machine), "store": None} == before
    assert names(backend) == {"hello"}


def test_nothing_is_left_of_the_profile_that_was_built_aside(
    machine: Machine, backend: NixBackend, tmp_path: Path
) -> None:
    done(backend, INSTALL, "hello")
    nix(machine, "nix-store", "--gc")
    roots = nix(machine, "nix-store", "--gc", "--print-roots")
    assert "luminous-nix-" not in roots.replace("luminous-nix/", "")
    assert says(machine, "hello") == "hello, world"


def test_a_shell_has_the_programs_while_it_is_entered(
    machine: Machine, backend: NixBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    before = os.environ["PATH"]
    paths = done(backend, SHELL, "hello", "tree")["paths"]
    with PackageShell(["hello", "tree"], paths):
        for program, said in (("hello", "hello, world"), ("tree", "a tree")):
            told = subprocess.run([program], capture_output=True, text=True, check=True).stdout
            assert told.strip() == said
    assert os.environ["PATH"] == before
    error = failure(execute(backend, SHELL, "helo"))
    assert any("hello" in item for item in error.todo), error.lines()
    assert names(backend) == set()
    library = done(backend, SHELL, "library")["paths"]
    with pytest.raises(NotFound, match="no program"):
        PackageShell(["library"], library)


def test_what_is_in_path_is_kept_until_it_is_taken_away(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    (tmp_path / "tmp").mkdir()
    machine = replace(machine, env={**machine.env, "TMPDIR": str(tmp_path / "tmp")})
    use(machine)
    shell = nix_object.shell(["hello", "tree"])
    assert len(set(shell.paths)) == 2
    more = nix_object.shell(shell.paths[0])
    assert more.paths == shell.paths[:1]
    shell.exit()
    nix(machine, "nix-store", "--gc")
    assert [os.path.exists(path) for path in shell.paths] == [True, False]
    assert subprocess.run(["hello"], capture_output=True, check=True).stdout
    links = glob.glob(f"{machine.env['TMPDIR']}/luminous-nix-*/package*")
    assert {os.path.realpath(link) for link in links} == set(more.paths)
    more.exit()
    assert not glob.glob(f"{machine.env['TMPDIR']}/luminous-nix-*")
    nix(machine, "nix-store", "--gc")
    assert not os.path.exists(more.paths[0])
    with pytest.raises(NotFound):
        nix_object.shell("library")
    nix(machine, "nix-store", "--gc")
    roots = nix(machine, "nix-store", "--gc", "--print-roots")
    assert "luminous-nix-" not in roots.replace("luminous-nix/", "")


@pytest.mark.parametrize("tool", ["nix-env"], indirect=True)
def test_nix_env_replaces_what_has_the_same_name(machine: Machine, backend: NixBackend) -> None:
    done(backend, INSTALL, "nixpkgs.hello")
    plan = done(backend, INSTALL, "hello_2")["plan"]
    assert [(step.version, step.action) for step in plan.packages] == [
        ("1.0", "remove"),
        ("2.0", "install"),
    ]
    assert [(p.name, p.version) for p in manifest(backend).packages] == [("hello", "2.0")]
    path = manifest(backend).packages[0].paths[0]
    done(backend, REMOVE, "hello-2.0")
    done(backend, INSTALL, path)
    assert manifest(backend).packages[0].paths == (path,)
    error = failure(execute(backend, INSTALL, "github:owner/repo#tool"))
    assert isinstance(error, Refused) and "nix-env" in str(error)


def test_without_a_nixpkgs_it_says_so(private_machine: Machine) -> None:
    error = failure(execute(NixBackend(private_machine), INSTALL, "hello"))
    assert isinstance(error, NotFound) and "nixpkgs" in error.what
    assert any("nix-channel --add" in item for item in error.todo)


@pytest.mark.parametrize("tool", ["nix profile"], indirect=True)
def test_a_manifest_that_is_too_new_for_this_nix_is_told(
    machine: Machine, backend: NixBackend, nix_programs: NixPrograms, tmp_path: Path
) -> None:
    done(backend, INSTALL, "hello")
    found = manifest(backend)
    if nix_programs.name == "new":
        assert found.version == 3
        return
    assert found.version == 2
    made = tmp_path / "newer"
    made.mkdir()
    (made / "manifest.json").write_text('{"version": 3, "elements": {}}')
    path = nix(machine, "nix-store", "--add", str(made))
    nix(machine, "nix-env", "--profile", f"{machine.profiles_dir}/newer", "--set", path)
    error = failure(execute(backend, INSTALL, "tree", profile="newer"))
    assert "version 3" in str(error) and "2.8.0" in str(error)

"""Build, switch, test, boot and update on real Nix, old and new, on playgrounds.

What is built is the playgrounds' own stand-in for NixOS, from a channel, a file or a flake.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import BuildReport, NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import CommandFailed, NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.playground import realise
from luminous_nix_ipy.playground.catalogue import Packages
from luminous_nix_ipy.playground.description import Description
from luminous_nix_ipy.playground.systems import add_system
from tests.provide.nix import NixPrograms
from tests.require import require

BUILD, SWITCH, TEST, BOOT, UPDATE, INPUTS, UNDO = (
    *(OperationType.BUILD, OperationType.SWITCH, OperationType.TEST, OperationType.BOOT),
    *(OperationType.UPDATE, OperationType.INPUTS, OperationType.UNDO),
)


@pytest.fixture(scope="module")
def path(nix_programs: NixPrograms) -> Iterator[None]:
    """This Nix is the first in PATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{nix_programs.bin_dir}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture(scope="module")
def made(path: None) -> Iterator[Machine]:
    """A playground of five generations for the tests that leave it as it is."""
    machine = asyncio.run(playground.start(real=True))
    machines.use(None)
    yield machine
    machines.use(machine)
    asyncio.run(playground.stop())


@pytest.fixture
def machine(path: None) -> Iterator[Machine]:
    """A playground of five generations for one test."""
    yield asyncio.run(playground.start(real=True))
    asyncio.run(playground.stop())


@pytest.fixture
def backend(machine: Machine) -> NixBackend:
    return NixBackend(machine)


@pytest.fixture
def reader(made: Machine) -> NixBackend:
    return NixBackend(made)


def ask(backend: NixBackend, kind: OperationType, *names: str, **options: Any) -> NixResult:
    dry_run = options.pop("dry_run", False)
    return asyncio.run(backend.execute(NixOperation(kind, list(names), dry_run, options)))


def execute(backend: NixBackend, kind: OperationType, *names: str, **options: Any) -> NixResult:
    result = ask(backend, kind, *names, **options)
    assert result.success, result.error
    return result


def failure(result: NixResult) -> NixError:
    assert not result.success
    error = result.data["exception"]
    assert isinstance(error, NixError), repr(error)
    return error


def state(machine: Machine) -> dict[str, str]:
    """Everything that a change may move: links as their targets, files as their text."""
    found = {}
    tops = (machine.profiles_dir, machine.run_dir, machine.boot_dir, machine.etc_dir)
    tops += (f"{machine.gcroots_dir}/luminous-nix", machine.system_journal_dir)
    tops += (machine.user_state_dir, machine.env["TMPDIR"])
    for top in tops:
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name != "log"]
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                elif os.path.isfile(path) and not path.endswith((".xz", ".lock")):
                    found[path] = Path(path).read_text(errors="surrogateescape")
                else:
                    found[path] = ""
    return found


def current(machine: Machine) -> int:
    return int(os.readlink(machine.system_profile).split("-")[1])


def running(machine: Machine) -> str:
    return os.readlink(machine.current_system)


def boots(machine: Machine) -> str:
    return Path(machine.boot_dir, "loader/loader.conf").read_text()


def held(machine: Machine) -> list[str]:
    return os.listdir(machine.env["TMPDIR"])


def test_switch_dry_run_second_run_and_undo(machine: Machine, backend: NixBackend) -> None:
    before = state(machine)
    dry: BuildReport = execute(backend, SWITCH, dry_run=True).data["build"]
    assert any("nixos-system-playground" in derivation for derivation in dry.builds)
    assert dry.path is None and dry.commands[0].argv[0] == "nix-build"
    assert state(machine) == before
    plan = asyncio.run(backend.plan(NixOperation(SWITCH)))
    assert plan.diff is not None and plan.diff.changes
    assert plan.target.number == 6 and plan.target.nixos_version.startswith("26.05pre900006")
    assert [c.argv[-1] for c in plan.commands][::2] == ["test", "boot"]
    assert [c.argv[0] for c in plan.prepared] == ["nix-build"]
    assert len(held(machine)) == 1, "what was built is kept until it is a generation"
    result = asyncio.run(backend.execute(NixOperation(SWITCH), plan))
    assert result.success, result.error
    assert current(machine) == 6 and running(machine) == plan.target.path
    assert "generation-6" in boots(machine)
    assert held(machine) == []
    (entry,) = read_journal(machine)[0]
    assert (entry.operation, entry.from_number, entry.to_number) == ("rebuild", 5, 6)
    assert entry.commands[0].startswith("nix-build") and len(entry.commands) == 4
    after = state(machine)
    assert execute(backend, SWITCH).data["report"].outcome == "nothing to do"
    assert execute(backend, SWITCH, dry_run=True).data["plan"].nothing_to_do
    assert execute(backend, BOOT).data["report"].outcome == "nothing to do"
    assert state(machine) == after
    execute(backend, UNDO)
    assert current(machine) == 5


def test_test_moves_no_profile_boot_activates_nothing_and_specialisations_run(
    machine: Machine, backend: NixBackend
) -> None:
    system, booted = running(machine), boots(machine)
    execute(backend, TEST)
    assert current(machine) == 5 and boots(machine) == booted
    new = running(machine)
    assert new != system
    asked = NixOperation(TEST, options={"specialisation": "on-battery"})
    plan = asyncio.run(backend.plan(asked))
    special = os.path.realpath(f"{new}/specialisation/on-battery")
    assert plan.activated == special != new
    execute(backend, BOOT, install_bootloader=True)
    assert current(machine) == 6 and running(machine) == new and "generation-6" in boots(machine)
    log = Path(machine.env["LUMINOUS_PLAYGROUND_LOG"]).read_text().splitlines()
    assert "switch-to-configuration boot\tNIXOS_INSTALL_BOOTLOADER=1" in log[-1]
    result = execute(backend, SWITCH, specialisation="on-battery")
    assert running(machine) == special and current(machine) == 6
    assert os.readlink(f"{machine.system_profile}-6-link") == new
    assert "on-battery" in result.message
    before = state(machine)
    error = failure(ask(backend, SWITCH, specialisation="on-batteri"))
    assert error.todo == ("Did you mean on-battery?",)
    error = failure(ask(backend, BOOT, specialisation="on-battery"))
    assert "next boot" in error.what
    assert state(machine) == before


def system_file(folder: Path, number: int, generations: int) -> Path:
    """A Nix file whose system is this generation of a playground of so many."""
    packages = Packages()
    key = add_system(packages, number, generations)
    folder.mkdir(parents=True, exist_ok=True)
    description = Description(packages.derivations, [key], [], [])
    realise.write_description(str(folder / "description.json"), description)
    shutil.copy(realise.EXPRESSION, folder / "expression.nix")
    file = folder / "default.nix"
    file.write_text(
        "{ web.config.system.build.toplevel = builtins.head (import ./expression.nix "
        f'{{ description = ./description.json; path = "{realise.tools()}"; }}); }}'
    )
    return file


def test_build_makes_a_link_and_changes_nothing_else(
    made: Machine, reader: NixBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = state(made)
    dry: BuildReport = execute(reader, BUILD, dry_run=True).data["build"]
    assert dry.builds and not os.path.lexists("result")
    report: BuildReport = execute(reader, BUILD, max_jobs=1, option=[("cores", "1")]).data["build"]
    assert report.link == f"{tmp_path}/result" and os.readlink("result") == report.path
    assert set(report.builds) == set(dry.builds)
    assert report.diff is not None and report.diff.changes
    assert execute(reader, BUILD, dry_run=True).data["build"].builds == ()
    nix_store = ("nix-store", "--gc", "--print-roots")
    roots = subprocess.run(
        nix_store, env=made.child_environment(), capture_output=True, text=True, check=True
    )
    (root,) = [line for line in roots.stdout.splitlines() if f"{tmp_path}/result" in line]
    assert root.endswith(f" -> {report.path}")
    assert state(made) == before


def test_what_cannot_be_built_is_told_in_nixs_own_words(
    made: Machine, reader: NixBackend, tmp_path: Path
) -> None:
    before = state(made)
    file = tmp_path / "default.nix"
    file.write_text("{\n  config.system.build.toplevel = missing;\n}\n")
    error = failure(ask(reader, SWITCH, file=str(file)))
    assert "undefined variable 'missing'" in error.why and f"{file}:2:34" in error.why
    assert error.what == f"Nix could not build {file}."
    file.write_text(
        "{ config.system.build.toplevel = derivation { name = "
        '"broken"; system = builtins.currentSystem; builder = "/bin/sh"; '
        'args = [ "-c" "echo the reason; exit 3" ]; }; }'
    )
    error = failure(ask(reader, TEST, file=str(file)))
    assert isinstance(error, CommandFailed) and "broken.drv" in error.why
    assert "the reason" in error.failed_builds[-1].log
    error = failure(ask(reader, BUILD, file=str(file), attr="web", dry_run=True))
    assert "attribute 'web'" in error.why
    error = failure(ask(reader, BOOT, flake=f"{tmp_path}/gone"))
    assert "gone" in error.why
    os.unlink(f"{made.etc_dir}/nixos/configuration.nix")
    error = failure(ask(reader, SWITCH))
    assert error.what == "There is no configuration to build."
    Path(made.etc_dir, "nixos/configuration.nix").write_text(
        before[f"{made.etc_dir}/nixos/configuration.nix"]
    )
    assert state(made) == before


def test_an_interrupt_of_the_build_ends_nix_and_changes_nothing(
    made: Machine, reader: NixBackend, tmp_path: Path
) -> None:
    file, sign = tmp_path / "default.nix", tmp_path / "builds"
    file.write_text(
        "{ config.system.build.toplevel = derivation { name = "
        '"slow"; system = builtins.currentSystem; builder = "/bin/sh"; '
        f'args = [ "-c" "echo $$ > {sign}; exec {shutil.which("sleep")} 300" ]; }}; }}'
    )
    before = state(made)

    async def interrupt() -> float:
        task = asyncio.create_task(reader.plan(NixOperation(SWITCH, options={"file": str(file)})))
        while not (sign.exists() and sign.read_text()):
            await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(interrupt()) < 5
    builder = Path("/proc", sign.read_text().strip())
    deadline = time.monotonic() + 5
    while builder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not builder.exists()
    assert state(made) == before


def test_an_activation_that_fails_is_put_back(
    machine: Machine, backend: NixBackend, tmp_path: Path
) -> None:
    file = system_file(tmp_path / "fails", 3, 6)
    before = state(machine)
    error = failure(ask(backend, SWITCH, file=str(file), attr="web"))
    assert "Everything is as it was" in error.why
    after = state(machine)
    journal = f"{machine.system_journal_dir}/journal.jsonl"
    after.pop(journal)
    assert {k: v for k, v in after.items() if k in before} == before
    # Where the boot loader fails, the new generation was made already: it goes again.
    os.makedirs(f"{machine.boot_dir}/loader/.new")
    assert not ask(backend, SWITCH).success
    assert current(machine) == 5
    assert not os.path.lexists(f"{machine.system_profile}-6-link")


def test_a_switch_that_what_runs_does_not_allow_is_offered_as_boot(
    made: Machine, reader: NixBackend, tmp_path: Path
) -> None:
    file = system_file(tmp_path / "old", 2, 8)
    before = state(made)
    error = failure(ask(reader, SWITCH, file=str(file), attr="web"))
    assert "live switch" in error.why and "systemd" in error.why
    assert "Make it what the next boot starts: %nix boot" in error.todo
    assert state(made) == before
    boot = asyncio.run(reader.plan(NixOperation(BOOT, options={"file": str(file), "attr": "web"})))
    assert boot.refused == ()
    dry = execute(reader, BOOT, file=str(file), attr="web", dry_run=True).data["plan"]
    assert (dry.target, dry.commands) == (boot.target, boot.commands)


def test_channels_are_updated_then_built(machine: Machine, backend: NixBackend) -> None:
    before = state(machine)
    data = execute(backend, UPDATE, dry_run=True).data
    assert [c.change for c in data["changes"]] == ["unchanged"]
    assert data["commands"][0].argv == ("nix-channel", "--update")
    error = failure(ask(backend, UPDATE, "nixo"))
    assert error.todo == ("Did you mean nixos?",)
    assert "committed" in failure(ask(backend, UPDATE, commit=True)).what
    assert state(machine) == before
    result = execute(backend, UPDATE)
    (change,) = result.data["changes"]
    assert change.change == "updated"
    assert change.before.version.startswith("26.05pre900006")
    assert change.after.version.startswith("26.05pre900007")
    assert current(machine) == 6
    assert result.data["plan"].target.nixos_version == change.after.version
    assert [e.operation for e in read_journal(machine)[0]] == ["update", "rebuild"]
    again = execute(backend, UPDATE, inputs_only=True)
    assert again.message == "Everything was up to date."
    assert execute(backend, INPUTS).data["inputs"] == [change.after]


def flake_of(machine: Machine, folder: Path) -> str:
    """A flake whose system is of a local input, a copy of the playground's channel."""
    shutil.copytree(os.path.realpath(f"{machine.root_channels}/nixos"), folder / "input")
    os.chmod(folder / "input", 0o755)
    (folder / "flake").mkdir()
    system = subprocess.run(
        ("nix-instantiate", "--eval", "-E", "builtins.currentSystem"),
        env=machine.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (folder / "flake/flake.nix").write_text(
        f"""{{
  inputs.nixpkgs = {{ url = "path:{folder}/input"; flake = false; }};
  outputs = {{ self, nixpkgs }}: {{
    nixosConfigurations.web.config.system.build.toplevel = builtins.head
      (import "${{nixpkgs}}/expression.nix" {{
        description = "${{nixpkgs}}/description.json";
        path = "{realise.tools()}";
        system = {system};
      }});
  }};
}}
"""
    )
    return str(folder / "flake")


def test_flakes(machine: Machine, backend: NixBackend, tmp_path: Path) -> None:
    flake = flake_of(machine, tmp_path)
    before = state(machine)
    assert execute(backend, INPUTS, flake=flake).data["inputs"] == []
    dry: BuildReport = execute(backend, SWITCH, flake=f"{flake}#web", dry_run=True).data["build"]
    assert dry.builds and not os.path.exists(f"{flake}/flake.lock")
    error = failure(ask(backend, SWITCH, flake=f"{flake}#wob"))
    assert "wob" in error.why
    assert state(machine) == before
    execute(backend, SWITCH, flake=f"{flake}#web")
    assert current(machine) == 6
    (locked,) = execute(backend, INPUTS, flake=flake).data["inputs"]
    assert (locked.name, locked.type, locked.url) == ("nixpkgs", "path", f"path:{tmp_path}/input")
    assert locked.digest.startswith("sha256-") and locked.date is not None

    shutil.rmtree(tmp_path / "input")
    with tarfile.open(f"{machine.etc_dir}/channels/nixexprs.tar.xz") as tar:
        tar.extractall(tmp_path / "new", filter="data")
    os.rename(tmp_path / "new/nixos", tmp_path / "input")
    lock = Path(flake, "flake.lock").read_text()
    execute(backend, UPDATE, flake=flake, dry_run=True)
    error = failure(ask(backend, UPDATE, "nixpkg", flake=flake))
    assert error.todo == ("Did you mean nixpkgs?",)
    assert Path(flake, "flake.lock").read_text() == lock
    (change,) = execute(backend, UPDATE, "nixpkgs", flake=flake, inputs_only=True).data["changes"]
    assert change.change == "updated" and change.before == locked
    assert change.after.digest != locked.digest
    execute(backend, SWITCH, flake=f"{flake}#web")
    assert current(machine) == 7
    (entry,) = [e for e in read_journal(machine)[0] if e.operation == "update"]
    assert entry.outcome == "done" and "flake" in entry.commands[0]


def test_a_lock_file_can_be_committed(
    made: Machine, reader: NixBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("git")
    flake = flake_of(made, tmp_path)

    def git(*arguments: str) -> str:
        argv = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments)
        environment = made.child_environment()
        return subprocess.run(
            argv, cwd=flake, env=environment, capture_output=True, text=True, check=True
        ).stdout

    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "x")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "x@example.org")
    git("init", "--quiet")
    git("add", "flake.nix")
    git("commit", "--quiet", "-m", "begin")
    execute(reader, UPDATE, flake=flake, commit=True, inputs_only=True)
    assert git("show", "--name-only", "--format=", "HEAD").split() == ["flake.lock"]
    assert git("status", "--porcelain") == ""


def test_a_playground_without_nix_builds_nothing() -> None:
    made = asyncio.run(playground.start(real=False))
    try:
        for kind in (BUILD, SWITCH, TEST, BOOT):
            error = failure(ask(NixBackend(made), kind))
            assert error.what == "There is no Nix to build with."
    finally:
        asyncio.run(playground.stop())

"""Playgrounds that real Nix builds, old and new: true to Nix, and apart from the real machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.playground import layout, realise
from luminous_nix_ipy.store.generations import list_generations
from luminous_nix_ipy.store.profiles import find_profile
from tests.private_nix import run
from tests.provide.nix import NixPrograms

NIX_FOLDERS = ("/nix/var/nix/profiles", "/nix/var/nix/gcroots", "/run")
AUTO_ROOTS = "/nix/var/nix/gcroots/auto"


@pytest.fixture(scope="module")
def path(nix_programs: NixPrograms) -> Iterator[str]:
    """PATH as the user of that Nix has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{nix_programs.bin_dir}:{os.environ['PATH']}")
        for name in [name for name in os.environ if name.startswith("NIX_")]:
            patch.delenv(name)
        yield os.environ["PATH"]


@pytest.fixture(scope="module")
def made(path: str) -> Iterator[Machine]:
    machine = asyncio.run(playground.start(6, real=True))
    yield machine
    machines.use(machine)
    asyncio.run(playground.stop())


@pytest.fixture
def machine(made: Machine) -> Machine:
    machines.use(made)
    return made


@pytest.fixture
def temporary(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, in which playgrounds are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_nix_finds_its_store_whole(machine: Machine) -> None:
    run(machine, "nix-store", "--verify", "--check-contents")


def test_the_generations_are_as_described(machine: Machine) -> None:
    found = list_generations(machine, find_profile(machine, None))
    assert [g.number for g in found] == [6, 5, 4, 3, 2, 1]
    assert [g.kernel_version for g in found] == ["6.12.63", "6.12.58", "6.12.58", *["6.6.92"] * 3]
    assert (found[0].current, found[0].running, found[0].booted) == (True, True, True)
    assert found[0].specialisations == ("on-battery",)
    told = run(machine, "nix-env", "--profile", machine.system_profile, "--list-generations")
    listed = [line.split() for line in told.splitlines()]
    assert [(int(number), f"{day} {clock}") for number, day, clock, *_ in reversed(listed)] == [
        (g.number, g.date.strftime("%Y-%m-%d %H:%M:%S")) for g in found if g.date
    ]


def test_the_written_store_is_the_built_one(machine: Machine) -> None:
    """The same files, sizes, outputs and references, but for the hashes in the paths."""
    machines.use(None)
    written = asyncio.run(playground.start(6, real=False))
    try:
        assert told(written) == told(machine)
    finally:
        asyncio.run(playground.stop())


def told(machine: Machine) -> list[Any]:
    """What the database and the files of the outputs say, without hashes and folders."""

    def plain(text: str) -> str:
        return text.replace(machine.store_dir, "").replace(machine.playground or "", "")

    names = {entry.name: f"<{entry.name[33:]}>" for entry in os.scandir(machine.store_dir)}

    def without_hashes(text: str) -> str:
        for name, short in names.items():
            if name[:32] in text:
                text = text.replace(name, short)
        return plain(text)

    database = sqlite3.connect(f"file:{machine.database}?mode=ro", uri=True)
    query = "SELECT id, path, narSize FROM ValidPaths WHERE path NOT LIKE '%.drv'"
    rows = database.execute(query).fetchall()
    outputs = dict(database.execute("SELECT path, id FROM DerivationOutputs"))
    references: dict[int, list[str]] = {}
    for referrer, path in database.execute(
        "SELECT referrer, path FROM Refs JOIN ValidPaths ON id = reference"
    ):
        references.setdefault(referrer, []).append(without_hashes(path))
    database.close()
    root = len(machine.store_dir)
    found = []
    for id_, path, size in rows:
        if path in outputs:
            tree = files(path)
            found.append(
                (
                    path[root + 33 :],
                    outputs[path],
                    sorted(references.get(id_, [])),
                    {name: without_hashes(text) for name, text in tree.items()},
                    size,
                )
            )
    return sorted(found, key=repr)


def files(path: str) -> dict[str, str]:
    tree = {}
    for folder, folders, names in os.walk(path):
        for name in [*folders, *names]:
            full = os.path.join(folder, name)
            mode = oct(os.lstat(full).st_mode)
            if os.path.islink(full):
                tree[os.path.relpath(full, path)] = f"{mode} -> {os.readlink(full)}"
            elif os.path.isfile(full):
                tree[os.path.relpath(full, path)] = f"{mode} {Path(full).read_text()}"
            else:
                tree[os.path.relpath(full, path)] = mode
    return tree


def test_nix_finds_the_written_store_whole_too(path: str) -> None:
    """Nix measures every path again, and finds sizes and hashes as the database says."""
    machines.use(None)
    written = asyncio.run(playground.start(real=False))
    try:
        run(written, "nix-store", "--verify", "--check-contents")
        closure = run(written, "nix-store", "--query", "--requisites", written.system_profile)
        assert len(closure.splitlines()) > 20
        file = next(Path(written.store_dir).glob("*-glibc-2.40-66/lib/*"))
        file.chmod(0o644)
        file.write_text("damaged")
        with pytest.raises(AssertionError, match="was modified"):
            run(written, "nix-store", "--verify", "--check-contents")
    finally:
        asyncio.run(playground.stop())


def test_the_users_profile_is_one_that_nix_env_reads_and_changes(machine: Machine) -> None:
    profile = layout.user_profile(machine)
    told = run(machine, "nix-env", "--profile", profile, "--query").split()
    assert told == ["fastfetch-2.56.0", "git-2.52.0", "helix-25.07.1"]
    run(machine, "nix-env", "--profile", profile, "--uninstall", "helix")
    told = run(machine, "nix-env", "--profile", profile, "--query").split()
    assert told == ["fastfetch-2.56.0", "git-2.52.0"]
    assert os.readlink(profile) == "profile-4-link"
    run(machine, "nix-env", "--profile", profile, "--rollback")
    run(machine, "nix-env", "--profile", profile, "--delete-generations", "4")


def test_the_garbage_collector_keeps_every_generation_and_what_runs(machine: Machine) -> None:
    run(machine, "nix-store", "--gc")
    run(machine, "nix-store", "--verify", "--check-contents")
    for name in ("current-system", "booted-system"):
        assert os.path.exists(f"{machine.run_dir}/{name}/nixos-version")
    roots = run(machine, "nix-store", "--query", "--roots", os.readlink(machine.current_system))
    assert "gcroots/current-system" in roots or machine.current_system in roots


def test_a_rollback_works_on_it(machine: Machine) -> None:
    operation = NixOperation(OperationType.ROLLBACK, options={})
    result = asyncio.run(NixBackend(machine).execute(operation))
    assert result.success, result.error
    assert os.readlink(machine.system_profile) == "system-5-link"
    assert os.readlink(machine.current_system) == os.readlink(f"{machine.system_profile}-5-link")
    undone = asyncio.run(NixBackend(machine).execute(NixOperation(OperationType.UNDO)))
    assert undone.success, undone.error
    assert os.readlink(machine.system_profile) == "system-6-link"


def test_stopping_it_leaves_nothing(temporary: Path) -> None:
    asyncio.run(playground.start(real=True))
    asyncio.run(playground.stop())
    assert list(temporary.iterdir()) == []


def test_the_real_machine_is_not_touched(temporary: Path) -> None:
    before = {folder: listing(folder) for folder in NIX_FOLDERS}
    variables = dict(os.environ)
    home = sorted(Path(os.environ["HOME"]).rglob("*"))
    machine = asyncio.run(playground.start(real=True))
    newest = os.readlink(machine.current_system)
    subprocess.run(
        [f"{newest}/bin/switch-to-configuration", "switch"],
        env=machine.child_environment(),
        check=True,
    )
    asyncio.run(playground.stop())
    assert dict(os.environ) == variables
    assert sorted(Path(os.environ["HOME"]).rglob("*")) == home
    assert {folder: listing(folder) for folder in NIX_FOLDERS} == before
    # Tests of the default store add roots of their own meanwhile: none may lead here.
    assert not [to for to in listing(AUTO_ROOTS).values() if Path(to).is_relative_to(temporary)]


def listing(folder: str) -> dict[str, str]:
    """The links of a real folder and where they lead."""
    found = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    found[entry.name] = os.readlink(entry.path)
    return found


def test_variables_of_this_process_do_not_lead_nix_out(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STORE_DIR", "STATE_DIR", "LOG_DIR", "CONF_DIR"):
        monkeypatch.setenv(f"NIX_{name}", str(tmp_path / "real" / name))
    monkeypatch.setenv("NIX_PROFILE", str(tmp_path / "real/profile"))
    monkeypatch.setenv("NIX_REMOTE", "daemon")
    monkeypatch.setenv("NIX_CONFIG", "substituters = https://nowhere.invalid\nmax-jobs = 0")
    asyncio.run(playground.start(real=True))
    asyncio.run(playground.stop())
    assert not (tmp_path / "real").exists()


def test_a_build_that_fails_leaves_nothing(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "expression.nix"
    broken.write_text('{ description, path }: throw "no such thing"')
    monkeypatch.setattr(realise, "EXPRESSION", str(broken))
    with pytest.raises(CommandFailed, match="nix-build") as caught:
        asyncio.run(playground.start(real=True))
    assert "no such thing" in caught.value.stderr
    assert list(temporary.iterdir()) == []


def test_an_interrupted_build_leaves_nothing(temporary: Path) -> None:
    async def interrupted() -> float:
        task = asyncio.create_task(playground.start(real=True))
        while not list(temporary.glob("*/nix/store/*-glibc-2.40-66")):
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(interrupted()) < 10
    assert list(temporary.iterdir()) == []
    assert str(temporary) not in processes()


def processes() -> str:
    """The command lines of all processes."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append((folder / "cmdline").read_bytes().decode(errors="replace"))
    return "\n".join(lines)


@pytest.mark.parametrize("nix_programs", ["old"], indirect=True)
def test_without_privileges_it_works_as_well(path: str) -> None:
    nobody = 65534 if os.geteuid() == 0 else os.geteuid()
    asyncio.run(playground.start(real=False))  # imports what nobody may not be able to read
    asyncio.run(playground.stop())
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, nobody)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setresgid(nobody, nobody, nobody)
                    os.setresuid(nobody, nobody, nobody)
                tempfile.tempdir = folder
                asyncio.run(playground.start(real=True))
                asyncio.run(playground.stop())
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert os.listdir(folder) == []

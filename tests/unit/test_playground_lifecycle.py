"""A playground starts, is used, and goes without a trace; nothing in it reaches out of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.playground import (
    furnish,
    layout,
    lifecycle,
    owner,
    realise,
    simulate,
)
from luminous_nix_ipy.playground.contents import describe
from luminous_nix_ipy.playground.description import File, Link
from luminous_nix_ipy.playground.layout import machine_in
from luminous_nix_ipy.playground.nar import serialise
from luminous_nix_ipy.playground.nix_env import write_program
from luminous_nix_ipy.store.generations import list_generations
from luminous_nix_ipy.store.profiles import find_profile, known_profiles
from tests.playground import simulated


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    """A playground for tests that only look at it."""
    with simulated(7) as machine:
        yield machine


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What a test leaves is seen, and other tests' playgrounds are not."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    for left in folder.iterdir():
        owner.remove(str(left))


def start(generations: int = 5, **options: object) -> Machine:
    return asyncio.run(playground.start(generations, **{"real": False, **options}))  # type: ignore[arg-type]


def stop() -> None:
    asyncio.run(playground.stop())


def test_it_is_used_by_this_kernel_until_it_is_stopped(own_temporary_folder: Path) -> None:
    made = start()
    assert machines.current() is made
    status = playground.status()
    assert status is not None
    assert (status.folder, status.generations, status.simulated) == (made.playground, 5, True)
    assert abs(status.made - datetime.now().astimezone()) < timedelta(minutes=1)
    stop()
    assert machines.current().playground is None
    assert playground.status() is None
    assert list(own_temporary_folder.iterdir()) == []


def test_generations_are_listed_by_the_same_code_as_anywhere(made: Machine) -> None:
    found = list_generations(made, find_profile(made, None))
    assert [g.number for g in found] == [7, 6, 5, 4, 3, 2, 1]
    newest, previous = found[:2]
    assert (newest.current, newest.running, newest.booted) == (True, True, True)
    assert newest.nixos_version is not None and newest.nixos_version.startswith("26.05pre")
    assert (newest.kernel_version, previous.kernel_version) == ("6.12.63", "6.12.58")
    assert newest.specialisations == ("on-battery",)
    assert newest.configuration_revision is not None and len(newest.configuration_revision) == 40
    assert found[3].description is not None and "fails on purpose" in found[3].description
    assert not any(g.problem for g in found)


def test_links_are_dated_over_the_days_before(made: Machine) -> None:
    dates = [g.date for g in list_generations(made, find_profile(made, None))]
    today = datetime.now().astimezone().date()
    assert [(today - date.date()).days for date in dates if date] == [0, 3, 6, 9, 12, 15, 18]


def test_there_are_profiles_of_the_system_the_user_and_home_manager(made: Machine) -> None:
    found = {profile.name: profile for profile in known_profiles(made)}
    assert {name: profile.kind for name, profile in found.items()} == {
        "system": "system",
        "profile": "user",
        "home-manager": "home-manager",
    }
    assert len(list_generations(made, found["profile"])) == 3
    assert len(list_generations(made, found["home-manager"])) == 2
    assert find_profile(made, "~/.nix-profile").path == found["profile"].path


def test_the_boot_menu_is_there_and_nothing_was_activated_yet(made: Machine) -> None:
    loader = Path(made.boot_dir, "loader")
    assert (loader / "loader.conf").read_text() == "default nixos-generation-7.conf\n"
    assert len(list((loader / "entries").iterdir())) == 7
    assert not os.path.exists(layout.activations_log(made))


def test_the_database_tells_the_truth_about_the_store(made: Machine) -> None:
    database = sqlite3.connect(f"file:{made.database}?mode=ro", uri=True)
    rows = database.execute("SELECT id, path, hash, narSize, deriver FROM ValidPaths").fetchall()
    names = {path for _, path, *_ in rows}
    assert names == {entry.path for entry in os.scandir(made.store_dir)}
    for _, path, digest, size, deriver in rows:
        archive = serialise(on_disk(path))
        assert (size, digest) == (len(archive), f"sha256:{hashlib.sha256(archive).hexdigest()}")
        assert deriver is None if path.endswith(".drv") else deriver in names
    ids = {id_: path for id_, path, *_ in rows}
    references = {(ids[a], ids[b]) for a, b in database.execute("SELECT * FROM Refs")}
    for path in names:
        text = b"".join(contents(path))
        for other in names:
            named = os.path.basename(other)[:32].encode() in text
            output_of_drv = path.endswith(".drv") and not other.endswith(".drv")
            assert named == ((path, other) in references) or output_of_drv, (path, other)
    outputs = dict(database.execute("SELECT path, id FROM DerivationOutputs"))
    assert outputs.keys() == {path for path in names if not path.endswith(".drv")}
    assert {"out", "lib", "dev", "bin", "man", "modules"} == set(outputs.values())
    database.close()


def on_disk(path: str) -> dict[str, File | Link | None] | File:
    """A store path as a tree, read back from the disk."""
    if os.path.isfile(path):
        return File(
            Path(path).read_text(), os.access(path, os.X_OK) and os.stat(path).st_mode & 64 > 0
        )
    tree: dict[str, File | Link | None] = {}
    for folder, folders, files in os.walk(path):
        for name in [*folders, *files]:
            full = os.path.join(folder, name)
            relative = os.path.relpath(full, path)
            if os.path.islink(full):
                tree[relative] = Link(os.readlink(full))
            elif os.path.isdir(full):
                tree[relative] = None
            else:
                tree[relative] = File(Path(full).read_text(), os.stat(full).st_mode & 64 > 0)
    return tree


def contents(path: str) -> Iterator[bytes]:
    tree = on_disk(path)
    for entry in [tree] if isinstance(tree, File) else tree.values():
        if entry is not None:
            yield (entry.text if isinstance(entry, File) else entry.target).encode()


def test_the_archive_is_nixs() -> None:
    def text(data: bytes) -> bytes:
        return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)

    words = (
        b"nix-archive-1 ( type directory "
        b"entry ( name a node ( type regular executable  contents 12345678 ) ) "
        b"entry ( name b node ( type symlink target a ) ) "
        b"entry ( name c node ( type directory "
        b"entry ( name d node ( type regular contents x ) ) ) ) )"
    )
    tree = {"c/d": File("x"), "a": File("12345678", executable=True), "b": Link("a")}
    assert serialise(tree) == b"".join(map(text, words.split(b" ")))


def test_base_32_is_nixs() -> None:
    data = bytes.fromhex("800d59cfcd3c05e900cb4e214be48f6b886a08df")
    assert simulate.base32(data) == "vw46m23bizj4n8afrc0fj19wrp7mj3c0"


def test_the_store_is_read_only_as_nix_leaves_it(made: Machine) -> None:
    for folder, folders, files in os.walk(made.store_dir):
        for name in [*folders, *files]:
            status = os.lstat(os.path.join(folder, name))
            assert status.st_mtime == 1
            assert os.path.islink(os.path.join(folder, name)) or status.st_mode & 0o222 == 0


def test_more_generations_can_be_asked_for() -> None:
    made = start(60)
    links = [f"{made.system_profile}-{number}-link" for number in range(1, 61)]
    assert len({os.readlink(link) for link in links}) == 60


@pytest.mark.parametrize(("asked", "offered"), [(4, 5), (0, 5), (-1, 5), (1001, 1000)])
def test_a_number_that_is_not_offered_is_refused(asked: int, offered: int) -> None:
    with pytest.raises(Refused) as caught:
        start(asked)
    assert caught.value.todo == (f"%nix playground start --generations {offered}",)


def test_a_second_start_says_that_one_is_in_use() -> None:
    made = start()
    with pytest.raises(Refused) as caught:
        start()
    assert made.playground is not None and made.playground in caught.value.why
    assert any("reset" in item for item in caught.value.todo)
    assert machines.current() is made


def test_reset_makes_a_new_one_as_the_old_one_was(own_temporary_folder: Path) -> None:
    old = start(6)
    Path(old.home, "mine").write_text("x")
    new = asyncio.run(playground.reset())
    assert machines.current() is new
    assert [str(folder) for folder in own_temporary_folder.iterdir()] == [new.playground]
    status = playground.status()
    assert status is not None and (status.generations, status.simulated) == (6, True)
    asyncio.run(playground.reset(8))
    status = playground.status()
    assert status is not None and status.generations == 8


def test_a_reset_that_fails_keeps_the_old_one(
    own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = start()
    monkeypatch.setattr(simulate, "build", out_of_space)
    with pytest.raises(NixError):
        asyncio.run(playground.reset())
    assert machines.current() is old
    assert [str(folder) for folder in own_temporary_folder.iterdir()] == [old.playground]
    assert os.access(f"{old.programs_dir}/nix-env", os.X_OK)


@pytest.mark.parametrize("action", [playground.stop, playground.reset])
def test_where_none_is_in_use_nothing_is_stopped_or_reset(action: object) -> None:
    with pytest.raises(NotFound) as caught:
        asyncio.run(action())  # type: ignore[operator]
    assert caught.value.todo == ("%nix playground start",)


def test_one_that_someone_else_removed_can_be_stopped() -> None:
    made = start()
    owner.remove(made.playground or "")
    stop()
    assert machines.current().playground is None


def out_of_space(*_: object) -> dict[str, str]:
    raise OSError(28, "No space left on device", "/somewhere")


@pytest.mark.parametrize("problem", ["disk", "database", "script"])
def test_a_start_that_fails_leaves_nothing_and_says_why(
    problem: str, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> dict[str, str]:
        raise sqlite3.OperationalError("database or disk is full")

    if problem == "script":
        monkeypatch.setenv("PATH", "/nowhere")
    else:
        monkeypatch.setattr(simulate, "build", out_of_space if problem == "disk" else broken)
    ended: list[tuple[str, float]] = []
    progress = Progress(lambda message, fraction: ended.append((message, fraction)))
    with pytest.raises(NixError) as caught:
        start(progress=progress)
    assert isinstance(caught.value, CommandFailed) == (problem == "script")
    assert caught.value.why
    assert list(own_temporary_folder.iterdir()) == []
    assert machines.current().playground is None
    assert ended[-1][0] == "no playground was made"
    assert progress.state.success is False


def test_an_unwritable_temporary_folder_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/proc/nowhere")
        patch.setattr(owner, "left_behind", lambda: [])
        with pytest.raises(NixError) as caught:
            start()
    assert "TMPDIR" in caught.value.todo[0]


@pytest.mark.parametrize("at", ["the beginning", "zlib", "profile-1-link"])
def test_an_interrupted_start_leaves_nothing(at: str, own_temporary_folder: Path) -> None:
    told: list[str] = []

    async def interrupted() -> None:
        task = asyncio.create_task(playground.start(12, real=False, progress=progress))
        while not (at == "the beginning" or any(at in message for message in told)):
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    progress = Progress(lambda message, fraction: told.append(message), interval=0)
    asyncio.run(interrupted())
    assert list(own_temporary_folder.iterdir()) == []
    assert machines.current().playground is None
    assert told[-1:] in ([], ["no playground was made"])
    if at == "zlib":
        assert len(told) < 100, "the writing went on after the interrupt"


def test_progress_is_told_from_beginning_to_end() -> None:
    told: list[tuple[str, float]] = []
    progress = Progress(lambda message, fraction: told.append((message, fraction)), interval=0)
    start(progress=progress)
    fractions = [fraction for _, fraction in told]
    assert told[0] == ("making a playground", 0.0)
    assert told[-1] == ("a playground with 5 generations is ready", 1.0)
    assert fractions == sorted(fractions)
    steps = len(describe(5).derivations) + 5 + 3 + 2 + 1
    assert fractions[1:-1] == pytest.approx([(step + 1) / steps for step in range(steps)])
    assert "openssl-3.6.1" in dict(told)


def test_without_nix_it_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("cat", "cp", "date", "mkdir", "mv", "readlink", "rm"):
        os.symlink(shutil.which(program) or "", tmp_path / program)
    monkeypatch.setenv("PATH", str(tmp_path))
    made = start(real=None)
    assert made.simulated
    stop()
    with pytest.raises(NotFound) as caught:
        start(real=True)
    assert "%nix playground start" in caught.value.todo[0]


# What dead kernels left


def leave(generations: int = 5, **changes: object) -> str:
    """A playground's folder whose marker says these things of its process."""
    folder = owner.make_folder(generations, simulated=True)
    marker = owner.read_marker(folder)
    assert marker is not None
    told = msgspec.json.encode(msgspec.structs.replace(marker, **changes))
    Path(folder, owner.MARKER).write_bytes(told)
    inner = Path(folder, "nix/store/read-only")
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    inner.chmod(0o555)
    inner.parent.chmod(0o555)
    return folder


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_a_dead_kernel_left_is_removed_at_the_next_start() -> None:
    left = [leave(pid=dead_process()), leave(boot_id="another"), leave(started="1")]
    start()
    assert [folder for folder in left if os.path.exists(folder)] == []


def test_a_killed_kernel_leaves_its_playground_to_the_next_start(
    own_temporary_folder: Path,
) -> None:
    program = (
        "import asyncio, os, signal, tempfile\n"
        f"tempfile.tempdir = {str(own_temporary_folder)!r}\n"
        "from luminous_nix_ipy import playground\n"
        "asyncio.run(playground.start(real=False))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], timeout=60)
    (left,) = own_temporary_folder.iterdir()
    made = start()
    assert not left.exists()
    assert [str(folder) for folder in own_temporary_folder.iterdir()] == [made.playground]


def test_a_zombie_is_dead(own_temporary_folder: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = owner._start_time(child.pid)
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    left = leave(pid=child.pid, started=started or "")
    assert owner.left_behind() == [left]
    child.wait()


def test_what_is_not_surely_left_behind_stays(own_temporary_folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alive = leave(pid=child.pid, started=owner._start_time(child.pid))
        elsewhere = leave(pid=dead_process(), pid_namespace="pid:[1]")
        unmarked = own_temporary_folder / f"{owner.PREFIX}unmarked"
        strange = own_temporary_folder / f"{owner.PREFIX}strange"
        linked = own_temporary_folder / f"{owner.PREFIX}linked"
        named_otherwise = own_temporary_folder / "other"
        unmarked.mkdir()
        strange.mkdir()
        (strange / owner.MARKER).write_text("not of ours")
        dead = leave(pid=dead_process())
        os.rename(dead, named_otherwise)
        linked.symlink_to(named_otherwise)
        before = sorted(own_temporary_folder.iterdir())
        made = start()
        assert sorted(own_temporary_folder.iterdir()) == sorted(
            [*before, Path(made.playground or "")]
        )
    linked.unlink()
    unmarked.rmdir()
    shutil.rmtree(strange)
    assert os.path.exists(alive) and os.path.exists(elsewhere)


def test_another_users_folder_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    left = leave(pid=dead_process())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert owner.left_behind() == []
    monkeypatch.undo()
    assert os.path.exists(left)


def test_one_that_cannot_be_removed_does_not_stop_a_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left = leave(pid=dead_process())

    def remove(folder: str) -> None:
        raise PermissionError(1, "Operation not permitted", folder)

    with monkeypatch.context() as patch:
        patch.setattr(owner, "remove", remove)
        start()
    assert left in caplog.text


def test_nothing_without_a_marker_is_ever_deleted(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    with pytest.raises(Refused):
        owner.remove(str(precious))
    assert (precious / "file").read_text() == "x"


def test_removal_does_not_follow_links_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o555)
    (tmp_path / "file").write_text("x")
    made = start()
    os.symlink(outside, f"{made.home}/folder")
    os.symlink(tmp_path / "file", f"{made.playground}/file")
    os.symlink(outside, f"{made.playground}/folder")
    stop()
    assert (tmp_path / "file").read_text() == "x"
    assert outside.stat().st_mode & 0o777 == 0o555


def test_links_to_what_was_built_in_it_go_with_it(tmp_path: Path) -> None:
    made = start()
    auto = Path(made.gcroots_dir, "auto")
    auto.mkdir(exist_ok=True)
    link, other, plain = tmp_path / "result", tmp_path / "other", tmp_path / "plain"
    link.symlink_to(f"{made.store_dir}/built")
    other.symlink_to(tmp_path)
    plain.write_text("x")
    for number, target in enumerate((link, other, plain, tmp_path / "gone")):
        (auto / str(number)).symlink_to(target)
    stop()
    assert not os.path.lexists(link)
    assert os.readlink(other) == str(tmp_path) and plain.read_text() == "x"


def test_an_interrupted_removal_can_be_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = leave(pid=dead_process())
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", out_of_space)
        with pytest.raises(OSError, match="No space"):
            owner.remove(left)
    assert owner.left_behind() == [left]
    owner.remove(left)
    assert not os.path.exists(left)


# Nothing in it can touch a real machine


def test_this_process_keeps_its_own_variables() -> None:
    before = dict(os.environ)
    start()
    assert dict(os.environ) == before
    stop()
    assert dict(os.environ) == before


def test_every_folder_of_the_machine_is_inside(made: Machine) -> None:
    folder = made.playground
    assert folder is not None
    fields = {name: getattr(made, name) for name in Machine.__struct_fields__}
    folders = {name: value for name, value in fields.items() if name.endswith(("_dir", "home"))}
    assert {"store_dir", "etc_dir", "home"} < folders.keys()
    for name, value in folders.items():
        assert value.startswith(f"{folder}/"), name
    for name, value in made.env.items():
        assert value == "" or value.startswith(folder) or name == "USER", name


def test_variables_that_would_lead_programs_out_are_overruled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = (
        *("NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR", "NIX_CONF_DIR", "NIX_CONFIG"),
        *("NIX_REMOTE", "NIX_PROFILE", "NIX_PATH", "NIX_USER_CONF_FILES", "HOME", "TMPDIR"),
        *("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    )
    for name in names:
        monkeypatch.setenv(name, "/real")
    env = start().child_environment()
    assert {name for name in names if env[name] == "/real"} == set()


def nix_env(machine: Machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The playground's own nix-env, found as any program finds it."""
    return subprocess.run(
        ["nix-env", "--profile", machine.system_profile, *arguments],
        env=machine.child_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_stand_in_is_the_program_nix_env(made: Machine) -> None:
    assert shutil.which("nix-env", path=machines.local().child_environment()["PATH"]) != (
        f"{made.programs_dir}/nix-env"
    )
    done = nix_env(made, "--switch-generation", "2")
    assert (done.returncode, done.stderr) == (0, "switching profile from version 7 to 2\n")
    assert os.readlink(made.system_profile) == "system-2-link"
    assert nix_env(made, "--switch-generation", "7").returncode == 0


@pytest.mark.parametrize("words", [["--switch-generation", "99"], ["--query"], []])
def test_the_stand_in_fails_with_a_sentence(made: Machine, words: list[str]) -> None:
    done = nix_env(made, *words)
    assert done.returncode == 1 and done.stderr.startswith("error: ")
    assert os.readlink(made.system_profile) == "system-7-link"


def test_the_stand_in_touches_no_other_profile(made: Machine, tmp_path: Path) -> None:
    done = nix_env(made, "--profile", str(tmp_path / "system"), "--switch-generation", "2")
    assert done.returncode == 1 and not (tmp_path / "system").is_symlink()


def test_only_a_playground_without_nix_has_a_stand_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without Nix"):
        write_program(machine_in(str(tmp_path), simulated=False))


def test_the_rooms_are_the_ones_that_the_tests_patch() -> None:
    assert furnish.simulate is simulate
    assert lifecycle.owner is owner
    assert lifecycle.realise is realise

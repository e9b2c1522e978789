"""Deleting on real Nix, old and new: exactly what the plan said, and never what lives."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.choosing import beyond, older
from luminous_nix_ipy.backend.collect_model import CollectPlan
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import ChangeFailed, MachineChanged
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Profile
from luminous_nix_ipy.store.generations import list_generations
from tests.private_nix import add_generation, build, make_machine, package, run
from tests.provide.nix import NixPrograms

COLLECT, DELETE, OPTIMISE, ROOTS, NOTE, ROLLBACK, UNDO = (
    OperationType.GARBAGE_COLLECT,
    OperationType.DELETE_GENERATIONS,
    OperationType.OPTIMISE,
    OperationType.ROOTS,
    OperationType.NOTE,
    OperationType.ROLLBACK,
    OperationType.UNDO,
)


@pytest.fixture
def machine(nix_programs: NixPrograms, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A playground that this Nix built."""
    monkeypatch.setenv("PATH", f"{nix_programs.bin_dir}{os.pathsep}{os.environ['PATH']}")
    yield asyncio.run(playground.start(real=True))
    asyncio.run(playground.stop())


@pytest.fixture
def small(private_machine: Machine) -> Machine:
    """A user's profile `p` of four generations that share a library, the last one current."""
    lib = package("lib-1", "x" * 4000)
    for number in range(1, 5):
        needs = (lib, package(f"own-{number}", "y" * 3000 * number))
        path = build(private_machine, package(f"app-{number}", "z" * 2000, needs=needs))
        add_generation(private_machine, "p", path)
    return private_machine


def attempt(machine: Machine, kind: OperationType, **options: Any) -> NixResult:
    dry_run = options.pop("dry_run", False)
    made = options.pop("plan", None)
    operation = NixOperation(kind, options=options, dry_run=dry_run)
    return asyncio.run(NixBackend(machine).execute(operation, made))


def execute(machine: Machine, kind: OperationType, **options: Any) -> dict[str, Any]:
    result = attempt(machine, kind, **options)
    assert result.success, result.error
    return result.data


def plan(machine: Machine, kind: OperationType = COLLECT, **options: Any) -> CollectPlan:
    made: CollectPlan = asyncio.run(NixBackend(machine).plan(NixOperation(kind, options=options)))
    return made


def profile(machine: Machine, name: str = "p") -> str:
    return f"{machine.profiles_dir}/{name}"


def numbers(machine: Machine, path: str) -> list[int]:
    found = list_generations(machine, Profile("p", path, "user"), details=False)
    return [generation.number for generation in found]


def state(machine: Machine) -> dict[str, object]:
    """Every entry of the machine's folders: a link's target, a file's size and time. Without
    SQLite's own files beside the database, which reading makes and removes."""
    found: dict[str, object] = {}
    for top in (machine.store_dir, machine.state_dir, machine.run_dir, machine.boot_dir):
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                entry = os.path.join(folder, name)
                if os.path.islink(entry):
                    found[entry] = os.readlink(entry)
                elif name in folders:
                    found[entry] = "folder"
                elif not name.startswith("db.sqlite-"):
                    status = os.lstat(entry)
                    found[entry] = (status.st_size, status.st_mtime_ns)
    return found


def boot_menu(machine: Machine) -> set[int]:
    """The generations that the boot loader offers."""
    entries = Path(machine.boot_dir, "loader/entries").glob("nixos-generation-*.conf")
    return {int(entry.stem.rpartition("-")[2]) for entry in entries}


def dead(machine: Machine) -> set[str]:
    """What Nix itself would delete."""
    return set(run(machine, "nix-store", "--gc", "--print-dead").splitlines())


@pytest.mark.parametrize(
    "conf", ["", "keep-outputs = true\n", "keep-derivations = false\n"], ids=["", "outputs", "drv"]
)
def test_the_plan_is_what_nix_says_is_dead(small: Machine, conf: str) -> None:
    with open(f"{small.conf_dir}/nix.conf", "a") as file:
        file.write(conf)
    before = plan(small, profile=profile(small), keep=2)
    assert [c.generation.number for c in before.going] == [2, 1]
    assert before.garbage is not None and before.garbage.paths
    shutil.rmtree(Path(small.store_dir) / ".links", ignore_errors=True)
    run(small, "nix-env", "--profile", profile(small), "--delete-generations", "1", "2")
    assert set(before.garbage.paths) == dead(small)


def test_what_goes_is_what_the_plan_said(machine: Machine) -> None:
    made = plan(machine, keep=2)
    assert made.garbage is not None
    stay = {c.generation.path for c in made.choices if not c.goes}
    report = execute(machine, COLLECT, keep=2, plan=made)["report"]
    assert numbers(machine, machine.system_profile) == [5, 4]
    assert not any(os.path.lexists(path) for path in made.garbage.paths)
    assert all(os.path.lexists(path or "") for path in stay)
    assert report.deleted_paths == len(made.garbage.paths)
    # Nix counts files, the plan archives, which are never smaller.
    assert 0.4 * made.garbage.bytes < report.freed_bytes <= made.garbage.bytes
    assert {check.verdict for check in report.verified} == {"ok"}
    assert not dead(machine)
    assert boot_menu(machine) == {4, 5}
    entry = read_journal(machine)[0][-1]
    assert (entry.operation, entry.outcome) == ("collect", "done")
    assert entry.freed_bytes == report.freed_bytes
    assert entry.commands == tuple(map(str, made.commands))

    again = plan(machine, keep=2)
    assert again.nothing_to_do and not again.commands
    assert execute(machine, COLLECT, keep=2)["report"].outcome == "nothing to do"


def test_the_boot_menu_loses_what_is_deleted(machine: Machine) -> None:
    path = os.readlink(f"{machine.system_profile}-2-link")
    assert 2 in boot_menu(machine)
    made = plan(machine, DELETE, generations=[2])
    assert [command.argv[-1] for command in made.commands] == ["2", "boot"]
    execute(machine, DELETE, generations=[2])
    assert boot_menu(machine) == {1, 3, 4, 5}
    assert os.path.lexists(path), "its path stays until it is collected"


def test_a_dry_run_changes_nothing(machine: Machine) -> None:
    before = state(machine)
    for kind, options in (
        (COLLECT, {"keep": 1}),
        (COLLECT, {"older_than": "1d", "all_profiles": True, "max": "1K"}),
        (DELETE, {"generations": [1, 2]}),
        (OPTIMISE, {}),
    ):
        result = execute(machine, kind, dry_run=True, **options)
        assert result["plan"].commands
        assert "report" not in result
    execute(machine, ROOTS)
    assert state(machine) == before
    assert not read_journal(machine)[0]


def test_nothing_that_lives_goes(machine: Machine) -> None:
    execute(machine, ROLLBACK, generation=4)
    execute(machine, NOTE, generation=1, keep=True)
    made = plan(machine, keep=1, older_than="1d")
    stays = {c.generation.number: c.rule for c in made.choices if not c.goes}
    assert stays[4] == "is current" and stays[5] == "was booted" and "kept" in stays[1]
    for number in (1, 4, 5):
        refused = attempt(machine, DELETE, generations=[number])
        assert not refused.success and f"Generation {number}" in refused.message
    assert numbers(machine, machine.system_profile) == [5, 4, 3, 2, 1]


def test_undo_works_after_a_collection(machine: Machine) -> None:
    execute(machine, ROLLBACK, generation=4)
    os.unlink(machine.booted_system)
    made = plan(machine, keep=1)
    assert [backup.number for backup in made.backups] == [5]
    execute(machine, COLLECT, keep=1)
    assert numbers(machine, machine.system_profile) == [5, 4], "the backup's generation stays"
    execute(machine, UNDO)
    assert os.readlink(machine.current_system) == os.path.realpath(machine.system_profile)
    assert os.readlink(machine.system_profile) == "system-5-link"


def test_an_absolute_link_is_mended_before_anything_is_deleted(
    small: Machine, tmp_path: Path
) -> None:
    link, absolute = profile(small), f"{profile(small)}-4-link"
    os.unlink(link)
    os.symlink(absolute, link)
    # The danger, on a copy: Nix takes the live generation too.
    copy = tmp_path / "copy"
    shutil.copytree(small.profiles_dir, copy, symlinks=True)
    os.unlink(copy / "p")
    os.symlink(copy / "p-4-link", copy / "p")
    run(small, "nix-env", "--profile", str(copy / "p"), "--delete-generations", "old")
    assert not list(copy.glob("p-*-link")) and (copy / "p").is_symlink()

    made = plan(small, profile=link, keep=1)
    assert made.commands[0].argv[-2:] == ("--switch-generation", "4")
    assert [c.verdict for c in made.checks if c.name.startswith("link")] == ["warning"]
    execute(small, COLLECT, profile=link, keep=1)
    assert os.readlink(link) == "p-4-link"
    assert numbers(small, link) == [4]
    assert os.path.exists(f"{link}/content")


def test_another_profiles_absolute_link_is_told(small: Machine) -> None:
    add_generation(small, "q", os.path.realpath(profile(small)))
    os.unlink(profile(small, "q"))
    os.symlink(f"{profile(small, 'q')}-1-link", profile(small, "q"))
    notices = plan(small, profile=profile(small)).notices
    assert any("--switch-generation 1" in notice for notice in notices)


def test_a_change_since_the_plan_stops_it(small: Machine) -> None:
    made = plan(small, profile=profile(small), keep=1)
    run(small, "nix-env", "--profile", profile(small), "--switch-generation", "2")
    result = attempt(small, COLLECT, profile=profile(small), keep=1, plan=made)
    assert isinstance(result.data["exception"], MachineChanged)
    assert numbers(small, profile(small)) == [4, 3, 2, 1]
    made = plan(small, profile=profile(small), keep=1)
    os.symlink(os.readlink(f"{profile(small)}-1-link"), f"{small.gcroots_dir}/new")
    result = attempt(small, COLLECT, profile=profile(small), keep=1, plan=made)
    assert "the gc roots" in str(result.error)


def test_a_kept_path_outlives_its_link(small: Machine) -> None:
    path = os.readlink(f"{profile(small)}-1-link")
    for _ in range(2):
        kept = execute(small, NOTE, profile=profile(small), generation=1, keep=True)
        assert kept["generation"].kept
    made = plan(small, profile=profile(small), keep=1)
    assert [c.generation.number for c in made.going] == [3, 2]
    run(small, "nix-env", "--profile", profile(small), "--delete-generations", "old")
    run(small, "nix-store", "--gc")
    assert os.path.exists(path)
    keepers = execute(small, ROOTS, path=path)["keepers"]
    assert [keeper.kind for keeper in keepers] == ["note"]


def test_what_is_no_longer_kept_goes(small: Machine) -> None:
    options = {"profile": profile(small), "generation": 1}
    execute(small, NOTE, keep=True, **options)
    assert not execute(small, NOTE, keep=False, **options)["generation"].kept
    execute(small, NOTE, keep=False, **options)
    assert [c.generation.number for c in plan(small, profile=profile(small), keep=1).going] == [
        3,
        2,
        1,
    ]


def test_nix_stops_at_the_given_size(small: Machine) -> None:
    made = plan(small, profile=profile(small), keep=1, max=1)
    assert made.commands[-1].argv == ("nix-store", "--gc", "--max-freed", "1")
    assert made.garbage is not None and len(made.garbage.paths) > 1
    report = execute(small, COLLECT, profile=profile(small), keep=1, max=1)["report"]
    assert report.deleted_paths == 1
    assert report.outcome == "done"


def test_entries_that_the_database_does_not_know_are_planned(small: Machine) -> None:
    stray = f"{small.store_dir}/{'0' * 32}-stray"
    Path(stray).mkdir()
    Path(stray, "file").write_text("x" * 900)
    made = plan(small, profile=profile(small))
    assert made.garbage is not None and made.garbage.strangers == {stray: 900}
    assert not made.nothing_to_do
    execute(small, COLLECT, profile=profile(small))
    assert not os.path.exists(stray)


def test_what_a_process_uses_stays_and_is_told(small: Machine) -> None:
    path = os.readlink(f"{profile(small)}-1-link")
    with open(f"{path}/content"):
        report = execute(small, COLLECT, profile=profile(small), keep=1)["report"]
    assert os.path.exists(path)
    (row,) = [check for check in report.verified if check.name == "deleted paths"]
    assert row.verdict == "warning" and "uses them" in row.reason
    execute(small, COLLECT, profile=profile(small), keep=1)
    assert not os.path.exists(path)


def wrapped(small: Machine, tmp_path: Path, program: str, script: str) -> Machine:
    """The machine with a program before Nix's own in its PATH; `script` has that one as $real."""
    folder = tmp_path / "wrapped"
    folder.mkdir()
    real = shutil.which(program, path=small.env["PATH"])
    (folder / program).write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
    (folder / program).chmod(0o755)
    env = {**small.env, "PATH": f"{folder}:{small.env['PATH']}"}
    from msgspec.structs import replace

    return replace(small, env=env)


def test_an_interrupt_stops_the_collector_and_tells_how_far_it_came(
    small: Machine, tmp_path: Path
) -> None:
    script = f'"$real" --gc --max-freed 1; touch {tmp_path}/reached; exec sleep 60'
    slow = wrapped(small, tmp_path, "nix-store", script)
    backend = NixBackend(slow)
    said: list[str] = []
    backend.set_progress_callback(lambda message, fraction: said.append(message))

    async def interrupt() -> None:
        operation = NixOperation(COLLECT, options={"profile": profile(slow), "keep": 1})
        task = asyncio.create_task(backend.execute(operation))
        while not (tmp_path / "reached").exists():
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    asyncio.run(interrupt())
    assert time.monotonic() - started < 30
    entry = read_journal(slow)[0][-1]
    assert entry.outcome == "interrupted"
    assert "p 3, p 2, p 1" in str(entry.error) and "1 of " in str(entry.error)
    assert said[-1] == entry.error
    assert os.path.exists(f"{profile(small)}/content")
    report = execute(small, COLLECT, profile=profile(small), keep=1)["report"]
    assert report.outcome == "done" and not dead(small)


def test_a_command_that_fails_ends_it_and_says_what_is_gone(small: Machine, tmp_path: Path) -> None:
    broken = wrapped(small, tmp_path, "nix-store", "echo 'error: no luck' >&2; exit 1")
    result = attempt(broken, COLLECT, profile=profile(small), keep=3)
    failure = result.data["exception"]
    assert isinstance(failure, ChangeFailed)
    assert "no luck" in failure.why and "Generations deleted: p 1" in failure.why
    assert result.data["report"].outcome == "failed"
    assert len(result.data["report"].commands) == 1
    assert read_journal(small)[0][-1].outcome == "failed"
    assert numbers(small, profile(small)) == [4, 3, 2]


def test_roots_tell_why_a_path_lives(small: Machine) -> None:
    lib = next(Path(small.store_dir).glob("*-lib-1"))
    found = execute(small, ROOTS, path=str(lib / "content"))
    assert found["path"] == str(lib)
    assert {keeper.kind for keeper in found["keepers"]} == {f"generation {n} of p" for n in "1234"}
    assert {len(keeper.chain) for keeper in found["keepers"]} == {2}
    roots = run(small, "nix-store", "--query", "--roots", str(lib))
    assert {keeper.root.link for keeper in found["keepers"]} == {
        line.split(" -> ")[0].strip('"') for line in roots.splitlines()
    }
    everything = execute(small, ROOTS)["keepers"]
    assert {keeper.root.path for keeper in everything} == {
        os.readlink(f"{profile(small)}-{n}-link") for n in "1234"
    }
    outside = attempt(small, ROOTS, path="/tmp")
    assert not outside.success and "not in the store" in outside.message


def test_equal_files_are_stored_once(small: Machine) -> None:
    for name in ("one-1", "two-2"):
        text = build(small, package(name, "", script="yes same | head -3000 > $out/same"))
        os.symlink(text, f"{small.gcroots_dir}/{name}")
    report = execute(small, OPTIMISE)["report"]
    assert report.outcome == "done"
    inodes = {path.stat().st_ino for path in Path(small.store_dir).glob("*/same")}
    assert len(inodes) == 1
    assert report.deleted_paths and report.freed_bytes >= 0
    assert read_journal(small)[0][-1].operation == "optimise"


def test_an_unreadable_database_leaves_the_paths_unknown(small: Machine) -> None:
    os.rename(small.database, small.database + ".away")
    made = plan(small, profile=profile(small), keep=1)
    os.rename(small.database + ".away", small.database)
    assert made.garbage is None and "database" in str(made.garbage_problem)
    assert len(made.going) == 3 and not made.nothing_to_do


@pytest.fixture(scope="module")
def fake(nix_programs: NixPrograms, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return make_machine(tmp_path_factory.mktemp("fake") / "machine", nix_programs)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ages=st.lists(st.integers(0, 40), min_size=1, max_size=7).map(lambda a: sorted(a)[::-1]),
    gaps=st.sets(st.integers(0, 6), max_size=3),
    current=st.integers(0, 6),
    rule=st.one_of(
        st.tuples(st.just("keep"), st.integers(1, 6)),
        st.tuples(st.just("days"), st.integers(1, 45)),
    ),
)
def test_the_rules_are_nixs_own(
    fake: Machine, ages: list[int], gaps: set[int], current: int, rule: tuple[str, int]
) -> None:
    """Random histories: what goes by our rule is what real nix-env deletes."""
    folder = tempfile.mkdtemp(dir=fake.profiles_dir)
    link = f"{folder}/p"
    there = [n for n in range(1, len(ages) + 1) if n - 1 not in gaps] or [1]
    for number in there:
        os.symlink(f"{fake.store_dir}/none", f"{link}-{number}-link")
        # Noon of a day, so that no time passes a border while the test runs.
        moment = int(time.time()) - ages[number - 1] * 86400 - 43200
        os.utime(f"{link}-{number}-link", (moment, moment), follow_symlinks=False)
    os.symlink(f"p-{there[current % len(there)]}-link", link)
    before = list_generations(fake, Profile("p", link, "user"))
    kind, count = rule
    from datetime import datetime

    now = datetime.now().astimezone()
    ours = beyond(before, count) if kind == "keep" else older(before, count, now)
    spec = f"+{count}" if kind == "keep" else f"{count}d"
    run(fake, "nix-env", "--profile", link, "--delete-generations", spec)
    assert set(numbers(fake, link)) == set(there) - ours

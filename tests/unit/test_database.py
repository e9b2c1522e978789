"""The store's database: closures, sizes, validity, and every way in which it cannot be read."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks._synthetic_store import SCHEMA
from luminous_nix_ipy.errors import DatabaseUnreadable, NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store import connection as connection_module
from luminous_nix_ipy.store import database as database_module
from luminous_nix_ipy.store.database import StoreDatabase, open_database
from tests.store_database import Paths, add_paths, long_ago, store_path, write_database

APP, LIB, BASE, OTHER, ALONE = map(store_path, ("app-1", "lib-1", "base-1", "other-1", "alone-1"))
DIAMOND: Paths = {
    BASE: (1000, []),
    LIB: (200, [LIB, BASE]),
    APP: (30, [LIB, BASE]),
    OTHER: (4, [BASE]),
    ALONE: (None, []),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StoreDatabase]:
    opened = open_database(write_database(tmp_path / "nix", DIAMOND, outputs={LIB: "lib"}))
    yield opened
    opened.close()


def write(machine: Machine, *statements: str) -> sqlite3.Connection:
    connection = sqlite3.connect(machine.database)
    connection.execute("pragma foreign_keys = on")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    return connection


# What it answers


def test_closure_has_every_path_its_size_and_its_output(database: StoreDatabase) -> None:
    closure = database.closure(APP)
    assert closure.root == APP
    assert closure.sizes == {APP: 30, LIB: 200, BASE: 1000}
    assert closure.bytes == 1230
    assert closure.outputs == {LIB: "lib"}
    assert closure.source == database.source == "database"
    assert database.closure(ALONE).sizes == {ALONE: 0}


def test_sizes_tell_what_is_in_no_other_closure(database: StoreDatabase) -> None:
    assert database.sizes([APP, OTHER, ALONE]) == {
        APP: (1230, 230),
        OTHER: (1004, 4),
        ALONE: (0, 0),
    }
    assert database.sizes([APP]) == {APP: (1230, 1230)}
    assert database.sizes([APP, LIB, APP]) == {APP: (1230, 30), LIB: (1200, 0)}
    assert database.sizes([]) == {}


def test_sizes_leave_out_what_is_not_valid(database: StoreDatabase) -> None:
    assert database.sizes([APP, store_path("gone-1")]) == {APP: (1230, 1230)}


def test_validity_references_and_totals(database: StoreDatabase) -> None:
    assert database.is_valid(APP)
    assert not database.is_valid(APP + "/bin")
    assert database.references(LIB) == sorted([BASE, LIB])
    assert database.references(BASE) == []
    assert database.totals() == (5, 1234)


def test_a_path_that_is_not_valid_is_not_found(database: StoreDatabase) -> None:
    gone = store_path("gone-1")
    for ask in (database.closure, database.references):
        with pytest.raises(NotFound, match="gone-1 is not a valid path of the store") as caught:
            ask(gone)
        assert caught.value.todo


def test_missing_are_the_paths_that_are_not_on_disk(tmp_path: Path) -> None:
    here, gone, link = (str(tmp_path / name) for name in ("here", "gone", "link"))
    os.mkdir(here)
    os.symlink("nowhere", link)
    machine = write_database(
        tmp_path / "nix", {here: (1, [gone, link]), gone: (1, []), link: (1, [])}
    )
    database = open_database(machine)
    assert database.missing(here) == [gone]
    assert database.missing(link) == []
    assert database.missing(str(tmp_path / "unknown")) == [str(tmp_path / "unknown")]


class TestSelected:
    """What the user chose: the direct references of the system's `sw`."""

    def graph(self, store: str, sw: str) -> tuple[Paths, str, list[str]]:
        top, env, vim, deep = (
            store_path(name, store) for name in ("nixos-system-m-1", sw, "vim-9", "deep-1")
        )
        paths: dict[str, tuple[int | None, list[str]]] = {
            deep: (1, []),
            vim: (1, [deep]),
            env: (1, [env, vim]),
            top: (1, [top, env, deep]),
        }
        return paths, top, [vim, deep, env]

    def test_by_the_link_sw(self, tmp_path: Path) -> None:
        paths, top, (vim, _, env) = self.graph(str(tmp_path), "my-environment")
        os.mkdir(top)
        os.symlink(env, f"{top}/sw")
        database = open_database(write_database(tmp_path / "nix", paths))
        assert database.closure(top).selected == {vim}

    def test_by_name_where_the_store_is_not_on_disk(self, tmp_path: Path) -> None:
        paths, top, (vim, _, _) = self.graph("/nowhere/store", "system-path")
        database = open_database(write_database(tmp_path / "nix", paths))
        assert database.closure(top).selected == {vim}

    def test_of_the_root_where_it_has_no_sw(self, tmp_path: Path) -> None:
        paths, top, (_, deep, env) = self.graph("/nowhere/store", "something")
        database = open_database(write_database(tmp_path / "nix", paths))
        assert database.closure(top).selected == {env, deep}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[int | None, list[str]]]:
    count = draw(st.integers(1, 9))
    names = [store_path(f"p{number}") for number in range(count)]
    return {
        name: (
            draw(st.integers(0, 50)),
            draw(st.lists(st.sampled_from(names[: number + 1]), max_size=4, unique=True)),
        )
        for number, name in enumerate(names)
    }


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_closures_and_sizes_are_those_of_a_recursive_query(
    paths: dict[str, tuple[int | None, list[str]]], data: st.DataObject
) -> None:
    roots = data.draw(st.lists(st.sampled_from(sorted(paths)), min_size=1, max_size=4, unique=True))
    with tempfile.TemporaryDirectory() as folder:
        machine = write_database(Path(folder) / "nix", paths)
        direct = sqlite3.connect(machine.database)
        expected = {
            root: dict(
                direct.execute(
                    "with recursive g(p) as (select id from ValidPaths where path = ? union"
                    " select reference from Refs join g on referrer = p)"
                    " select path, narSize from g join ValidPaths on id = p",
                    (root,),
                )
            )
            for root in roots
        }
        direct.close()
        database = open_database(machine)
        sizes = database.sizes(roots)
        for root in roots:
            assert database.closure(root).sizes == expected[root]
            others = set().union(*(expected[other] for other in roots if other != root))
            own = sum(size for path, size in expected[root].items() if path not in others)
            assert sizes[root] == (sum(expected[root].values()), own)
        database.close()


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    odd = store_path(os.fsdecode(b"caf\xe9-\xff-1"))
    machine = write_database(
        tmp_path / "nix", {odd: (7, []), APP: (1, [odd])}, outputs={APP: "out"}
    )
    database = open_database(machine)
    assert database.closure(APP).sizes == {APP: 1, odd: 7}
    assert database.closure(odd).root == odd
    assert database.references(APP) == [odd]
    assert database.sizes([odd]) == {odd: (7, 7)}
    assert database.is_valid(odd)


def test_a_folder_with_odd_characters(tmp_path: Path) -> None:
    machine = write_database(tmp_path / "a b?mode=rw#%41é", DIAMOND)
    assert open_database(machine).is_valid(APP)


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA.replace("sigs text,\n    ca text", "x text").replace("ultimate integer,", ""),
        SCHEMA.replace("create index IndexReferrer on Refs(referrer);", ""),
        SCHEMA.replace("ca text", "ca text, blake3 text, madeOn integer"),
    ],
    ids=["without ca, sigs and ultimate", "without IndexReferrer", "with columns to come"],
)
def test_older_and_newer_schemas(tmp_path: Path, schema: str) -> None:
    assert schema != SCHEMA
    database = open_database(write_database(tmp_path / "nix", DIAMOND, schema=schema))
    assert database.closure(APP).bytes == 1230
    assert database.sizes([APP, OTHER]) == {APP: (1230, 230), OTHER: (1004, 4)}


def test_threads_share_it(database: StoreDatabase) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: database.references(APP), range(64)))
    assert all(answer == sorted([LIB, BASE]) for answer in answers)


# What is kept


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = write_database(tmp_path / "nix", DIAMOND)
    first = open_database(machine)
    answers = [first.closure(APP), first.sizes([APP, OTHER]), first.totals()]
    first.close()
    second = open_database(machine)

    def refuse(*_: object) -> Any:
        raise AssertionError("read again")

    monkeypatch.setattr(second._connection, "read", refuse)
    assert [second.closure(APP), second.sizes([OTHER, APP]), second.totals()] == answers
    with pytest.raises(AssertionError, match="read again"):
        second.sizes([APP])


def test_answers_are_the_callers_own(database: StoreDatabase) -> None:
    database.closure(APP).sizes.clear()
    database.sizes([APP]).clear()
    assert database.closure(APP).bytes == 1230
    assert database.sizes([APP]) == {APP: (1230, 1230)}


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_path_that_was_deleted_and_came_back_is_read_again(tmp_path: Path, journal: str) -> None:
    machine = write_database(tmp_path / "nix", DIAMOND, journal=journal)
    database = open_database(machine)
    assert database.sizes([APP]) == {APP: (1230, 1230)}
    assert database.totals() == (5, 1234)
    writer = write(machine, f"delete from ValidPaths where path = '{APP}'")
    assert database.sizes([APP]) == {}
    with pytest.raises(NotFound):
        database.closure(APP)
    add_paths(writer, {APP: (31, [OTHER])})
    writer.commit()
    assert database.closure(APP).sizes == {APP: 31, OTHER: 4, BASE: 1000}
    assert database.sizes([APP]) == {APP: (1035, 1035)}
    assert database.totals() == (5, 1235)
    writer.close()


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_repaired_path_is_read_again_however_soon(tmp_path: Path, journal: str) -> None:
    machine = write_database(tmp_path / "nix", DIAMOND, journal=journal)
    database = open_database(machine)
    writer = write(machine)
    for size in range(100):
        writer.execute("update ValidPaths set narSize = ? where path = ?", (size, BASE))
        writer.commit()
        assert database.sizes([APP]) == {APP: (230 + size, 230 + size)}
        assert database.closure(APP).sizes[BASE] == size
    writer.close()


def test_a_change_within_one_tick_of_the_files_clock_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "_TICK_SECONDS", 60)
    machine = write_database(tmp_path / "nix", DIAMOND, journal="delete")
    database = open_database(machine)
    os.utime(machine.database)
    same = os.stat(machine.database).st_mtime_ns
    assert database.closure(APP).bytes == 1230
    write(machine, f"update ValidPaths set narSize = 31 where path = '{APP}'").close()
    os.utime(machine.database, ns=(same, same))
    assert database.closure(APP).bytes == 1231


def test_a_change_during_a_question_does_not_mix_two_states(
    database: StoreDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database.closure(OTHER).sizes[BASE] == 1000
    machine = Machine(state_dir=str(Path(database._connection.path).parent.parent))
    real, writers = database._connection.read, [2000]

    def read(work: Any) -> Any:
        if writers:
            size = writers.pop()
            write(machine, f"update ValidPaths set narSize = {size} where path = '{BASE}'").close()
        return real(work)

    monkeypatch.setattr(database._connection, "read", read)
    assert database.closure(APP).sizes == {APP: 30, LIB: 200, BASE: 2000}
    assert not writers


def test_what_is_known_of_nodes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_MOST_NODES", 2)
    opened = open_database(write_database(tmp_path / "nix", DIAMOND, outputs={LIB: "lib"}))
    for path, size in ((APP, 1230), (LIB, 1200), (OTHER, 1004), (BASE, 1000)):
        assert opened.closure(path).bytes == size
    known = database_module._facts[opened._connection.path]
    assert len(known._nodes.paths) <= 2 + 2


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    many = {store_path(f"p{number}"): (number, ()) for number in range(40)}
    database = open_database(write_database(tmp_path / "nix", many))
    for number, path in enumerate(many):
        assert database.closure(path).bytes == number
        assert database.sizes([path]) == {path: (number, number)}
    kept = database_module._facts[database._connection.path]._known
    assert {kind: len(known) for kind, known in kept.items()} == {
        "closure": 8,
        "sizes": 16,
        "totals": 0,
    }
    for number in range(6):
        open_database(write_database(tmp_path / str(number), DIAMOND)).totals()
    assert len(database_module._facts) == database_module._MOST_DATABASES


# How it cannot be read


def reason(machine: Machine) -> str:
    with pytest.raises(DatabaseUnreadable) as caught:
        open_database(machine)
    return str(caught.value)


def test_missing_database(tmp_path: Path) -> None:
    assert reason(Machine(state_dir=str(tmp_path))).startswith("There is no store database at")


def test_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "db/db.sqlite").mkdir(parents=True)
    assert "cannot be read" in reason(Machine(state_dir=str(tmp_path)))


def test_busy_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_BUSY_SECONDS", 0.1)
    machine = write_database(tmp_path / "nix", DIAMOND, journal="delete")
    database = open_database(machine)
    writer = sqlite3.connect(machine.database, isolation_level=None)
    writer.execute("begin exclusive")
    assert "is busy: another program has locked it" in reason(machine)
    with pytest.raises(DatabaseUnreadable, match="is busy"):
        database.closure(APP)
    writer.execute("rollback")
    writer.close()
    assert database.closure(APP).bytes == 1230


def test_foreign_schema(tmp_path: Path) -> None:
    machine = write_database(tmp_path / "nix", {}, schema="create table Songs (id, title);")
    assert "of a schema that is known here. SQLite says: no such table: ValidPaths." in reason(
        machine
    )
    other = write_database(
        tmp_path / "other", {}, schema=SCHEMA.replace("narSize integer", "size integer")
    )
    assert "no such column: narSize." in reason(other)


def test_empty_database(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/db.sqlite").touch()
    assert "of a schema that is known here" in reason(Machine(state_dir=str(tmp_path)))


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/db.sqlite").write_bytes(b"not a database" * 100)
    assert "is damaged" in reason(Machine(state_dir=str(tmp_path)))


def test_damaged_database(tmp_path: Path) -> None:
    many = {store_path(f"p{number}"): (number, ()) for number in range(500)}
    machine = write_database(tmp_path / "nix", many, journal="delete")
    file = Path(machine.database)
    content = file.read_bytes()
    file.write_bytes(content[:20480] + b"\x5a" * (len(content) - 20480))
    database = open_database(machine)
    with pytest.raises(DatabaseUnreadable, match="is damaged"):
        for path in many:
            database.closure(path)


def test_closed_database(database: StoreDatabase) -> None:
    database.close()
    with pytest.raises(DatabaseUnreadable, match="cannot be read"):
        database.is_valid(APP)


# As a user who may not write


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may look into, and only root may write to."""
    folder = Path(tempfile.mkdtemp(prefix="store-database-"))
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


CHILD = """
import json, os, sys
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.database import open_database
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
answers = []
for _ in range(int(sys.argv[3])):
    try:
        database = open_database(Machine(state_dir=sys.argv[1]))
        answers.append([database.source, database.closure(sys.argv[2]).sizes])
        database.close()
    except NixError as error:
        answers.append(["error", str(error)])
print(json.dumps(answers))
"""


def as_user(state_dir: Path, path: str = APP, times: int = 1) -> list[tuple[str, Any]]:
    """What one gets who may write neither the database nor its folder."""
    os.chmod(state_dir / "db", 0o555)
    for file in (state_dir / "db").iterdir():
        os.chmod(file, file.stat().st_mode & 0o444)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(state_dir), path, str(times)],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    return [(source, answer) for source, answer in json.loads(child.stdout)]


def test_user_without_wal_files_reads_it_as_immutable(public_folder: Path) -> None:
    write_database(public_folder / "nix", DIAMOND)
    assert not (public_folder / "nix/db/db.sqlite-wal").exists()
    assert as_user(public_folder / "nix") == [
        ("database (immutable)", {APP: 30, LIB: 200, BASE: 1000})
    ]


def test_user_reads_along_with_a_program_that_has_it_open(public_folder: Path) -> None:
    machine = write_database(public_folder / "nix", DIAMOND)
    writer = write(machine, f"update ValidPaths set narSize = 31 where path = '{APP}'")
    assert os.path.getsize(f"{machine.database}-wal") > 0
    assert as_user(public_folder / "nix") == [("database", {APP: 31, LIB: 200, BASE: 1000})]
    writer.close()


def test_immutable_is_refused_while_a_wal_holds_changes(public_folder: Path) -> None:
    machine = write_database(public_folder / "nix", DIAMOND)
    writer = write(machine, f"update ValidPaths set narSize = 31 where path = '{APP}'")
    shutil.copytree(public_folder / "nix", public_folder / "copy")
    writer.close()
    os.remove(public_folder / "copy/db/db.sqlite-shm")
    [(source, answer)] = as_user(public_folder / "copy")
    assert source == "error"
    assert "-wal file holds changes that are not in it yet" in answer


def test_user_who_may_not_read_it(public_folder: Path) -> None:
    machine = write_database(public_folder / "nix", DIAMOND)
    os.chmod(machine.database, 0)
    [(source, answer)] = as_user(public_folder / "nix")
    assert source == "error"
    assert "may not be read by this user" in answer


def test_user_who_may_not_see_it(public_folder: Path) -> None:
    write_database(public_folder / "closed/nix", DIAMOND)
    os.chmod(public_folder / "closed", 0)
    [(source, answer)] = as_user(public_folder / "closed/nix")
    assert source == "error"
    assert "may not be read by this user" in answer


def test_immutable_never_tells_a_state_that_was_not(tmp_path: Path) -> None:
    """All paths always change together; a read without locks may meet them half changed."""
    many: Paths = {store_path(f"p{number}"): (0, ()) for number in range(3000)}
    top = store_path("top")
    machine = write_database(tmp_path / "nix", {**many, top: (0, many)}, journal="delete")
    database = open_database(machine)
    database._connection.immutable = True
    done = threading.Event()

    def keep_writing() -> None:
        connection = sqlite3.connect(machine.database)
        connection.execute("pragma synchronous = off")
        for size in range(10_000):
            connection.execute("update ValidPaths set narSize = ?", (size,))
            connection.commit()
            if done.wait(0.05):
                break
        connection.close()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    told = set()
    try:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            with contextlib.suppress(DatabaseUnreadable):
                sizes = set(database.closure(top).sizes.values())
                assert len(sizes) == 1
                told |= sizes
    finally:
        done.set()
        writer.join()
    assert told


def test_immutable_gives_up_on_a_database_that_never_rests(
    public_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = write_database(public_folder / "nix", DIAMOND)
    database = open_database(machine)
    database._connection.immutable = True
    read = 0

    def work(connection: sqlite3.Connection) -> None:
        nonlocal read
        read += 1
        os.utime(machine.database, (1_700_000_000 + read, 1_700_000_000 + read))

    with pytest.raises(DatabaseUnreadable, match="cannot be read without locking it"):
        database._connection.read(work)
    assert read == connection_module._ATTEMPTS
    assert database.closure(APP).bytes == 1230
    long_ago(Path(machine.database))

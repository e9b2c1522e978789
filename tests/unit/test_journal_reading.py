"""Journals that were damaged, by accident or by somebody: reading them never fails, and tells."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luminous_nix_ipy import machine
from luminous_nix_ipy.backend import clerk, journal, journal_changes, supervisor
from luminous_nix_ipy.backend.journal_changes import journalled
from luminous_nix_ipy.backend.journal_reading import JournalFile, examined, read_journals
from luminous_nix_ipy.backend.lock import change_lock, lock_file
from luminous_nix_ipy.machine import Machine
from tests.journals import add_line, ended, entry


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal of three changes, by all that write one: six lines."""
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    for number, change in enumerate("abc"):
        journal.append(str(path), entry(change, number, steps={"move": "nix-env --set /x"}))
        if change == "b":
            journal.append(str(path), entry(change, number, outcome="done", commands=("true",)))
        else:
            add_line(str(path), ended(change, ran=[["move", 0, ""]]))
    return path.read_bytes()


def read(data: bytes) -> JournalFile:
    return examined("/journal.jsonl", "system", data)


def test_a_whole_journal_is_whole(whole: bytes) -> None:
    found = read(whole)
    assert (found.verdict, found.lines, found.damages) == ("whole", 6, ())
    assert [(w.entry.id, w.entry.outcome, w.lines) for w in found.changes] == [
        ("a", "done", (1, 2)),
        ("b", "done", (3, 4)),
        ("c", "done", (5, 6)),
    ]
    empty = read(b"")
    assert (empty.verdict, empty.lines, empty.head) == ("whole", 0, None)


@given(st.data())
def test_a_truncated_journal_is_read_and_told(whole: bytes, data: st.DataObject) -> None:
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    found = read(cut)
    if cut == b"" or cut.endswith(b"\n"):
        assert found.damages == ()
        assert found.head != read(whole).head or cut == whole
    else:
        assert found.verdict == "damaged"
        assert {damage.line for damage in found.damages} == {cut.count(b"\n") + 1}


@settings(max_examples=300)
@given(st.data())
def test_a_flipped_bit_is_told(whole: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(whole)
    changed[place] ^= 1 << bit
    found = read(bytes(changed))
    number = whole[:place].count(b"\n") + 1
    assert found.head != read(whole).head or number < 6
    if number < 6 or whole[place : place + 1] == b"\n":
        assert found.verdict in ("broken", "damaged")
        assert min(damage.line for damage in found.damages) in (number, number + 1)


@given(st.data())
def test_lines_that_were_taken_away_moved_or_put_between_are_a_gap(
    whole: bytes, data: st.DataObject
) -> None:
    lines = whole.splitlines(keepends=True)
    order = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    found = read(b"".join(lines[number] for number in order))
    expected = [i + 1 for i, n in enumerate(order) if n != (order[i - 1] + 1 if i else 0)]
    assert [damage.line for damage in found.damages if damage.gap] == expected
    assert (found.verdict == "broken") == bool(expected) or found.verdict == "damaged"


@given(st.lists(st.binary(max_size=60), max_size=6), st.integers(0, 6))
def test_anything_between_the_lines_is_told(whole: bytes, strange: list[bytes], at: int) -> None:
    lines = whole.splitlines(keepends=True)
    between = b"".join(one.replace(b"\n", b"") + b"\n" for one in strange)
    found = read(b"".join([*lines[:at], between, *lines[at:]]))
    assert [w.entry.id for w in found.changes] == ["a", "b", "c"]
    assert bool(found.damages) == bool(strange)
    assert {d.line for d in found.damages} >= {at + 1 + i for i in range(len(strange))}
    if strange and at < 6:
        assert found.verdict == "broken"


def line(**fields: object) -> bytes:
    told = {**json.loads(journal.encode(entry("a"))), "previous": None, **fields}
    return json.dumps(told).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\0" * 4096 + b"\n",
        b"\xff\xfe\n",
        b'{"previous":null,"id":"\xff"}\n',
        b"[" * 200_000 + b"\n",
        b'{"previous":null,"id":"a","x":' + b"[" * 200_000 + b"\n",
        b"x" * 5_000_000 + b"\n",
        b'{"previous":null,"id":"a"}\n',
        b'{"previous":3,"id":"a"}\n',
        b"null\n",
        line(started="2026-01-01T00:00:00"),
        line(started="0001-01-01T00:00:00+14:00"),
        line(from_number=2**63),
        line(freed_bytes=-1),
        line(outcome="perhaps"),
        json.dumps({"previous": None, **ended("a")}).encode() + b"\n",
        json.dumps({"previous": None, **ended("a"), "ended": 10**18}).encode() + b"\n",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_a_line_that_tells_of_no_change_is_told_alone(data: bytes) -> None:
    found = read(data)
    assert found.verdict == "damaged" and found.changes == ()
    assert [damage.line for damage in found.damages] == [1]


def test_a_huge_line_is_a_change_like_others(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal.append(str(path), entry("a", error="é" * 3_000_000))
    add_line(str(path), ended("a"))
    found = read(path.read_bytes())
    assert found.verdict == "whole" and found.changes[0].entry.outcome == "done"


def test_a_line_of_others_says_so(whole: bytes) -> None:
    told = json.loads(whole.splitlines()[0])
    del told["previous"]
    found = read(json.dumps(told).encode() + b"\n" + whole)
    assert "written by others" in found.damages[0].what
    assert "does not follow" in found.damages[1].what
    without_first = read(b"\n".join(whole.split(b"\n")[1:]))
    assert "those before it were taken away" in without_first.damages[0].what


_WRITER = """
import sys
from luminous_nix_ipy.backend import journal
from tests.journals import entry
for number in range(50):
    journal.append(sys.argv[1], entry(f"{sys.argv[2]}-{number}"))
"""


def test_all_that_write_at_once_leave_one_chain(tmp_path: Path) -> None:
    """Python's `append` twice, the supervisor's `journal_line` and the clerk, 50 lines each."""
    path = tmp_path / "journal.jsonl"
    script = supervisor.script()
    function = script[script.index("journal_line() {") :]
    function = function[: function.index("\n}\n") + 3]
    objects = [journal.encode(entry(f"sh-{number}")).decode() for number in range(50)]
    by_clerk = [journal.encode(entry(f"clerk-{number}")).decode() for number in range(50)]
    shell = f'journal=$1; shift\n{function}for one; do journal_line "$one" || exit; done'
    keeper = ["sh", "-c", clerk._SCRIPT, "sh", str(path), str(tmp_path / "lock"), "1", "begin"]
    python = [sys.executable, "-c", _WRITER, str(path)]
    writers = [
        subprocess.Popen([*python, "one"]),
        subprocess.Popen([*python, "two"]),
        subprocess.Popen(["sh", "-c", shell, "sh", str(path), *objects]),
        subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True),
    ]
    writers[-1].communicate("\n".join(["begin", *by_clerk]) + "\n", timeout=120)
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    found = read(path.read_bytes())
    assert (found.verdict, found.lines) == ("whole", 200)
    assert len({written.entry.id for written in found.changes}) == 200


@pytest.fixture
def here() -> Machine:
    made = machine.local()
    path = journal.journal_file(made, "system")
    for number, change in enumerate("abc"):
        journal.append(path, entry(change, number, outcome="done" if change == "a" else None))
    return made


def states(here: Machine) -> dict[str, str]:
    return {change.entry.id: change.state for change in journalled(here)[0]}


def test_what_nobody_makes_was_cut_off(here: Machine) -> None:
    assert states(here) == {"c": "cut off", "b": "cut off", "a": "done"}


def test_whoever_holds_the_lock_makes_the_newest_or_the_one_it_names(here: Machine) -> None:
    with change_lock(here, "system"):
        assert states(here) == {"c": "under way", "b": "cut off", "a": "done"}
    with open(lock_file(here, "system"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for told, expected in {"b": ("cut off", "under way"), "z": ("cut off", "cut off")}.items():
            os.pwrite(file.fileno(), f"{os.getpid()} {told}\n".encode(), 0)
            now = states(here)
            assert (now["c"], now["b"]) == expected


def test_a_change_that_ends_while_it_is_looked_at_was_not_cut_off(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = journal.journal_file(here, "system")
    real = journal_changes.holder

    def holder(*arguments: object) -> object:
        add_line(path, ended("c"))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(journal_changes, "holder", holder)
    assert states(here) == {"c": "done", "b": "cut off", "a": "done"}


def test_nothing_is_read_while_somebody_writes(here: Machine) -> None:
    path = journal.journal_file(here, "system")
    done = threading.Event()

    def look() -> None:
        read_journals(here)
        done.set()

    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        looking = threading.Thread(target=look)
        looking.start()
        assert not done.wait(0.2)
    assert done.wait(10)
    looking.join()


def test_one_file_for_both_kinds_is_read_once() -> None:
    here = machine.local()
    here = msgspec.structs.replace(here, system_journal_dir=here.user_state_dir)
    journal.append(journal.journal_file(here, "user"), entry("a"))
    assert len(read_journals(here)) == 1

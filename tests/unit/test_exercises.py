"""Exercises as teachers write them: what is understood, what is looked at, what is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend import exercises
from luminous_nix_ipy.backend.conditions import look
from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.facts import Seen
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from tests.playground import simulated


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


@pytest.fixture
def changing() -> Iterator[Machine]:
    with simulated() as found:
        yield found


def see(there: Machine, condition: dict[str, Any], **values: Any) -> Seen:
    """The one row of an exercise with this one condition."""
    written = exercises.exercise("x", {"right_when": [condition]}, "a test")
    context = Context(there, Progress(), direct=True)
    (row,) = asyncio.run(look(context, written.conditions, values))
    return row


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"generation": 3}, "it is there."),
        ({"generation": 9, "there": False}, "the profile system has none such."),
        ({"generation": 5, "current": True, "running": True, "booted": True}, "it is there, "
         "current, running, booted."),
        ({"generation": 4, "current": False, "kept": False, "note": False}, "it is there, "
         "not current, not kept, without a note."),
        ({"generation": "current", "booted": True}, "it is 5, booted."),
        ({"generation": 3, "profile": "profile", "current": True}, "it is there, current."),
        ({"link": "{profiles}/system", "to": "system-5-link"}, "it is a link that says "
         "system-5-link."),
        ({"link": "{profiles}/system", "to": "{run}/current-system"}, "it is a link that says "
         "system-5-link."),
        ({"link": "{profiles}/nowhere", "there": False}, "it is not there."),
        ({"file": "{store}"}, "it is there."),
        ({"file": "{run}/current-system/nixos-version", "has": "26.05"}, "it is there, with what "
         "it should hold."),
        ({"file": "/nowhere", "there": False}, "it is not there."),
    ],
)  # fmt: skip
def test_what_is_so(made: Machine, condition: dict[str, Any], found: str) -> None:
    row = see(made, condition)
    assert (row.right, row.found) == (True, found)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"generation": 9}, "the profile system has none such."),
        ({"generation": 3, "there": False}, "the profile system still has it."),
        ({"generation": 3, "current": True}, "it is there, not current."),
        ({"generation": 5, "current": False}, "it is there, current."),
        ({"generation": 5, "note": True}, "it is there, without a note."),
        ({"generation": 5, "note": "exam"}, "it is there, without a note."),
        ({"generation": 5, "kept": True}, "it is there, not kept."),
        ({"generation": 3, "profile": "nobody"}, "it cannot be told: There is no profile"),
        ({"generation": 3, "profile": "nobody", "there": False}, "it cannot be told: "),
        ({"link": "{profiles}/system", "to": "system-4-link"}, "it is a link that says "
         "system-5-link."),
        ({"link": "{profiles}/system", "there": False}, "it is a link that says"),
        ({"link": "{store}"}, "it is no link:"),
        ({"link": "{store}", "there": False}, "it is no link:"),
        ({"link": "/nowhere"}, "it is not there."),
        ({"file": "/nowhere"}, "it is not there."),
        ({"file": "{store}", "there": False}, "it is there."),
        ({"file": "{store}", "has": "x"}, "it cannot be read:"),
        ({"file": "{run}/current-system/nixos-version", "has": "99"}, "it is there, without what "
         "it should hold."),
        ({"journal": "rollback"}, "it tells of no change at all."),
    ],
)  # fmt: skip
def test_what_is_not_so(made: Machine, condition: dict[str, Any], found: str) -> None:
    row = see(made, condition)
    assert not row.right and row.found.startswith(found)


def test_the_folder_of_a_playground_is_a_word(made: Machine) -> None:
    row = see(made, {"link": "{run}/current-system"})
    assert row.what == "PLAYGROUND/run/current-system"
    assert row.found.startswith("it is a link that says PLAYGROUND/nix/store/")
    assert see(made, {"file": "/nowhere/at/all"}).what == "/nowhere/at/all"


def test_changes_roots_and_notes(changing: Machine) -> None:
    nix.rollback(4, yes=True)
    went = {"journal": "rollback", "from": 5, "to": 4}
    assert see(changing, went).found == "it tells of rollback 5 → 4, done."
    assert see(changing, {"journal": "rollback"}).right
    for other in ({"to": 3}, {"from": 4}, {"mode": "boot"}, {"outcome": "failed"}):
        row = see(changing, {**went, **other})
        assert not row.right and row.found.endswith("its last is rollback 5 → 4, done.")
    assert not see(changing, {"journal": "undo"}).right
    assert see(changing, {"generation": 5, "kept": True}).right, "the backup keeps it"
    nix.rollback(1, mode="boot", yes=True)
    assert see(changing, {"journal": "rollback", "mode": "boot", "to": 1}).right
    assert see(changing, {"generation": 1, "current": True, "running": False}).right
    with pytest.raises(NixError):
        nix.rollback(2, yes=True)
    failed = {"journal": "rollback", "to": 2, "outcome": "failed, restored"}
    assert see(changing, failed).right
    assert not see(changing, {"journal": "rollback", "to": 2}).right

    nix.note(3, "before the Exam")
    assert see(changing, {"generation": 3, "note": "exam", "kept": False}).right
    assert not see(changing, {"generation": 3, "note": "party"}).right
    assert "“before the Exam”" in see(changing, {"generation": 3, "note": False}).found
    nix.note(3, keep=True)
    assert see(changing, {"generation": 3, "kept": True}).right
    nix.delete(2, yes=True)
    assert see(changing, {"generation": 2, "there": False}).right


def test_a_root_that_a_person_made_keeps_too(changing: Machine) -> None:
    path = os.path.realpath(f"{changing.system_profile}-3-link")
    os.symlink(path, f"{changing.gcroots_dir}/mine")
    assert see(changing, {"generation": 3, "kept": True}).right


@pytest.mark.parametrize(
    ("condition", "value", "right"),
    [
        ({"is": 5}, 5, True),
        ({"is": "5"}, 5, False),
        ({"is": [1, 2]}, {2, 1}, True),
        ({"one_of": ["nginx", "git"]}, "git", True),
        ({"one_of": ["nginx", "git"]}, "vim", False),
        ({"same_as": {"generation": 1, "column": "kernel_version"}}, "6.6.92", True),
        ({"same_as": {"generation": "booted", "column": "number"}}, 5, True),
        ({"same_as": {"generation": 1, "column": "kernel_version"}}, "6.12.63", False),
        ({"same_as": {"generation": 9, "column": "kernel_version"}}, None, False),
        ({"same_as": {"generation": 5, "column": "note"}}, None, False),
        ({"same_as": {"link": "{profiles}/system"}}, "system-5-link", True),
        ({"same_as": {"link": "{profiles}/nowhere"}}, None, False),
        ({"same_as": {"closure": "current"}}, 36, True),
        ({"same_as": {"closure": 3}}, 36, False),
        ({"same_as": {"closure": 99}}, 36, False),
        ({"same_as": {"diff": [4, 5], "change": "removed"}}, ["neofetch", "docker"], True),
        ({"same_as": {"diff": [4, 5], "change": "added"}}, {"neofetch", "docker"}, False),
        ({"at": ["a", 1], "is": 7}, {"a": [6, 7]}, True),
        ({"at": ["a", 2], "is": 7}, {"a": [6, 7]}, False),
        ({"at": ["a"], "is": 7}, 7, False),
        ({"at": ["cores", 1], "is": 4}, pd.DataFrame({"cores": [2, 4]}, index=[7, 8]), True),
        ({"at": ["cores"], "is": [2, 4]}, pd.DataFrame({"cores": [2, 4]}), True),
        ({"at": ["nodes"], "is": [2, 4]}, pd.DataFrame({"cores": [2, 4]}), False),
        ({"is": 5}, object(), False),
    ],
)
def test_values(made: Machine, condition: dict[str, Any], value: Any, right: bool) -> None:
    assert see(made, {"value": "x", **condition}, x=value).right is right


def test_what_is_found_of_a_value_is_told(made: Machine) -> None:
    wanted = {"value": "x", "is": "podman"}
    assert see(made, wanted).found == "it has not been assigned yet."
    assert see(made, wanted, x=...).found == "its place is still empty."
    assert not see(made, wanted).begun and not see(made, wanted, x=...).begun
    assert see(made, wanted, x=3).found == "it is 3, a number; wanted is text."
    assert see(made, wanted, x="y").found == "it is 'y', text."
    assert see(made, wanted, x=object()).found.startswith("it is of type object: ")
    several = {"value": "x", "is": ["a", "b"]}
    assert see(made, several, x={"c"}).found == "it is {'c'}, a set."
    assert see(made, several, x="ab").found == "it is 'ab', text; wanted is a list or a set."
    assert see(made, {**wanted, "at": ["k"]}, x={}).found == "x has nothing there."
    assert see(made, {**wanted, "at": ["k", 0]}, x={}).what == "x['k'][0]"
    for row in (see(made, wanted, x=3), see(made, several, x="ab")):
        assert "podman" not in row.found and "'a'" not in row.found


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({}, "each needs one of"),
        ({"generation": 1, "link": "x"}, "each needs one of"),
        ({"generation": "newest"}, "newest"),
        ({"generation": True}, "generation"),
        ({"generation": 1, "note": ""}, "any note has an empty text in it"),
        ({"generation": 1, "there": False, "current": True}, "what is not there has no marks"),
        ({"generation": 1, "curent": True}, "unknown field `curent`"),
        ({"link": "x", "to": "y", "there": False}, "leads nowhere"),
        ({"link": "{profile}/system"}, "names no folder of a machine; there are {profiles}"),
        ({"link": "x", "to": "{nix}"}, "names no folder"),
        ({"file": "{nix}"}, "names no folder"),
        ({"file": "x", "has": ""}, "`has` is a text"),
        ({"file": "x", "has": "y", "there": False}, "`has` is a text"),
        ({"journal": "rolback"}, "rolback"),
        ({"journal": "rollback", "outcome": "fine"}, "fine"),
        ({"value": "x"}, "needs one of `is`, `one_of`, `same_as` and `sealed`"),
        ({"value": "x", "is": 1, "one_of": [1]}, "needs one of `is`"),
        ({"value": "x y", "is": 1}, "is not the name of a variable"),
        ({"value": "x", "sealed": "secret"}, "is not what %nix check --seal gives"),
        ({"value": "x", "is": {1, 2, object()}}, "nothing can be compared"),
        ({"value": "x", "same_as": {}}, "each needs one of"),
        ({"value": "x", "same_as": {"generation": 1, "column": "colour"}}, "colour"),
        ({"value": "x", "same_as": {"link": "{nix}"}}, "names no folder"),
        ({"value": "x", "same_as": {"diff": [4], "change": "removed"}}, "diff"),
    ],
)
def test_a_condition_that_is_none_is_refused(condition: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refusal:
        exercises.exercise("x", {"right_when": [condition]}, "a test")
    assert told in refusal.value.why
    assert "'x' in a test" in refusal.value.what


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("right_when = [", "They are not TOML"),
        ("title = 'x'", "missing required field `right_when`"),
        ("right_when = []", "anything would be right"),
        ("right_when = [1]", "right_when"),
        ("right_when = [{generation = 1}]\nhint = 'x'", "unknown field `hint`"),
        ("right_when = [{generation = 1}]\nneeds = 'luck'", "luck"),
    ],
)
def test_an_exercise_that_is_none_is_refused(written: str, told: str) -> None:
    with pytest.raises(Refused) as refusal:
        exercises.exercise("x", written, "a test")
    assert told in refusal.value.why


def test_a_file_of_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match="There is no file of exercises"):
        exercises.read_exercise("one")
    file = tmp_path / "exercises.toml"
    file.write_text(
        "[one]\ntitle = 'First'\nright_when = [{generation = 1}]\nhints = ['a']\n"
        "solution = '''\n%nix list\n'''\nneeds = 'nix'\n"
        "[two]\nright_when = [{value = 'x', is = 1}]\n"
        "[three]\nright_when = [{generation = 1}]\nplayground = false\n"
    )
    assert exercises.names() == ["one", "two", "three"]
    one, two, three = map(exercises.read_exercise, exercises.names())
    assert (one.title, one.hints, one.solution) == ("First", ("a",), "%nix list")
    assert one.needs_nix and one.needs_playground
    assert (two.title, two.needs_nix, two.needs_playground) == ("two", False, False)
    assert not three.needs_playground
    with pytest.raises(NotFound) as missing:
        exercises.read_exercise("tow")
    assert missing.value.todo == ("Did you mean %nix check two?",)
    file.write_text("one = 1\n")
    with pytest.raises(Refused, match="is not written as an exercise is"):
        exercises.read_exercise("one")
    file.write_bytes(b"\xff")
    with pytest.raises(Refused, match="cannot be read"):
        exercises.read_exercise("one")
    with pytest.raises(Refused, match="cannot be read"):
        exercises.read_exercise("one", str(tmp_path))


def test_without_a_journal_or_a_store_nothing_is_right(tmp_path: Path) -> None:
    empty = Machine(state_dir=str(tmp_path), store_dir=str(tmp_path / "store"))
    machine.use(empty)
    for condition in (
        {"generation": 1},
        {"generation": 1, "there": False},
        {"value": "x", "same_as": {"closure": 1}},
    ):
        row = see(empty, condition, x=0)
        assert not row.right and row.found.startswith("it cannot be told: ")

"""%nix journal: changes chosen, shown in full, verified and exported."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend import journal
from luminous_nix_ipy.backend.journal_reading import examined
from luminous_nix_ipy.backend.lock import change_lock
from luminous_nix_ipy.backend.targets import parse_date
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check
from tests.journals import START, add_line, ended, entry
from tests.shell import new_shell, run, usage_error

DAY = 24 * 60
STEPS = {
    "activate": "/nix/store/x/bin/switch-to-configuration test",
    "move": "nix-env --switch-generation 4",
    "delete": "nix-env --delete-generations",
}
CHECKS = (Check("disk space", "ok", "there is room."), Check("live switch", "forced", "no."))


@pytest.fixture
def here() -> Machine:
    """Five changes: one by a supervisor that was put back, one that was cut off, ..."""
    made = machine.local()
    system, user = (journal.journal_file(made, kind) for kind in ("system", "user"))
    journal.append(
        system,
        entry(
            "a",
            commands=("nix build", STEPS["activate"], STEPS["move"]),
            steps=STEPS,
            checks=CHECKS,
            from_number=5,
            to_number=4,
            mode="switch",
            user="ada (as root)",
        ),
    )
    told = {"step": "move", "code": 1, "error": "nix-env ended with 1", "said": "error: no\n"}
    ran = [["activate", 0, ""], ["move", 1, ""], ["delete", 0, "6"]]
    add_line(system, ended("a", "failed, restored", ran=ran, **told))
    journal.append(system, entry("b", DAY, operation="rollback boot"))
    add_line(system, ended("b", "failed", problems="one\ntwo\n", step="health", error="health: no"))
    journal.append(user, entry("c", 2 * DAY, operation="install", profile="/home/ada/profile"))
    times = {"ended": START + timedelta(minutes=2 * DAY, seconds=90)}
    journal.append(
        user,
        entry(
            "c", 2 * DAY, operation="install", profile="/home/ada/profile", outcome="done", **times
        ),
    )
    journal.append(user, entry("d", 3 * DAY, operation="collect", user="ada"))
    journal.append(system, entry("e", 4 * DAY, operation="rollbacks", profile="/a, /home/b"))
    return made


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as made:
        yield made


def ids(**chosen: Any) -> str:
    return "".join(nix.journal(all_columns=True, **chosen).id)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "edcba"),
        ({"last": 2}, "ed"),
        ({"since": "2026-01-04"}, "edc"),
        ({"since": "2026-01-04 04:00"}, "ed"),
        ({"until": "2026-01-04"}, "cba"),
        ({"until": "2026-01-03"}, "ba"),
        ({"since": "2026-01-03", "until": "2026-01-04"}, "cb"),
        ({"since": "a minute ago"}, ""),
        ({"until": "yesterday", "last": 1}, "e"),
        ({"operation": "rollback"}, "ba"),
        ({"operation": "rollback boot"}, "b"),
        ({"outcome": "failed"}, "b"),
        ({"outcome": "restored"}, "a"),
        ({"outcome": "done"}, "c"),
        ({"outcome": "cut off"}, "ed"),
        ({"outcome": "cut-off"}, "ed"),
        ({"outcome": "under way"}, ""),
        ({"profile": "/home/ada/profile"}, "c"),
        ({"profile": "/home/b"}, "e"),
        ({"profile": "/nix/var/nix/profiles/system"}, "dba"),
        ({"user": "ada"}, "da"),
        ({"user": "ada (as root)"}, "a"),
        ({"operation": "rollback", "outcome": "failed", "user": "nobody"}, ""),
    ],
)
def test_changes_are_chosen(chosen: dict[str, Any], expected: str) -> None:
    assert ids(**chosen) == expected


def test_a_day_begins_where_it_is_the_first_and_ends_where_it_is_the_last() -> None:
    now = START
    for phrase in ("yesterday", "3 days ago", "last month", "2026-01-01"):
        start, end = parse_date(phrase, now, start=True), parse_date(phrase, now)
        assert start is not None and end is not None
        assert start.date() == end.date() and end - start > timedelta(hours=23)
    assert parse_date("2 hours ago", now, start=True) == now - timedelta(hours=2)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"since": "soon"}, "“soon” is no date"),
        ({"until": "2026-02-31"}, "not a date that exists"),
        ({"since": "now", "until": "yesterday"}, "“now” is after “yesterday”"),
        ({"outcome": "fine"}, "“fine” is no outcome"),
        ({"operation": "rollbak"}, "“rollbak” is no operation"),
        ({"outcome": 1}, "'outcome' takes text, not 1"),
        ({"since": 2026}, "'since' takes text, not 2026"),
        ({"last": 0}, "'last' takes a number from 1 up, not 0"),
        ({"last": -2}, "'last' takes a number from 1 up, not -2"),
        ({"last": "all"}, "'last' takes a whole number, not 'all'"),
        ({"profile": "a\0b"}, "'profile' holds a NUL"),
        ({"export": "a\0.csv"}, "'export' holds a NUL"),
        ({"id": "a", "last": 3}, "--id shows one change: leave out --last"),
        ({"verify": True, "user": "ada"}, "whole journals: leave out --user"),
        ({"export": "x.jsonl", "since": "now", "last": 1}, "leave out --since, --last"),
    ],
)
def test_what_cannot_be_chosen_is_refused(chosen: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        nix.journal(**chosen)


def test_what_is_open_is_told_in_words(here: Machine) -> None:
    assert set(nix.journal(outcome="cut off").outcome) == {"cut off: %nix recover"}
    with change_lock(here, "system"):
        outcomes = nix.journal(all_columns=True).set_index("id").outcome
        assert outcomes["e"] == "under way" and outcomes["d"] == "cut off: %nix recover"
        assert ids(outcome="under way") == "e"
        assert json.loads(nix.journal(last=1, json=True))[0]["state"] == "under way"


@pytest.mark.usefixtures("here")
def test_durations_are_timedeltas() -> None:
    took = nix.journal(all_columns=True).set_index("id").duration
    assert took["c"] == pd.Timedelta(seconds=90)
    assert took["a"] == pd.Timedelta(seconds=60)
    assert took["b"] == pd.Timedelta(0)  # it ended before it began: a clock was set
    assert took["d"] is pd.NaT
    assert "1 min 30 s" in repr(nix.journal(all_columns=True))


@pytest.mark.usefixtures("here")
def test_one_change_in_full(shell: InteractiveShell) -> None:
    view = run(shell, "%nix journal --id a")
    shown = repr(view)
    assert shown.startswith("Failed, and everything was put back: rollback a")
    for text in (
        "ada (as root) on somewhere",
        "5 → 4",
        "journal.jsonl, lines 1 and 2",
        "In the step move: nix-env ended with 1.",
        "What it said last\nerror: no",
        "live switch  forced",
        "Commands that were planned\n1. Planned\n   $ nix build",
        "1. Run.\n   $ nix build",
        "Activate, ended with 0",
        "3. Move, ended with 1.\n   $ nix-env --switch-generation 4",
        "$ nix-env --delete-generations 6",
    ):
        assert text in shown, text
    assert list(view.commands.code.dropna()) == [0, 1, 0]
    assert list(view.checks.verdict) == ["ok", "forced"]
    assert "<table" in view._repr_html_()
    told = json.loads(nix.journal(id="a", json=True))
    assert told["outcome"]["code"] == 1 and told["state"] == "restored"


def test_a_change_in_full_tells_what_is_not_known(here: Machine) -> None:
    failed = repr(nix.journal(id="b"))
    assert "What went wrong\nHealth: no." in failed
    assert "What could not be put back\none\ntwo" in failed
    open_one = repr(nix.journal(id="e"))
    assert open_one.startswith("Cut off: rollbacks e\nSee how the machine is now: %nix recover e")
    assert "Ended       not known" in open_one and "were run" not in open_one
    with change_lock(here, "system"):
        assert repr(nix.journal(id="e")).startswith("Under way: rollbacks e")
    done = repr(nix.journal(id="c"))
    assert "Took        1 min 30 s" in done
    path = journal.journal_file(here, "user")
    journal.append(path, entry("f", outcome="failed", error="two\nlines", commands=("true",)))
    assert "What went wrong\ntwo\nlines" in repr(nix.journal(id="f"))
    assert "1. Run.\n   $ true" in repr(nix.journal(id="f"))
    with pytest.raises(NotFound, match="no change nope") as caught:
        nix.journal(id="nope")
    assert "e, d, c, b" in caught.value.why


def test_a_whole_journal_is_verified(here: Machine, shell: InteractiveShell) -> None:
    frame = run(shell, "%nix journal --verify")
    assert list(frame.verdict) == ["whole", "whole"]
    assert list(frame.lines) == [5, 3]
    assert frame.line.isna().all() and frame.reason.isna().all()
    assert all(len(head) == 64 for head in frame["head"])
    (system, user) = json.loads(nix.journal(verify=True, json=True))
    assert system["path"] == journal.journal_file(here, "system") and user["damages"] == []
    with open(journal.journal_file(here, "user"), "a") as file:
        file.write('{"half')
    damaged = nix.journal(verify=True).iloc[1]
    assert (damaged.verdict, damaged.line) == ("damaged", 4)
    assert "half written" in damaged.reason


def test_a_broken_chain_fails_the_cell(here: Machine, shell: InteractiveShell) -> None:
    path = Path(journal.journal_file(here, "system"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    for what in ("--verify", "--export x.jsonl"):
        with pytest.raises(NixError, match="not as it was written") as caught:
            run(shell, f"%nix journal {what}")
        assert f"{path}, line 2 of 4: it does not follow" in caught.value.why
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(NixError) as caught:
        nix.journal(verify=True)
    assert "There are 2 more gaps." in caught.value.why
    assert not Path("x.jsonl").exists()
    assert any("does not follow" in note for note in nix.journal().attrs["notes"])


def test_a_journal_that_cannot_be_read_cannot_be_verified(here: Machine, tmp_path: Path) -> None:
    path = Path(journal.journal_file(here, "user"))
    path.unlink()
    path.mkdir()
    for arguments in ({"verify": True}, {"export": str(tmp_path / "all.jsonl")}):
        with pytest.raises(NixError, match="cannot be verified") as caught:
            nix.journal(**arguments)
        assert f"{path} cannot be read" in caught.value.why


def test_nothing_is_a_whole_journal(tmp_path: Path) -> None:
    assert len(nix.journal(verify=True)) == 0
    assert "nothing, since no journal" in nix.journal(export=str(tmp_path / "all.jsonl"))
    assert (tmp_path / "all.jsonl").read_bytes() == b""


def test_lines_are_exported_as_they_are(here: Machine, tmp_path: Path) -> None:
    target = tmp_path / "all.jsonl"
    told = nix.journal(export=target)
    assert "5 lines, whole" in told and str(target) in told
    expected = b"".join(
        Path(journal.journal_file(here, kind)).read_bytes() for kind in ("system", "user")
    )
    assert target.read_bytes() == expected
    first = b"".join(expected.splitlines(keepends=True)[:5])
    assert examined("x", "system", first).verdict == "whole"


@pytest.mark.usefixtures("here")
def test_what_was_chosen_is_exported(tmp_path: Path, shell: InteractiveShell) -> None:
    said = run(shell, f"%nix journal --outcome failed --export {tmp_path}/some.csv")
    assert said == f"1 change written to {tmp_path}/some.csv."
    frame = pd.read_csv(tmp_path / "some.csv")
    assert list(frame.id) == ["b"] and "commands" in frame.columns
    nix.journal(since="2026-01-04", export=tmp_path / "some.json")
    told = json.loads((tmp_path / "some.json").read_text())
    assert [(one["id"], one["state"]) for one in told] == [
        ("e", "cut off"),
        ("d", "cut off"),
        ("c", "done"),
    ]


@pytest.mark.usefixtures("here")
def test_no_file_is_replaced_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "some.csv"
    target.write_text("mine")
    with pytest.raises(Refused, match="is there already") as caught:
        nix.journal(export=str(target))
    assert "--yes" in caught.value.todo[0] and target.read_text() == "mine"
    with pytest.raises(Refused, match="is a folder"):
        nix.journal(export=str(tmp_path), yes=True)
    with pytest.raises(NixError, match="cannot be written"):
        nix.journal(export=str(tmp_path / "nowhere" / "some.csv"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NixError, match="cannot be written") as failed:
            nix.journal(export=str(target), yes=True)
    assert "No space left" in failed.value.why
    assert target.read_text() == "mine"
    assert [name for name in os.listdir(tmp_path) if name.startswith("some")] == ["some.csv"]
    nix.journal(export=str(target), yes=True)
    assert target.read_text().startswith("started,")


@pytest.mark.usefixtures("here")
def test_wrong_lines(shell: InteractiveShell) -> None:
    assert "did you mean restored" in usage_error(shell, "%nix journal --outcome restore")
    assert "not allowed with" in usage_error(shell, "%nix journal --id a --verify")
    assert len(run(shell, "%nix journal --outcome 'cut off'")) == 2


def test_ids_and_outcomes_are_completed(here: Machine) -> None:
    def offered(line: str) -> list[str]:
        found = complete(line)
        assert found is not None
        return [word for word, _ in found.found]

    assert offered("%nix journal --id ") == ["e", "d", "c", "b", "a"]
    assert offered("%nix journal --outcome f") == ["failed"]
    assert "cut-off" in offered("%nix journal --outcome=")
    assert offered("%nix journal --verify --e") == ["--export"]
    journal.append(journal.journal_file(here, "user"), entry("z", 9 * DAY))
    assert offered("%nix journal --id z") == ["z"]

"""The audit log on disk."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy import machine
from luminous_nix_ipy.backend import journal
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.records import Check, JournalEntry
from tests.journals import START, entry


def test_an_outcome_stands_in_place_of_its_intent_and_both_journals_are_read() -> None:
    here = machine.local()
    system, user = journal.journal_file(here, "system"), journal.journal_file(here, "user")
    journal.append(system, entry("b", 2))
    journal.append(user, entry("a", 1))
    journal.append(system, entry("b", 2, outcome="done", ended=START))
    journal.append(system, entry("c", 3))
    found, problems = journal.read_journal(here)
    assert [(e.id, e.outcome) for e in found] == [("a", None), ("b", "done"), ("c", None)]
    assert problems == []
    assert len(Path(system).read_text().splitlines()) == 3


def test_no_journal_is_an_empty_one() -> None:
    assert journal.read_journal(machine.local()) == ([], [])


def test_the_line_before_is_found_however_long_it_is() -> None:
    here = machine.local()
    path = journal.journal_file(here, "user")
    for change, size in (("a", 10), ("b", 65_536), ("c", 1_000_000), ("d", 3)):
        journal.append(path, entry(change, error="x" * size))
    found, problems = journal.read_journal(here)
    assert [e.id for e in found] == ["a", "b", "c", "d"] and problems == []


def test_half_a_line_is_told_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    here = machine.local()
    path = journal.journal_file(here, "user")
    journal.append(path, entry("a"))
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole + whole[:40])
    journal.append(path, entry("z", 9))
    found, problems = journal.read_journal(here)
    assert [e.id for e in found] == ["a", "z"]
    assert "line 2" in problems[0] and "half written" in problems[0]


def test_bytes_that_are_not_utf8_are_made_visible() -> None:
    here = machine.local()
    odd = os.fsdecode(b"/home/x/\xff-profile")
    journal.append(journal.journal_file(here, "user"), entry("a", profile=odd, error=odd))
    journal.append(
        journal.journal_file(here, "user"),
        entry("b", user=odd, backup=odd, checks=(Check("a", "ok", odd),), steps={"move": odd}),
    )
    (found, other), _ = journal.read_journal(here)
    assert found.profile == other.user == other.steps["move"] == r"/home/x/\udcff-profile"
    assert other.checks[0].reason == other.backup == other.user


def test_each_line_is_one_json_object_with_the_names_of_the_record() -> None:
    path = journal.journal_file(machine.local(), "user")
    journal.append(
        path, entry("a", commands=("nix-env --switch-generation 1",), error="two\nlines")
    )
    (line,) = Path(path).read_text().splitlines()
    assert set(json.loads(line)) == {"previous", *JournalEntry.__struct_fields__}


def test_a_journal_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NixError, match="cannot be written") as caught:
        journal.append(str(tmp_path / "file" / "journal.jsonl"), entry("a"))
    assert "Nothing is changed" in caught.value.why


def test_a_full_disk_is_a_sentence() -> None:
    with pytest.raises(NixError, match="cannot be written"):
        journal.append("/dev/full", entry("a"))


def test_an_unreadable_journal_is_told(tmp_path: Path) -> None:
    here = msgspec.structs.replace(machine.local(), system_journal_dir=str(tmp_path))
    (tmp_path / "journal.jsonl").mkdir()
    found, problems = journal.read_journal(here)
    assert found == [] and "cannot be read" in problems[0]
    (tmp_path / "file").write_text("in the way")
    here = msgspec.structs.replace(here, system_journal_dir=str(tmp_path / "file"))
    assert "cannot be read" in journal.read_journal(here)[1][0]


def test_who_acts_is_told_through_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SUDO_USER", "somebody")
    assert journal.acting_user() == "somebody (as root)"
    monkeypatch.delenv("SUDO_USER")
    assert journal.acting_user() == "root"


def test_ids_sort_by_time_and_differ() -> None:
    ids = {journal.new_id(START) for _ in range(50)}
    assert len(ids) == 50
    assert max(ids) < journal.new_id(START + timedelta(seconds=1))

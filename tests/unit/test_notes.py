"""Notes on generations: kept by profile, number and store path."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.notes import notes_file, read_notes, write_note

PROFILE = "/nix/var/nix/profiles/system"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(user_state_dir=str(tmp_path / "state"))


def test_nothing_written_is_nothing_read(machine: Machine) -> None:
    assert read_notes(machine, PROFILE) == {}
    assert not os.path.exists(machine.user_state_dir)


def test_a_note_is_replaced_and_removed(machine: Machine) -> None:
    write_note(machine, PROFILE, 41, "/s/a", "before the kernel upgrade")
    write_note(machine, PROFILE, 41, "/s/a", "after all")
    assert read_notes(machine, PROFILE) == {(41, "/s/a"): "after all"}
    write_note(machine, PROFILE, 41, "/s/a", None)
    assert read_notes(machine, PROFILE) == {}


def test_a_note_shows_on_its_own_generation_alone(machine: Machine) -> None:
    write_note(machine, PROFILE, 41, "/s/a", "mine")
    write_note(machine, "/other/profile", 41, "/s/a", "another profile's")
    write_note(machine, PROFILE, 41, "/s/b", "a later one of the same number")
    assert read_notes(machine, PROFILE) == {
        (41, "/s/a"): "mine",
        (41, "/s/b"): "a later one of the same number",
    }


def test_any_text_is_kept(machine: Machine) -> None:
    profile = os.fsdecode(b"/profiles/caf\xe9")
    for number, text in enumerate(('"quotes"', "zwei\nZeilen", "☃ 🎉", "\udcff")):
        write_note(machine, profile, number, "/s/a", text)
        assert read_notes(machine, profile)[number, "/s/a"] == text


def test_only_the_user_reads_the_folder(machine: Machine) -> None:
    write_note(machine, PROFILE, 1, "/s/a", "mine")
    assert os.stat(machine.user_state_dir).st_mode & 0o077 == 0
    assert os.stat(notes_file(machine)).st_mode & 0o077 == 0


def test_notes_written_at_once_are_all_kept(machine: Machine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write_note(machine, PROFILE, n, "/s/a", f"note {n}"), range(40)))
    assert len(read_notes(machine, PROFILE)) == 40
    assert sorted(os.listdir(machine.user_state_dir)) == ["notes.json", "notes.json.lock"]


@pytest.mark.parametrize("content", ["", "{", "3", '[{"number": 1}]', '["x"]', "\udcff"])
def test_a_damaged_file_is_a_sentence_and_is_not_overwritten(
    machine: Machine, content: str
) -> None:
    os.makedirs(machine.user_state_dir)
    path = Path(notes_file(machine))
    path.write_bytes(os.fsencode(content))
    with pytest.raises(NixError, match="cannot be read") as caught:
        read_notes(machine, PROFILE)
    assert caught.value.todo == ("Mend the file, or move it away.",)
    with pytest.raises(NixError):
        write_note(machine, PROFILE, 1, "/s/a", "lost?")
    assert path.read_bytes() == os.fsencode(content)

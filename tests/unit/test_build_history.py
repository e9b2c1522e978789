"""The history of builds is nix-output-monitor's: its place, its lines, its last ten, its lock."""

from __future__ import annotations

import fcntl
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import NixError, Refused
from luminous_nix_ipy.tools import build_history
from luminous_nix_ipy.tools.build_history import (
    Report,
    append_history,
    history_file,
    median,
    read_history,
    report_name,
    seconds_by_name,
)

HEADER = "hostname,derivation name,utc time,build seconds"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state/nix-output-monitor/build-reports.csv"


def write(file: Path, *lines: str, end: str = "\r\n") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(line + end for line in lines).encode())


def report(seconds: int, name: str = "hello", host: str = "", hours: int = 0) -> Report:
    return Report(host, name, NOON + timedelta(hours=hours), seconds)


def test_its_place_follows_the_base_directory_specification() -> None:
    assert history_file({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == (
        "/s/nix-output-monitor/build-reports.csv"
    )
    for env in ({"HOME": "/h"}, {"HOME": "/h", "XDG_STATE_HOME": "relative"}):
        assert history_file(env) == "/h/.local/state/nix-output-monitor/build-reports.csv"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_reading(file: Path, end: str) -> None:
    write(
        file, HEADER, ",hello,2026-11-22 12:00:00,61", "ssh://b,lib,2026-11-22 13:00:00,5", end=end
    )
    assert read_history(str(file)) == [report(61), report(5, "lib", "ssh://b", 1)]


def test_no_history_is_an_empty_one(file: Path) -> None:
    assert read_history(str(file)) == []
    write(file)
    assert read_history(str(file)) == []


def test_appending_makes_the_file_and_its_folder(file: Path) -> None:
    append_history(str(file), [report(3)])
    assert file.read_bytes() == f"{HEADER}\r\n,hello,2026-11-22 12:00:00,3\r\n".encode()
    append_history(str(file), [report(4, hours=1)])
    assert read_history(str(file)) == [report(3), report(4, hours=1)]
    assert {path.name for path in file.parent.iterdir()} == {file.name, f"{file.name}.lock"}


def test_appending_nothing_touches_nothing(file: Path) -> None:
    append_history(str(file), [])
    assert not file.parent.exists()


def test_the_last_ten_of_a_host_and_name_are_kept(file: Path) -> None:
    append_history(str(file), [report(n, hours=n) for n in range(12)])
    append_history(str(file), [report(1, "other"), report(2, host="ssh://b")])
    kept = read_history(str(file))
    assert [r.seconds for r in kept if (r.host, r.name) == ("", "hello")] == list(range(2, 12))
    assert len(kept) == 12


def test_lines_that_are_no_reports_stay(file: Path) -> None:
    odd = ",hello,yesterday,x"
    write(file, HEADER, odd, ",hello,2026-11-22 12:00:00,61")
    assert read_history(str(file)) == [report(61)]
    append_history(str(file), [report(1, hours=1)])
    assert odd in file.read_text().splitlines()


@pytest.mark.parametrize("call", [read_history, lambda path: append_history(path, [report(1)])])
def test_a_file_of_another_kind_is_left_alone(file: Path, call: object) -> None:
    write(file, "a,b", "1,2")
    before = file.read_bytes()
    assert callable(call)
    with pytest.raises(Refused, match="not a history of builds"):
        call(str(file))
    assert file.read_bytes() == before


def test_a_file_that_cannot_be_read_or_written_is_told(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir(parents=True)
    file.mkdir()
    with pytest.raises(NixError, match="cannot be read"):
        read_history(str(file))
    (tmp_path / "file").write_text("")
    with pytest.raises(NixError, match="could not be written"):
        append_history(str(tmp_path / "file/history.csv"), [report(1)])


def test_a_link_to_the_history_stays_a_link(file: Path, tmp_path: Path) -> None:
    write(file, HEADER)
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    append_history(str(link), [report(1)])
    assert link.is_symlink()
    assert read_history(str(file)) == [report(1)]


def test_it_is_written_under_its_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, HEADER)
    other = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    monkeypatch.setattr(build_history, "LOCK_TIMEOUT", 0.1)
    with pytest.raises(NixError, match="could not be written"):
        append_history(str(file), [report(1)])
    assert read_history(str(file)) == []
    os.close(other)
    append_history(str(file), [report(1)])
    assert read_history(str(file)) == [report(1)]


def test_several_writers_lose_nothing(file: Path) -> None:
    def add(n: int) -> None:
        append_history(str(file), [report(n, f"package{n}x")])

    threads = [threading.Thread(target=add, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.seconds for r in read_history(str(file))) == list(range(12))


@given(st.lists(st.tuples(st.text(), st.text(), st.integers(0, 10**6)), max_size=9))
def test_what_is_written_is_read_again(rows: list[tuple[str, str, int]]) -> None:
    reports = [Report(host, name, NOON, seconds) for host, name, seconds in rows]
    text = build_history._text(list(reports))
    assert build_history._parse(text, "history") == reports


@pytest.mark.parametrize(
    ("name", "env", "expected"),
    [
        ("hello-2.12.1", {"pname": "hello"}, "hello"),
        ("hello-2.12.1", {}, "hello"),
        ("python3.12-numpy-1.26", {}, "python3.12-numpy"),
        ("unit-nix.service", {}, "unit-nix.service"),
        ("hello-2.12", {"pname": ""}, "hello"),
    ],
)
def test_the_name_of_a_derivation(name: str, env: dict[str, str], expected: str) -> None:
    assert report_name(name, env) == expected


@pytest.mark.parametrize(
    ("seconds", "middle"), [([5], 5), ([1, 2], 1), ([1, 3, 9], 3), ([1, 2, 5, 9], 3)]
)
def test_the_median(seconds: list[int], middle: int) -> None:
    assert median(seconds) == middle


def test_seconds_by_name_are_ascending() -> None:
    reports = [report(9), report(2), report(5, host="b")]
    assert seconds_by_name(reports) == {("", "hello"): [2, 9], ("b", "hello"): [5]}

"""Nix's log is read whatever it holds: real logs of two Nixes, pieces of any size, and rubbish."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luminous_nix_ipy.records import Counts, Message
from luminous_nix_ipy.tools.activity import ActivityLog, Built
from luminous_nix_ipy.tools.internal_json import (
    BUILD,
    BUILDS,
    COPY_PATH,
    COPY_PATHS,
    FILE_TRANSFER,
)

LOGS = Path(__file__).parent.parent / "fixtures" / "internal_json"
both = pytest.mark.parametrize("nix", ["old", "new"])


def log_of(*records: dict[str, Any]) -> bytes:
    return b"".join(b"@nix " + json.dumps(r, sort_keys=True).encode() + b"\n" for r in records)


def start(id: int, kind: int, *fields: Any, text: str = "", parent: int = 0) -> dict[str, Any]:
    return {
        "action": "start", "id": id, "type": kind, "fields": list(fields),
        "level": 3, "text": text, "parent": parent,
    }  # fmt: skip


def stop(id: int) -> dict[str, Any]:
    return {"action": "stop", "id": id}


def result(id: int, kind: int, *fields: Any) -> dict[str, Any]:
    return {"action": "result", "id": id, "type": kind, "fields": list(fields)}


def progress(id: int, *counts: int) -> dict[str, Any]:
    return result(id, 105, *counts)


def drv(name: str) -> str:
    return f"/nix/store/{'a' * 32}-{name}.drv"


def read(data: bytes, size: int | None = None) -> tuple[ActivityLog, list[Built]]:
    built: list[Built] = []
    log = ActivityLog(on_built=built.append)
    for at in range(0, len(data), size or len(data) or 1):
        log.feed(data[at : at + (size or len(data))])
    log.close()
    return log, built


def recorded(name: str) -> bytes:
    return (LOGS / f"{name}.log").read_bytes()


def until(data: bytes, marker: bytes) -> bytes:
    """The log to the end of the first line that has the marker."""
    return data[: data.index(b"\n", data.index(marker)) + 1]


@both
def test_a_chain_of_builds(nix: str) -> None:
    log, built = read(recorded(f"{nix}-chain"))
    assert [(b.derivation.split("-", 1)[1], b.host, b.outcome) for b in built] == [
        ("alpha-1.2.drv", "", "done"),
        ("beta-0.3.drv", "", "done"),
        ("gamma.drv", "", "done"),
    ]
    assert list(log.messages.planned.builds) == [b.derivation for b in built]
    assert log.counts(BUILDS) == Counts(done=3, expected=3)
    assert (log.builds(), log.running(), log.downloads()) == ([], (), ())


@both
def test_a_build_in_the_middle(nix: str) -> None:
    log, _ = read(until(recorded(f"{nix}-chain"), b'["working"]'))
    (activity,) = log.running()
    assert (activity.name, activity.kind, activity.host) == ("alpha-1.2", "build", "")
    assert (activity.phase, activity.last_line) == ("buildPhase", "working")
    assert log.counts(BUILDS) == Counts(done=0, expected=3, running=1)


@both
def test_what_fails_is_told_from_what_goes_on(nix: str) -> None:
    log, built = read(recorded(f"{nix}-failing"))
    outcomes = {b.derivation.split("-", 1)[1]: b.outcome for b in built}
    assert outcomes == {"bad-2.drv": "failed", "good-1.drv": "done", "slow-3.drv": "done"}
    (failed,) = log.failed
    assert failed.derivation.endswith("-bad-2.drv")
    assert failed.log == ("compiling", "no such file")
    first = log.messages.errors()[0]
    assert "bad-2.drv' failed" in first.text or "builder failed with exit code 3" in first.text
    assert "\x1b" not in first.text


@both
def test_fetching(nix: str) -> None:
    data = recorded(f"{nix}-fetch")
    log, _ = read(data)
    assert len(log.messages.planned.fetches) == 2
    assert log.messages.planned.unpacked_bytes > 20_000
    assert log.counts(COPY_PATHS) == Counts(done=2, expected=2)
    assert log.counts(COPY_PATH).done > 8_000
    log, _ = read(until(data, b'"fields":[8192,'))
    (download,) = log.downloads()
    assert (download.kind, download.done) == ("copyPath", 8192)
    assert download.name in ("delta-2.0", "epsilon-1.5")
    assert log.counts(COPY_PATH).expected > 20_000


@both
def test_an_evaluation_error_has_its_position(nix: str) -> None:
    log, _ = read(recorded(f"{nix}-missing"))
    (error,) = log.messages.errors()
    assert error.raw == "attribute 'fooo' missing"
    assert (error.line, error.column) == (1, 1)
    assert log.kept().decode() == error.text + "\n"


@both
@pytest.mark.parametrize("kind", ["chain", "failing", "fetch", "missing"])
@given(size=st.integers(1, 300))
@settings(max_examples=8, deadline=None)
def test_pieces_of_any_size_are_the_same_log(nix: str, kind: str, size: int) -> None:
    data = recorded(f"{nix}-{kind}")
    whole, pieces = read(data), read(data, size)
    assert pieces[0].kept() == whole[0].kept()
    assert list(pieces[0].failed) == list(whole[0].failed)
    assert [b.outcome for b in pieces[1]] == [b.outcome for b in whole[1]]
    for number in (BUILDS, COPY_PATH, COPY_PATHS):
        assert pieces[0].counts(number) == whole[0].counts(number)


def test_totals_are_counted_as_nix_counts_them() -> None:
    log = ActivityLog()
    log.feed(log_of(start(1, 102), start(2, COPY_PATH), start(3, COPY_PATH)))
    log.feed(log_of(result(1, 106, COPY_PATH, 1000), progress(2, 10, 300, 1, 0)))
    assert log.counts(COPY_PATH) == Counts(done=10, expected=1000, running=1)
    log.feed(log_of(progress(2, 300, 300, 0, 1), stop(2), progress(3, 50, 900, 1, 0)))
    assert log.counts(COPY_PATH) == Counts(done=350, expected=1200, running=1, failed=1)
    log.feed(log_of(result(1, 106, COPY_PATH, 1500)))
    assert log.counts(COPY_PATH).expected == 1500
    log.feed(log_of(stop(1), stop(3)))
    assert log.counts(COPY_PATH) == Counts(done=350, expected=350, failed=1)


def test_a_build_that_is_only_stopped_was_interrupted() -> None:
    data = log_of(start(1, BUILDS), start(2, BUILD, drv("a"), "", 1, 1), stop(2))
    assert [b.outcome for b in read(data)[1]] == ["stopped"]


def test_when_builds_end_together_the_error_tells_which_failed() -> None:
    log, built = read(
        log_of(
            start(1, BUILDS),
            start(2, BUILD, drv("a"), "", 1, 1),
            start(3, BUILD, drv("b"), "", 1, 1),
            result(3, 101, "oops"),
            progress(1, 1, 2, 0, 1),
            stop(2),
            stop(3),
            {"action": "msg", "level": 0, "msg": f"error: builder for '{drv('b')}' failed"},
            start(4, BUILD, drv("c"), "", 1, 1),
            progress(1, 2, 2, 0, 1),
            stop(4),
        )
    )
    assert [b.outcome for b in built] == ["unknown", "unknown", "done"]
    assert [(f.derivation, f.log) for f in log.failed] == [(drv("b"), ("oops",))]


def test_a_file_of_a_copy_is_shown_once() -> None:
    data = log_of(
        start(1, COPY_PATH, "/nix/store/aaa-x", "https://cache", "local"),
        start(2, FILE_TRANSFER, "https://cache/nar", parent=1),
        start(3, FILE_TRANSFER, "https://example.org/source", parent=9),
        start(4, COPY_PATH, "/nix/store/aaa-y", "local", "ssh://other"),
    )
    assert [a.name for a in read(data)[0].downloads()] == ["x", "https://example.org/source"]


def test_unknown_numbers_are_data() -> None:
    log, _ = read(
        log_of(
            start(1, 4711, {"what": "ever"}, None),
            result(1, 815, ["x"], 1.5),
            {"action": "result", "id": 1, "type": 110, "payload": {"success": True}},
            {"action": "dance", "id": 1},
            progress(1, 3, 7, 1, 0),
            result(1, 105, "a", "b", "c", "d"),
            result(1, 105, 1),
            result(1, 106, [], {}),
            result(99, 101, "a line of nobody"),
            stop(99),
        )
    )
    assert log.counts(4711) == Counts(done=3, expected=7, running=1)
    assert log.messages.kept() == []


@pytest.mark.parametrize(
    "line",
    [
        b"ssh: Could not resolve hostname x",
        b"@nix is not a record",
        b"@nix {broken",
        b'@nix {"action":7}',
        b'@nix {"action":"start","id":"seven"}',
        b'{"action":"msg","level":0,"msg":"not from Nix"}',
    ],
)
def test_other_lines_are_text(line: bytes) -> None:
    log, _ = read(line + b"\n" + recorded("new-missing"))
    assert log.kept().decode().splitlines()[0] == line.decode()
    assert len(log.messages.errors()) == 1


def test_half_a_line_at_the_end_is_text() -> None:
    log, _ = read(recorded("old-chain")[:-10])
    assert log.kept().decode().splitlines()[-1].startswith('@nix {"action":"stop"')


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    data = log_of(start(1, BUILD, drv("a"), "", 1, 1))
    data += b'@nix {"action":"result","fields":["caf\xe9"],"id":1,"type":101}\n'
    data += b"plain \xff\n"
    log, _ = read(data)
    assert log.running()[0].last_line == "caf\N{REPLACEMENT CHARACTER}"
    assert log.kept().decode() == "plain \N{REPLACEMENT CHARACTER}\n"


def test_a_line_of_megabytes_is_cut() -> None:
    data = log_of(start(1, BUILD, drv("a"), "", 1, 1), result(1, 101, "x" * 3_000_000))
    data += b"y" * 20_000_000 + b"\n" + log_of(result(1, 101, "after"))
    log, _ = read(data, 65536)
    assert log.running()[0].last_line == "after"
    assert len(log.kept()) < 100_000


@given(st.binary(max_size=200), st.integers(1, 50))
@settings(deadline=None)
def test_nothing_makes_it_fail(data: bytes, size: int) -> None:
    read(data.replace(b"\x00", b"\n@nix {"), size)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(["start", "stop", "result", "msg"]),
                "id": st.integers(0, 2) | json_values,
                "type": st.sampled_from([100, 101, 104, 105, 106]) | json_values,
                "fields": st.lists(json_values, max_size=4) | json_values,
                "level": st.integers(-1, 9) | json_values,
                "msg": st.text(max_size=9) | json_values,
                "text": st.text(max_size=9),
            }
        )
    )
)
@settings(deadline=None)
def test_no_record_makes_it_fail(records: list[dict[str, Any]]) -> None:
    log, _ = read(log_of(*records))
    log.kept()
    log.running()
    log.downloads()


def test_every_message_is_heard() -> None:
    heard: list[Message] = []
    log = ActivityLog(on_message=heard.append)
    log.feed(log_of(*({"action": "msg", "level": n, "msg": f"m{n}"} for n in range(8))))
    assert [m.level for m in heard] == list(range(8))
    assert log.kept() == b"m0\nm1\nm2\nm3\n"


def test_a_flood_of_messages_does_not_wash_errors_away() -> None:
    log = ActivityLog()
    log.feed(log_of({"action": "msg", "level": 0, "msg": "the error"}))
    log.feed(log_of(*({"action": "msg", "level": 3, "msg": f"{n}"} for n in range(5000))))
    kept = log.kept().decode().splitlines()
    assert kept[0] == "the error"
    assert kept[-1] == "4999"
    assert len(kept) < 500


def test_memory_is_bounded_by_what_is_live() -> None:
    lines = log_of(*(result(1, 101, f"line {n} " + "x" * 80) for n in range(1000)))
    others = log_of(*(r for n in range(2, 500) for r in (start(n, 109, "x"), stop(n))))
    log = ActivityLog()
    log.feed(log_of(start(1, BUILD, drv("a"), "", 1, 1)))
    log.feed(lines + others)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        log.feed(lines + others)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000

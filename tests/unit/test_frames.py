"""Records as DataFrames: fixed columns and dtypes, plain slices, text that nothing can act on."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from luminous_nix_ipy import frames
from luminous_nix_ipy.backend.metrics import Metrics
from luminous_nix_ipy.backend.model import Backup
from luminous_nix_ipy.frames import nixframe
from luminous_nix_ipy.records import (
    Check,
    ClosureDiff,
    Command,
    Generation,
    JournalEntry,
    PackageChange,
    Profile,
    UnitChange,
)

WINTER = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
HOSTILE = '<script>alert("1")</script>\x1b]0;owned\x07\x1b[31m\u202egnp.exe\udce9'
TIME = "datetime64[us, Europe/Berlin]"


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def generation(number: int, **fields: Any) -> Generation:
    return Generation(
        **{
            "number": number,
            "date": WINTER,
            "current": False,
            "nixos_version": f"25.11.202601{number}.abcdef1",
            "kernel_version": f"6.12.{number}",
            "path": f"/nix/store/{number:032d}-nixos-system-host",
            "link": f"/nix/var/nix/profiles/system-{number}-link",
            **fields,
        }
    )


def change(name: str, old: tuple[str, ...], new: tuple[str, ...], delta: int = 0) -> PackageChange:
    return PackageChange(
        name=name,
        change="upgraded" if old and new else "added" if new else "removed",
        old_versions=old,
        new_versions=new,
        selected_before=bool(old),
        selected_after=False,
        old_bytes=10_000_000,
        new_bytes=10_000_000 + delta,
    )


def closure_diff(*changes: PackageChange, rebuilt: int = 0) -> ClosureDiff:
    return ClosureDiff(
        before="/nix/store/a",
        after="/nix/store/b",
        changes=changes,
        rebuilt=rebuilt,
        paths_before=1523,
        paths_after=1530,
        paths_added=27,
        paths_removed=20,
        bytes_before=3_328_599_654,
        bytes_after=3_385_642_188,
        source="database",
    )


ENTRY = JournalEntry(
    id="1",
    started=WINTER,
    user="ada",
    host="laptop",
    operation="rollback",
    profile="/nix/var/nix/profiles/system",
    to_number=41,
    commands=("nix-env -p 'a b'", "true"),
)
BACKUP = Backup(
    id="1", made=WINTER, operation="rollback", profile="/p", number=42, path="/s", root="/r"
)
PROFILE = Profile("system", "/nix/var/nix/profiles/system", "system")

GENERATION_DTYPES = {
    "number": "int64",
    "date": TIME,
    "current": "bool",
    "state": "string",
    "nixos_version": "string",
    "kernel_version": "string",
}
GENERATION_MORE = {
    "running": "bool",
    "booted": "bool",
    "kept": "bool",
    "configuration_revision": "string",
    "specialisations": "string",
    "description": "string",
    "note": "string",
    "path": "string",
    "link": "string",
    "problem": "string",
}
SIZES = {"closure_bytes": "Int64", "unique_bytes": "Int64"}
CHANGE = {
    "name": "string",
    "change": "string",
    "old_versions": "string",
    "new_versions": "string",
    "selected": "bool",
    "delta_bytes": "int64",
}
CHANGE_MORE = {
    "old_bytes": "int64",
    "new_bytes": "int64",
    "selected_before": "bool",
    "selected_after": "bool",
}
JOURNAL = {
    "started": TIME,
    "user": "string",
    "operation": "string",
    "from_number": "Int64",
    "to_number": "Int64",
    "outcome": "string",
}
JOURNAL_MORE = {
    "ended": TIME,
    "duration": "timedelta64[us]",
    **dict.fromkeys(
        ("id", "host", "profile", "from_path", "to_path", "commands", "error", "backup"), "string"
    ),
    "freed_bytes": "Int64",
}
BACKUPS = {
    "id": "string",
    "operation": "string",
    "made": TIME,
    "number": "int64",
    "profile": "string",
}


@pytest.mark.parametrize(
    ("frame", "dtypes"),
    [
        (frames.generations, GENERATION_DTYPES),
        (lambda r: frames.generations(r, sizes=True), GENERATION_DTYPES | SIZES),
        (lambda r: frames.generations(r, all_columns=True), GENERATION_DTYPES | GENERATION_MORE),
        (lambda r: frames.diff(closure_diff(*r)), CHANGE),
        (lambda r: frames.diff(closure_diff(*r), all_columns=True), CHANGE | CHANGE_MORE),
        (frames.journal, JOURNAL),
        (lambda r: frames.journal(r, all_columns=True), JOURNAL | JOURNAL_MORE),
        (frames.backups, BACKUPS),
        (
            lambda r: frames.backups(r, all_columns=True),
            BACKUPS | {"path": "string", "root": "string"},
        ),
        (frames.profiles, dict.fromkeys(("name", "kind", "path"), "string")),
        (frames.units, dict.fromkeys(("unit", "action", "reason"), "string")),
        (frames.checks, dict.fromkeys(("name", "verdict", "reason"), "string")),
        (frames.commands, dict.fromkeys(("purpose", "command"), "string")),
    ],
)
def test_columns_and_dtypes_are_the_same_with_and_without_rows(
    frame: Any, dtypes: dict[str, str]
) -> None:
    rows: dict[str, list[Any]] = {
        "number, date": [generation(1), generation(2, date=None, nixos_version=None)],
        "name, change": [change("a", ("1",), ("2",))],
        "started, user": [ENTRY],
        "id, operation": [BACKUP],
        "name, kind": [PROFILE],
        "unit, action": [UnitChange("a.service", "stop")],
        "name, verdict": [Check("a", "ok", "b")],
        "purpose, command": [Command(("true",), "nothing")],
    }
    for records in (rows[", ".join(list(dtypes)[:2])], []):
        made = frame(records)
        assert {name: str(kind) for name, kind in made.dtypes.items()} == dtypes
        assert list(made.columns) == list(dtypes)
        assert isinstance(made.index, pd.RangeIndex)
        assert len(made) == len(records)
        assert all(
            f'scope="col">{name}<' in made._repr_html_().replace(' class="number"', "")
            for name in dtypes
        )


def test_generations_are_newest_first_whatever_the_order_of_the_records() -> None:
    records = [generation(9), generation(11), generation(10)]
    assert list(frames.generations(records).number) == [11, 10, 9]
    assert list(frames.generations(records[::-1]).number) == [11, 10, 9]


def test_values_are_raw_and_missing_ones_are_missing() -> None:
    records = [
        generation(
            2,
            running=True,
            kept=True,
            specialisations=("gaming", "quiet"),
            note="before the kernel upgrade",
            closure_bytes=3_328_599_654,
            unique_bytes=0,
        ),
        generation(1, date=None, nixos_version=None, path=None, problem="It dangles."),
    ]
    frame = frames.generations(records, sizes=True, all_columns=True)
    newest, oldest = frame.iloc[0], frame.iloc[1]
    assert newest.state == "running, kept"
    assert newest.specialisations == "gaming, quiet"
    assert newest.closure_bytes == 3_328_599_654
    assert newest.unique_bytes == 0
    assert pd.isna(oldest.date)
    missing = ["nixos_version", "path", "closure_bytes", "unique_bytes", "note", "description"]
    assert all(oldest[name] is pd.NA for name in missing)
    assert list(frame[frame.note.str.contains("kernel")].number) == [2]
    assert list(frame[frame.nixos_version.str.startswith("25.11")].number) == [2]


def test_times_are_local_with_summer_and_winter() -> None:
    records = [generation(1, date=WINTER), generation(2, date=SUMMER), generation(3, date=None)]
    date = frames.generations(records).set_index("number").date
    assert date[1].isoformat() == "2026-01-15T13:00:00+01:00"
    assert date[2].isoformat() == "2026-07-15T14:00:00+02:00"
    assert date[3] is pd.NaT


@pytest.mark.parametrize("zone", ["CET-1CEST,M3.5.0,M10.5.0/3", ":Europe/Berlin"])
def test_times_are_local_in_every_form_of_tz(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    date = frames.generations([generation(1, date=WINTER), generation(2, date=SUMMER)]).date
    assert [d.isoformat() for d in date] == [
        "2026-07-15T14:00:00+02:00",
        "2026-01-15T13:00:00+01:00",
    ]


def test_without_tz_the_zone_is_that_of_etc_localtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ")
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/etc/localtime")
    monkeypatch.setattr(os.path, "realpath", lambda path: "/x/share/zoneinfo/Asia/Tokyo")
    assert str(frames.generations([]).date.dtype) == "datetime64[us, Asia/Tokyo]"
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    assert str(frames.generations([]).date.dtype) == "datetime64[us, UTC]"


def test_microseconds_are_exact() -> None:
    exact = datetime(2026, 11, 22, 21, 14, 3, 123457, tzinfo=UTC)
    assert frames.generations([generation(1, date=exact)]).date[0] == exact


def test_what_pandas_makes_of_it_is_a_plain_dataframe() -> None:
    frame = frames.generations([generation(1), generation(2, current=True)])
    assert type(frame) is frames.NixFrame
    derived = [
        frame.head(1),
        frame[frame.current],
        frame.copy(),
        frame[["number", "date"]],
        frame.sort_values("number"),
        frame.iloc[:1],
        pd.concat([frame, frame]),
        frame.reset_index(drop=True),
    ]
    assert {type(made) for made in derived} == {pd.DataFrame}
    assert type(frame.number) is pd.Series
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(frame)).copy(), frame.copy())


def test_the_text_of_generations() -> None:
    records = [
        generation(43, running=True, booted=True, current=True),
        generation(42, kept=True),
        generation(
            7, date=None, nixos_version=None, kernel_version=None, problem="Its link dangles."
        ),
    ]
    assert (
        repr(frames.generations(records))
        == """\
Generations
number  date              current  state     nixos_version           kernel_
                                                                     version
──────  ────────────────  ───────  ────────  ──────────────────────  ───────────
    43  2026-01-15 13:00  yes      running,  25.11.20260143.abcdef1  6.12.43
                                   booted
    42  2026-01-15 13:00  no       kept      25.11.20260142.abcdef1  6.12.42
     7  –                 no       problem   –                       –
Problem of 7: Its link dangles.
3 generations, current 43, running 43, booted 43"""
    )


def test_the_text_of_a_diff_and_its_summary() -> None:
    record = closure_diff(
        change("linux", ("6.12.57",), ("6.12.58",), 57_042_534),
        change("nginx", ("1.28.0",), (), -10_000_000),
        change("zlib", (), ("1.3.1", "1.2.13")),
        rebuilt=120,
    )
    frame = frames.diff(record)
    assert frame.attrs["summary"] == (
        "paths 1,523 → 1,530 (+27 −20), 3.1 GiB → 3.2 GiB (+54.4 MiB), "
        "120 rebuilt at the same version"
    )
    assert list(frame.delta_bytes) == [57_042_534, -10_000_000, 0]
    assert (
        repr(frame)
        == """\
Package changes
name   change    old_versions  new_versions   selected  delta_bytes
─────  ────────  ────────────  ─────────────  ────────  ───────────
linux  upgraded  6.12.57       6.12.58        yes         +54.4 MiB
nginx  removed   1.28.0        –              yes          −9.5 MiB
zlib   added     –             1.3.1, 1.2.13  no                 ±0
paths 1,523 → 1,530 (+27 −20), 3.1 GiB → 3.2 GiB (+54.4 MiB), 120 rebuilt at the
same version"""
    )


def test_no_default_column_is_lost_at_eighty_columns() -> None:
    long = generation(
        123456,
        running=True,
        booted=True,
        kept=True,
        nixos_version="26.11.20261122.0123456789abcdef-dirty",
        kernel_version="6.12.58-hardened1-with-a-long-name",
    )
    for frame in (
        frames.generations([long], all_columns=True, sizes=True),
        frames.journal([ENTRY], all_columns=True),
        frames.diff(closure_diff(change("n" * 90, ("1" * 50,), ("2" * 50,))), all_columns=True),
    ):
        text = repr(frame)
        assert max(map(len, text.splitlines())) <= 80
        shown = re.sub(r"\s", "", text)
        for name in frame.columns:
            assert name.split("_")[0] in shown
        assert "…" not in text


def test_many_rows_are_counted_not_listed() -> None:
    frame = frames.generations([generation(n) for n in range(1, 101)])
    with pd.option_context("display.max_rows", 10):
        text, page = repr(frame), frame._repr_html_()
    assert "… and 90 more rows" in text
    assert page.count("<tr>") == 11
    with pd.option_context("display.max_rows", None):
        assert "more row" not in repr(frame)
        assert repr(frame).count("25.11.") == 100


def test_html_has_caption_scopes_and_escapes() -> None:
    page = frames.generations([generation(1, nixos_version=HOSTILE)])._repr_html_()
    assert "<caption>Generations</caption>" in page
    assert '<th scope="col" class="number">number</th>' in page
    assert '<th scope="row" class="number">1</th>' in page
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in page
    assert "<script" not in page
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\udc80-\udcff]", page)
    assert "color:" not in page.replace("color: inherit", "")
    page.encode()


def test_hostile_text_goes_everywhere_a_frame_goes(tmp_path: Any) -> None:
    record = generation(1, description=HOSTILE, path="/nix/store/a\udce9", problem=HOSTILE)
    other = generation(2, path="/nix/store/a\udcea")
    frame = frames.generations([record, other], all_columns=True)
    assert list(frame.path) == ["/nix/store/a\\xea", "/nix/store/a\\xe9"]
    buffer = io.StringIO()
    frame.to_csv(tmp_path / "frame.csv")
    frame.to_json(tmp_path / "frame.json", date_format="iso")
    print(frame, frame.head(), frame._repr_html_(), file=buffer)
    for text in (buffer.getvalue(), *frame.description.dropna(), frame.attrs["problems"]["1"]):
        text.encode()
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    json.dumps(frame.attrs).encode()


def test_metrics_are_overall_then_per_operation_and_rates_of_nothing_are_missing() -> None:
    counted = Metrics()
    counted.record("list_generations", success=True, seconds=0.5, cached=False)
    counted.record("list_generations", success=True, seconds=0.1, cached=True)
    counted.record("rollback", success=False, seconds=12)
    frame = frames.metrics(counted.as_dict())
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "operation": "string",
        "total_operations": "int64",
        "success_rate": "float64",
        "average_duration": "float64",
        "cache_hit_rate": "float64",
    }
    assert (
        repr(frame)
        == """\
Metrics of this kernel
operation       total_operations  success_rate  average_duration  cache_hit_rate
──────────────  ────────────────  ────────────  ────────────────  ──────────────
overall                        3         66.7%             4.2 s           50.0%
list_                          2        100.0%            300 ms           50.0%
generations
rollback                       1          0.0%              12 s               –"""
    )
    empty = frames.metrics(Metrics().as_dict())
    assert empty.iloc[0, 2:].isna().all()


def test_journal_shows_what_is_not_known_as_missing() -> None:
    frame = frames.journal([ENTRY], all_columns=True)
    assert frame.from_number[0] is pd.NA
    assert frame.outcome[0] is pd.NA
    assert frame.ended[0] is pd.NaT and frame.duration[0] is pd.NaT
    assert frame.commands[0] == "nix-env -p 'a b'; true"
    frame.attrs["notes"] = ["One line could not be read: \x1b[31m."]
    assert repr(frame).endswith("One line could not be read: \\x1b[31m.\n1 change")


def test_facts_are_two_columns_of_words() -> None:
    frame = frames.facts([("Nix", "2.8.0")], "Status")
    assert frame.to_dict("records") == [{"fact": "Nix", "value": "2.8.0"}]
    assert frame.attrs == {"caption": "Status"}


def test_a_frame_that_was_changed_in_place_still_shows() -> None:
    frame = frames.generations([generation(1), generation(2)], sizes=True)
    frame["closure_bytes"] = ["much", None]
    frame["extra"] = pd.Series([[1, 2], {"a": "\x1b"}])
    frame.index = pd.Index(["a", "b"], name="number")
    text = repr(frame)
    assert "much" in text
    assert "[1, 2]" in text
    frame.index = pd.RangeIndex(2)
    for name in list(frame.columns):
        del frame[name]
    assert "Generations" in repr(frame)
    assert "Generations" in frame._repr_html_()


def test_in_a_terminal_it_has_the_terminals_width_and_bold_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Printer:
        shown = ""

        def text(self, text: str) -> None:
            self.shown += text

    records = [generation(2, running=True, booted=True, note="[bold]"), generation(1)]
    frame = frames.generations(records, all_columns=True)
    notebook, terminal = Printer(), Printer()
    frame._repr_pretty_(notebook, False)
    assert notebook.shown == repr(frame)

    monkeypatch.setattr(nixframe, "terminal_width", lambda: 100)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    frame._repr_pretty_(terminal, False)
    assert "\x1b[1mGenerations\x1b[0m" in terminal.shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown)
    assert 80 < max(map(len, plain.splitlines())) <= 100
    assert "running, booted" in plain
    assert "[bold]" in plain


def test_only_words_longer_than_a_column_may_be_broken() -> None:
    page = frames.checks([Check("store", "unknown", "/nix/store/" + "x" * 40)])._repr_html_()
    assert "<td>unknown</td>" in page
    assert '<td class="long">/nix/store/' in page

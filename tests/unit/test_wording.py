"""Values in words, other people's text made harmless, and tables that lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luminous_nix_ipy import wording
from luminous_nix_ipy.table import Table


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (-57_042_534, "−54.4 MiB"),
        (3 * 1024**4, "3.0 TiB"),
        (2000 * 1024**5, "2,000.0 PiB"),
    ],
)
def test_sizes_in_words(count: int | None, words: str) -> None:
    assert wording.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "12 ms"),
        (0.9996, "1.0 s"),
        (3.21, "3.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3780, "1 h 3 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


def test_moments_are_local_minutes() -> None:
    assert wording.moment(datetime(2026, 11, 22, 21, 14).astimezone(UTC)) == "2026-11-22 21:14"
    assert wording.moment(None) == "unknown"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, déjà vu", "plain text, déjà vu"),
        ("a\udce9b", "a\\xe9b"),
        ("\x1b[1m\n", "\\x1b[1m\\x0a"),
        ("a\u202eb\ufeff", "a\\u202eb\\ufeff"),
        ("\ud83d", "\\ud83d"),
        ("\U000e0041", "\\U000e0041"),
        ("fine\u202f: no\xa0break", "fine : no break"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_printable_text(text: str, shown: str) -> None:
    assert wording.printable(text) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1b(Bx\x1b7y\x1bM", "xy"),
        ("[31m stays", "[31m stays"),
    ],
)
def test_terminal_codes_are_stripped(text: str, plain: str) -> None:
    assert wording.without_terminal_codes(text) == plain


def test_a_table_counts_wide_characters_as_a_terminal_does() -> None:
    table = Table(("name", "note"), [("日本", "e\u0301"), ("a", "b")])
    assert table.text() == "name  note\n────  ────\n日本  e\u0301\na     b"


def test_a_table_cuts_only_what_has_no_place_to_fold() -> None:
    table = Table(("path",), [("/nix/store/" + "x" * 50 + "-hello",)])
    assert table.text(40).splitlines()[2:] == ["/nix/store/", "x" * 40, "x" * 10 + "-hello"]


def test_a_table_in_far_too_narrow_a_terminal_still_shows_everything() -> None:
    table = Table(("number", "path"), [("1", "x" * 30), ("2", "y" * 30)], caption="Generations")
    shown = table.text(10)
    assert shown.count("x") == shown.count("y") == 30

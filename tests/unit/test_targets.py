"""Which generation a number, a date or words mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.targets import choose, parse_date
from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.records import Generation

NOW = datetime(2026, 3, 31, 12, 0).astimezone()


def generation(number: int, days_ago: float = 0, **fields: object) -> Generation:
    return Generation(
        number=number,
        date=NOW - timedelta(days=days_ago),
        current=bool(fields.pop("current", False)),
        path=f"/nix/store/{number:032d}-nixos",
        link=f"/nix/var/nix/profiles/system-{number}-link",
        **fields,  # type: ignore[arg-type]
    )


HISTORY = [
    generation(45, 0.1, nixos_version="26.05", kernel_version="6.18.2"),
    generation(44, 1.2, nixos_version="25.11.1", kernel_version="6.12.30", current=True),
    generation(41, 3.1, nixos_version="25.11", kernel_version="6.6.30", note="before the upgrade"),
    generation(40, 9, nixos_version="25.05", kernel_version="6.6.3", description="Known good"),
]


def test_previous_is_the_greatest_number_below_the_current_one() -> None:
    """Not the next in the list, whichever way it is sorted, and never a newer one."""
    assert choose(HISTORY).number == 41
    assert choose(HISTORY[::-1]).number == 41


def test_previous_passes_over_a_dangling_link() -> None:
    dangling = Generation(number=43, date=None, current=False, problem="dangles")
    assert choose([dangling, *HISTORY]).number == 41


@pytest.mark.parametrize("kept", [[], [HISTORY[1]], HISTORY[:2]])
def test_no_previous_is_said(kept: list[Generation]) -> None:
    with pytest.raises((NotFound, Refused)) as caught:
        choose(kept)
    assert "%nix" in "".join(caught.value.todo)


def test_only_dangling_links_below() -> None:
    dangling = Generation(number=1, date=None, current=False, problem="dangles")
    with pytest.raises(NotFound, match="can be used"):
        choose([dangling, HISTORY[1]])


def test_a_number() -> None:
    assert choose(HISTORY, number=45).number == 45
    with pytest.raises(NotFound, match="no generation 7") as caught:
        choose(HISTORY, number=7)
    assert "40, 41, 44 and 45" in caught.value.why


def test_a_number_that_dangles() -> None:
    dangling = Generation(number=7, date=None, current=False, problem="It dangles.")
    with pytest.raises(NotFound, match="dangles"):
        choose([dangling, *HISTORY], number=7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", 44),
        ("2 days ago", 41),
        ("3 DAYS  ago", 41),
        ("a week ago", 40),
        ("last week", 40),
        ("today", 45),
        ("now", 45),
        ("1 hour ago", 45),
        ("2026-03-30", 44),
        ("2026-03-28", 41),
        ("2026-03-28 09:00", 40),
        ("2026-03-28T23:59:59", 41),
    ],
)
def test_a_date_is_the_newest_not_after_it(text: str, expected: int) -> None:
    assert choose(HISTORY, words=text, now=NOW).number == expected


def test_a_date_before_everything_names_the_oldest() -> None:
    with pytest.raises(NotFound, match="as old as") as caught:
        choose(HISTORY, words="2020-01-01", now=NOW)
    assert "The oldest is 40" in caught.value.why


@pytest.mark.parametrize("text", ["2026-02-30", "2026-01-01 25:00", "99999999 years ago"])
def test_a_date_that_does_not_exist(text: str) -> None:
    with pytest.raises(Refused, match="not a date"):
        choose(HISTORY, words=text, now=NOW)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("6.6.30", 41),
        ("25.11", 41),
        ("26.05", 45),
        ("BEFORE the", 41),
        ("known  good", 40),
        ("6.18", 45),
        ("25.11.1", 44),
    ],
)
def test_words_are_looked_for_everywhere_and_versions_are_words(words: str, expected: int) -> None:
    assert choose(HISTORY, words=words).number == expected


def test_several_matches_are_listed_for_choosing() -> None:
    with pytest.raises(Refused, match="several") as caught:
        choose(HISTORY, words="6.6")
    lines = caught.value.why.splitlines()
    assert [line.split()[0] for line in lines] == ["41", "40"]


@pytest.mark.parametrize("words", ["nothing has this", "6.6.31"])
def test_no_match(words: str) -> None:
    with pytest.raises(NotFound, match="has"):
        choose(HISTORY, words=words)


def test_empty_words() -> None:
    with pytest.raises(Refused):
        choose(HISTORY, words="  ")


def test_a_day_means_its_end_in_local_time() -> None:
    assert parse_date("2026-03-31") == datetime(2026, 3, 31, 23, 59, 59, 999999).astimezone()


def test_a_zone_is_honoured() -> None:
    assert parse_date("2026-03-31T10:00Z") == datetime(2026, 3, 31, 10, tzinfo=UTC)
    assert parse_date("2026-03-31 10:00 +02:00") == datetime(2026, 3, 31, 8, tzinfo=UTC)


def test_a_month_ago_of_a_longer_month_is_its_last_day() -> None:
    assert parse_date("1 month ago", NOW) == parse_date("2026-02-28")
    assert parse_date("a year ago", NOW) == parse_date("2025-03-31")


@given(st.text(max_size=30))
def test_any_text_is_a_date_words_or_a_sentence(text: str) -> None:
    try:
        parsed = parse_date(text, NOW)
    except Refused:
        return
    assert parsed is None or parsed.tzinfo is not None

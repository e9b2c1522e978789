"""Which generations go: the rules, what is protected from them, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.choosing import (
    beyond,
    choices,
    named,
    older,
    parse_days,
    parse_size,
)
from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.records import Generation, Profile

PROFILE = Profile("system", "/p/system", "system")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def generation(number: int, days_ago: float = 0, **more: object) -> Generation:
    return Generation(
        number=number,
        date=NOW - timedelta(days=days_ago),
        current=bool(more.pop("current", False)),
        path=f"/store/{number}",
        link=f"/p/system-{number}-link",
        **more,  # type: ignore[arg-type]
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Generation]:
    """A profile's generations: dates rise with numbers, and any one of them is current."""
    numbers = sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=9)))
    ages = sorted(
        draw(st.lists(st.floats(0, 90), min_size=len(numbers), max_size=len(numbers))),
        reverse=True,
    )
    current = draw(st.sampled_from(numbers))
    flag = st.sampled_from(["", "", "running", "booted", "kept"])
    return [
        generation(n, age, current=n == current, **({f: True} if (f := draw(flag)) else {}))
        for n, age in zip(numbers, ages, strict=True)
    ]


rules = st.tuples(
    st.one_of(st.none(), st.integers(1, 10)), st.one_of(st.none(), st.integers(1, 100))
)


@given(histories(), rules)
def test_what_lives_never_goes_and_every_choice_says_why(
    history: list[Generation], rule: tuple[int | None, int | None]
) -> None:
    keep, days = rule
    made = choices(PROFILE, history, keep=keep, days=days, now=NOW)
    assert [c.generation.number for c in made] == sorted((g.number for g in history), reverse=True)
    for choice in made:
        g = choice.generation
        assert choice.rule
        if choice.goes:
            assert not (g.current or g.running or g.booted or g.kept)
            assert rule != (None, None)
            assert keep is None or g.number in beyond(history, keep)
            assert days is None or g.number in older(history, days, NOW)
    if rule == (None, None):
        assert not any(choice.goes for choice in made)


@given(histories(), st.integers(1, 10), st.integers(1, 100))
def test_both_rules_together_take_no_more_than_either(
    history: list[Generation], keep: int, days: int
) -> None:
    def going(**rule: int) -> set[int]:
        made = choices(PROFILE, history, now=NOW, **rule)
        return {c.generation.number for c in made if c.goes}

    assert going(keep=keep, days=days) == going(keep=keep) & going(days=days)


def test_keep_counts_back_from_the_current_one() -> None:
    history = [generation(n, current=n == 4) for n in range(1, 7)]
    assert beyond(history, 1) == {1, 2, 3}
    assert beyond(history, 3) == {1}
    assert beyond(history, 9) == set()
    assert beyond([generation(n) for n in (1, 2)], 1) == set()


def test_an_age_spares_what_was_current_then() -> None:
    history = [generation(1, 40), generation(2, 31), generation(3, 2), generation(4, 1)]
    assert older(history, 30, NOW) == {1}
    assert older(history, 35, NOW) == set()
    # A date that does not fit its number is believed: nothing younger is ever chosen.
    assert older([generation(1, 5), *history[1:]], 30, NOW) == set()
    assert older([generation(1, 40, current=True), *history[1:]], 30, NOW) == set()


def test_the_reasons_are_those_of_the_rules() -> None:
    history = [
        generation(1, 60),
        generation(2, 50, booted=True),
        generation(3, 40),
        generation(4, 20, current=True),
        generation(5, 10),
    ]
    by_keep = {c.generation.number: c.rule for c in choices(PROFILE, history, keep=2, now=NOW)}
    assert by_keep == {
        5: "is newer than the current one",
        4: "is current",
        3: "is one of the 2 that --keep 2 leaves",
        2: "was booted",
        1: "is none of the 2 that --keep 2 leaves",
    }
    by_age = {c.generation.number: c.rule for c in choices(PROFILE, history, days=30, now=NOW)}
    assert by_age[5] == "was made in the last 30 days"
    assert by_age[3] == "was current 30 days ago"
    assert by_age[1] == "was no longer current 30 days ago"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"current": True}, "is current"),
        ({"running": True}, "is running"),
        ({"booted": True}, "was booted"),
        ({"kept": True}, "is kept"),
    ],
)
def test_a_named_generation_that_lives_is_refused(state: dict[str, bool], said: str) -> None:
    history = [generation(1, **state), generation(2, current="current" not in state)]
    with pytest.raises(Refused) as refusal:
        named(PROFILE, history, [1])
    assert said in refusal.value.why
    assert refusal.value.todo


def test_named_generations_go_alone() -> None:
    history = [generation(n, current=n == 3) for n in (1, 2, 3)]
    assert {c.generation.number: c.goes for c in named(PROFILE, history, [2])} == {
        3: False,
        2: True,
        1: False,
    }


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("1", 1), (" 7d ", 7)])
def test_an_age_is_days(text: str, days: int) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["0", "0d", "-3d", "3w", "", "d", "1.5d", "99999999d", "٣d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no age"):
        parse_days(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        (1000, 1000),
        ("2K", 2048),
        ("1.5 GiB", 3 * 2**29),
        ("10g", 10 * 2**30),
        ("5MB", 5 * 2**20),
    ],
)
def test_a_size_is_bytes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["0", 0, "", "many", "-1G", "0.1", "1X", "9999999T"])
def test_what_is_no_size_is_refused(text: str | int) -> None:
    with pytest.raises(Refused, match="is no size"):
        parse_size(text)

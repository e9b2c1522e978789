"""Which generation is meant: the previous one, a number, a date, or words.

Dates are local time. Understood are ISO days and timestamps (`2026-03-01`, `2026-03-01 18:30`,
`2026-03-01T18:30:00Z`), and these phrases, in any case:

    now, today, yesterday, the day before yesterday,
    N minutes|hours|days|weeks|months|years ago (also "a" and "an" for 1),
    last week, last month, last year (the same as 1 week ago, ...)

A day means its end, so "yesterday" and "3 days ago" include everything of that day; minutes and
hours mean the instant. A date selects the newest generation that is not after it. Everything else
is words, looked for in version, kernel, description and note, so that "6.6.30" and "25.11" are
versions.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from ..errors import NotFound, Refused
from ..records import Generation

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_AGO = re.compile(r"(\d+|an?)\s+(minute|hour|day|week|month|year)s?\s+ago")
_LAST = re.compile(r"last\s+(week|month|year)")
_DAYS = {"today": 0, "yesterday": 1, "the day before yesterday": 2, "day before yesterday": 2}


def choose(
    generations: Sequence[Generation],
    *,
    number: int | None = None,
    words: str | None = None,
    now: datetime | None = None,
) -> Generation:
    """The generation that is meant; with neither number nor words the previous one.

    Args:
        generations: all of one profile, in any order, each with its details and note.
        now: the instant that phrases count from, aware; the clock's where it is None.

    Raises:
        NotFound: there is no such generation.
        Refused: several match the words, or the date does not exist.
    """
    usable = [g for g in generations if g.path is not None]
    if number is not None:
        return _numbered(generations, number)
    if words is None:
        return _previous(generations)
    instant = parse_date(words, now)
    if instant is not None:
        return _not_after(usable, instant, words)
    return _matching(usable, words)


def parse_date(text: str, now: datetime | None = None, *, start: bool = False) -> datetime | None:
    """The instant that a date or a phrase of the list above means, aware; None when it is words.

    Args:
        start: a day means its beginning, not its end.

    Raises:
        Refused: it has the form of a date, but no such date exists.
    """
    phrase = " ".join(text.lower().split())
    clock_of_day = time.min if start else time.max
    now = now or datetime.now().astimezone()
    try:
        if match := _ISO.fullmatch(text.strip()):
            day, clock, zone = match.groups()
            if clock is None:
                return _at(clock_of_day, datetime.fromisoformat(day))
            instant = datetime.fromisoformat(f"{day}T{clock}{zone or ''}")
            return instant if zone else instant.astimezone()
        if phrase == "now":
            return now
        if phrase in _DAYS:
            return _at(clock_of_day, now - timedelta(days=_DAYS[phrase]))
        if match := _AGO.fullmatch(phrase):
            count, unit = match.groups()
            return _ago(now, 1 if count in ("a", "an") else int(count), unit, clock_of_day)
        if match := _LAST.fullmatch(phrase):
            return _ago(now, 1, match.group(1), clock_of_day)
    except (ValueError, OverflowError) as error:
        raise Refused(
            f"“{text}” is not a date that exists.",
            f"{error}.",
            ["Write a day as 2026-03-31, a time as 2026-03-31 18:30, or a phrase as 3 days ago."],
        ) from error
    return None


def _ago(now: datetime, count: int, unit: str, clock_of_day: time) -> datetime:
    if unit == "minute":
        return now - timedelta(minutes=count)
    if unit == "hour":
        return now - timedelta(hours=count)
    if unit in ("day", "week"):
        return _at(clock_of_day, now - timedelta(days=count * (7 if unit == "week" else 1)))
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    day = min(now.day, calendar.monthrange(year, month)[1])
    return _at(clock_of_day, now.replace(year=year, month=month, day=day))


def _at(clock: time, day: datetime) -> datetime:
    return datetime.combine(day.date(), clock).astimezone()


def _numbered(generations: Sequence[Generation], number: int) -> Generation:
    for generation in generations:
        if generation.number == number:
            if generation.path is None:
                raise NotFound(
                    f"Generation {number} cannot be used.",
                    generation.problem or "Its link cannot be read.",
                    ["See the others with %nix list --all-columns."],
                )
            return generation
    raise NotFound(
        f"There is no generation {number}.",
        f"There {_are([g.number for g in generations])}.",
        ["See them with %nix list."],
    )


def _previous(generations: Sequence[Generation]) -> Generation:
    current = next((g for g in generations if g.current), None)
    if current is None:
        raise Refused(
            "There is no “previous” generation.",
            "The profile does not point to any of its generations, so none is current.",
            ["Name one: %nix rollback NUMBER."],
        )
    below = [g for g in generations if g.number < current.number]
    if not below:
        raise NotFound(
            f"There is no generation before {current.number}, the current one.",
            "It is the oldest that is left.",
            ["See them with %nix list."],
        )
    usable = [g for g in below if g.path is not None]
    if not usable:
        raise NotFound(
            f"No generation before {current.number} can be used.",
            "The links of all of them dangle or cannot be read.",
            ["See them with %nix list --all-columns."],
        )
    return max(usable, key=lambda g: g.number)


def _not_after(generations: Sequence[Generation], instant: datetime, words: str) -> Generation:
    dated = [(g.date, g.number, g) for g in generations if g.date is not None]
    fitting = [item for item in dated if item[0] <= instant]
    if fitting:
        return max(fitting, key=lambda item: item[:2])[2]
    oldest = min(dated, default=None, key=lambda item: item[:2])
    raise NotFound(
        f"No generation is as old as “{words}” ({instant:%Y-%m-%d %H:%M}).",
        f"The oldest is {oldest[1]}, of {oldest[0]:%Y-%m-%d %H:%M}." if oldest else "",
        ["See their dates with %nix list."],
    )


def _matching(generations: Sequence[Generation], words: str) -> Generation:
    wanted = " ".join(words.lower().split())
    if not wanted:
        raise Refused("No words were given.", "", ["Give a date, a version or words of a note."])
    texts = {
        g.number: [
            " ".join(text.lower().split())
            for text in (g.nixos_version, g.kernel_version, g.description, g.note)
            if text
        ]
        for g in generations
    }
    # "25.11" is rather the generation whose version is 25.11 than those that contain it.
    found = [g for g in generations if wanted in texts[g.number]] or [
        g for g in generations if any(wanted in text for text in texts[g.number])
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(
            f"“{words}” means several generations.",
            "\n".join(_line(g) for g in sorted(found, key=lambda g: -g.number)),
            ["Give the number of the one you mean: %nix rollback NUMBER."],
        )
    raise NotFound(
        f"No generation has “{words}” in its version, kernel, description or note.",
        "It is no date or phrase for a date either.",
        ["See them with %nix list --all-columns."],
    )


def _line(generation: Generation) -> str:
    facts = (generation.nixos_version, generation.kernel_version, generation.description)
    date = f"{generation.date:%Y-%m-%d %H:%M}" if generation.date else "date unknown"
    note = f"“{generation.note}”" if generation.note else None
    return "  ".join([f"{generation.number:>5}", date, *(f for f in (*facts, note) if f)])


def _are(numbers: list[int]) -> str:
    if not numbers:
        return "are none"
    ordered = sorted(numbers)
    if len(ordered) > 8:
        return f"are {len(ordered)}, from {ordered[0]} to {ordered[-1]}"
    if len(ordered) == 1:
        return f"is only {ordered[0]}"
    return "are " + ", ".join(map(str, ordered[:-1])) + f" and {ordered[-1]}"

"""Which generations go: the rules of nix-env(1) `--delete-generations`, and what never goes.

`+N` keeps N generations counting back from the current one, and all that are newer than it; `Nd`
keeps those of the last N days and the one that was current N days ago (Nix, profiles.cc).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from ..errors import Refused
from ..records import Generation, Profile
from .collect_model import Choice

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_MOST_DAYS = 36_500


def beyond(generations: Sequence[Generation], keep: int) -> frozenset[int]:
    """The numbers that `+keep` deletes; none where no generation is current."""
    ordered = _newest_first(generations)
    current = next((i for i, g in enumerate(ordered) if g.current), len(ordered))
    return frozenset(g.number for g in ordered[current + keep :])


def older(generations: Sequence[Generation], days: int, now: datetime) -> frozenset[int]:
    """The numbers that `<days>d` deletes at that time. A generation whose date is not older stays,
    whatever its number."""
    ordered = _newest_first(generations)
    since = _since(days, now)
    first = next((i for i, g in enumerate(ordered) if _is_before(g, since)), len(ordered))
    return frozenset(
        g.number for g in ordered[first + 1 :] if _is_before(g, since) and not g.current
    )


def choices(
    profile: Profile,
    generations: Sequence[Generation],
    *,
    keep: int | None = None,
    days: int | None = None,
    now: datetime,
) -> tuple[Choice, ...]:
    """Every generation of a profile, newest first: whether it goes, and the rule that says so.

    With both rules a generation goes only where both say so; with none, none does.
    """
    ordered = _newest_first(generations)
    rules: list[tuple[frozenset[int], str]] = []
    if keep is not None:
        rules.append((beyond(ordered, keep), f"is none of the {keep} that --keep {keep} leaves"))
    if days is not None:
        rules.append((older(ordered, days, now), f"was no longer current {days} days ago"))
    made = []
    for generation in ordered:
        goes = bool(rules) and all(generation.number in numbers for numbers, _ in rules)
        protection = protected(generation)
        if protection:
            goes, rule = False, protection
        elif goes:
            rule = " and ".join(words for _, words in rules)
        else:
            rule = _stays(ordered, generation, keep, days, now)
        made.append(Choice(profile=profile, generation=generation, goes=goes, rule=rule))
    return tuple(made)


def named(
    profile: Profile, generations: Sequence[Generation], numbers: Collection[int]
) -> tuple[Choice, ...]:
    """The same for generations that are named by their numbers.

    Raises:
        Refused: one of them is current, running, booted or kept.
    """
    made = []
    for generation in _newest_first(generations):
        goes = generation.number in numbers
        protection = protected(generation)
        if goes and protection:
            raise Refused(
                f"Generation {generation.number} of {profile.name} is not deleted.",
                f"It {protection}.",
                [_way_out(generation)],
            )
        rule = "was named" if goes else protection or "was not named"
        made.append(Choice(profile=profile, generation=generation, goes=goes, rule=rule))
    return tuple(made)


def protected(generation: Generation) -> str:
    """Why a generation never goes, as the rest of a sentence about it; empty where it may."""
    if generation.current:
        return "is current"
    if generation.running:
        return "is running"
    if generation.booted:
        return "was booted"
    return "is kept by a backup or a note" if generation.kept else ""


def parse_days(text: str) -> int:
    """The days in "30d" or "30".

    Raises:
        Refused: it is no number of days from 1 up.
    """
    found = re.fullmatch(r"([0-9]{1,9})d?", text.strip())
    days = int(found[1]) if found else 0
    if not 1 <= days <= _MOST_DAYS:
        raise Refused(
            f"{text!r} is no age.",
            f"An age is a whole number of days, from 1d to {_MOST_DAYS}d.",
            ["For example --older-than 30d."],
        )
    return days


def parse_size(text: str | int) -> int:
    """The bytes in "500M", "1.5 GiB" or "1000000"; K, M, G and T are powers of 1024, as to Nix.

    Raises:
        Refused: it is no size from 1 byte up.
    """
    found = _SIZE.fullmatch(str(text).strip())
    size = int(float(found[1]) * 1024 ** _UNITS[found[2].upper()]) if found else 0
    if not 1 <= size < 2**62:
        raise Refused(
            f"{text!r} is no size.",
            "A size is a number of bytes from 1 up, or one with K, M, G or T.",
            ["For example --max 10G."],
        )
    return size


def _newest_first(generations: Sequence[Generation]) -> list[Generation]:
    return sorted(generations, key=lambda g: g.number, reverse=True)


def _since(days: int, now: datetime) -> datetime:
    return now.replace(microsecond=0) - timedelta(seconds=days * 24 * 3600)


def _is_before(generation: Generation, moment: datetime) -> bool:
    return generation.date is not None and generation.date < moment


def _stays(
    ordered: Sequence[Generation],
    generation: Generation,
    keep: int | None,
    days: int | None,
    now: datetime,
) -> str:
    if keep is not None and generation.number not in beyond(ordered, keep):
        current = next((g.number for g in ordered if g.current), None)
        if current is None:
            return "cannot be counted: no generation is current"
        newer = generation.number > current
        return (
            "is newer than the current one"
            if newer
            else f"is one of the {keep} that --keep {keep} leaves"
        )
    if days is not None:
        if _is_before(generation, _since(days, now)):
            return f"was current {days} days ago"
        return f"was made in the last {days} days"
    return "was chosen by no rule"


def _way_out(generation: Generation) -> str:
    if generation.current:
        return "Make another one current first: %nix rollback N"
    if generation.running or generation.booted:
        return "It may go once another system was booted."
    return f"No longer keep it: %nix note {generation.number} --no-keep (backups go by themselves)"

"""Exercises as DataFrames; dtypes are those of `frames`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import wording
from .columns import Column, counts, flags, text
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..backend.facts import Seen

_SEEN = (Column("what", text), Column("right", flags), Column("found", text))
_TRIED = (
    Column("exercise", text, lambda tried: tried.exercise.name),
    Column("title", text, lambda tried: tried.exercise.title),
    Column("verdict", text),
    Column("tries", counts),
)


def seen(records: Sequence[Seen]) -> NixFrame:
    """What a check looked at. Columns: what (text), right (bool), found (text)."""
    return framed("What was looked at", _SEEN, records)


def tried(records: Sequence[Any]) -> NixFrame:
    """The exercises that were tried, in the order of their first tries. Columns: exercise, title,
    verdict (text: right, not yet, skipped; of the last look), tries (int64: looks that found it
    not right)."""
    right = sum(record.verdict == "right" for record in records)
    summary = f"{right} of {wording.plural(len(records), 'exercise')} right"
    return framed("Exercises of this kernel", _TRIED, records, summary)

"""What plots are drawn from, as DataFrames; dtypes are those of `frames`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, counts, flags, maybe_counts, rates, text, times
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..backend.past_model import BuildTimes, HeldVersion
    from ..records import Generation


def _shared(generation: Generation) -> int | None:
    if generation.closure_bytes is None or generation.unique_bytes is None:
        return None
    return generation.closure_bytes - generation.unique_bytes


_SIZE = (
    Column("number", counts),
    Column("date", times),
    Column("closure_bytes", maybe_counts),
    Column("shared_bytes", maybe_counts, _shared),
    Column("unique_bytes", maybe_counts),
    Column("current", flags),
    Column("state", text),
)
_VERSION = (
    Column("number", counts),
    Column("date", times),
    Column("name", text),
    Column("version", text),
)
_BUILD = (
    Column("name", text),
    Column("median_seconds", rates),
    Column("shortest_seconds", rates),
    Column("longest_seconds", rates),
    Column("builds", counts),
    Column("last", times),
    Column("host", text),
)


def sizes(records: Sequence[Generation], caption: str = "Size per generation") -> NixFrame:
    """Generations, oldest first. Columns: number (int64), date (time), closure_bytes, shared_bytes
    (in another generation of the profile too), unique_bytes (Int64), current (bool), state
    (text)."""
    ordered = sorted(records, key=attrgetter("number"))
    return framed(caption, _SIZE, ordered, wording.plural(len(ordered), "generation"))


def versions(records: Sequence[HeldVersion], caption: str = "Versions") -> NixFrame:
    """One row for each version of a package that a generation has, in the order given. Columns:
    number (int64: the generation), date (time), name, version (text)."""
    count = len({(record.name, record.version) for record in records})
    return framed(caption, _VERSION, records, wording.plural(count, "version"))


def builds(records: Sequence[BuildTimes], caption: str = "Build times") -> NixFrame:
    """How long builds took, in the order given. Columns: name (text), median_seconds,
    shortest_seconds, longest_seconds (float64), builds (int64: how many are remembered), last
    (time: the last one's end), host (text; empty: here)."""
    return framed(caption, _BUILD, records, wording.plural(len(records), "name"))

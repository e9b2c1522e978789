"""Generations, what differs between two, and profiles, as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, counts, flags, maybe_counts, text, times, words
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..records import ClosureDiff, Generation, Profile

_GENERATION: tuple[Column, ...] = (
    Column("number", counts),
    Column("date", times),
    Column("current", flags),
    Column("state", text),
    Column("nixos_version", text),
    Column("kernel_version", text),
)
_GENERATION_MORE: tuple[Column, ...] = (
    Column("running", flags),
    Column("booted", flags),
    Column("kept", flags),
    Column("configuration_revision", text),
    Column("specialisations", words),
    Column("description", text),
    Column("note", text),
    Column("path", text),
    Column("link", text),
    Column("problem", text),
)
_GENERATION_SIZES: tuple[Column, ...] = (
    Column("closure_bytes", maybe_counts),
    Column("unique_bytes", maybe_counts),
)


def generations(
    records: Sequence[Generation], *, sizes: bool = False, all_columns: bool = False
) -> NixFrame:
    """Generations, newest first.

    Columns: number (int64), date (time), current (bool), state, nixos_version, kernel_version
    (text). `all_columns` adds running, booted, kept (bool), configuration_revision,
    specialisations, description, note, path, link, problem (text); `sizes` adds closure_bytes,
    unique_bytes (Int64).
    """
    records = sorted(records, key=attrgetter("number"), reverse=True)
    columns = _GENERATION
    if all_columns:
        columns += _GENERATION_MORE
    if sizes:
        columns += _GENERATION_SIZES
    summary = [wording.plural(len(records), "generation")]
    for state in ("current", "running", "booted"):
        numbers = ", ".join(str(record.number) for record in records if getattr(record, state))
        if numbers:
            summary.append(f"{state} {numbers}")
    frame = framed("Generations", columns, records, ", ".join(summary))
    problems = {str(r.number): wording.printable(r.problem) for r in records if r.problem}
    if problems:
        frame.attrs["problems"] = problems
    return frame


_CHANGE: tuple[Column, ...] = (
    Column("name", text),
    Column("change", text),
    Column("old_versions", words),
    Column("new_versions", words),
    Column("selected", flags, lambda change: change.selected_before or change.selected_after),
    Column("delta_bytes", counts),
)
_CHANGE_MORE: tuple[Column, ...] = (
    Column("old_bytes", counts),
    Column("new_bytes", counts),
    Column("selected_before", flags),
    Column("selected_after", flags),
)


def diff(record: ClosureDiff, *, all_columns: bool = False) -> NixFrame:
    """Package changes, selected packages first; `attrs["summary"]` counts paths and bytes.

    Columns: name, change, old_versions, new_versions (text), selected (bool: before or after),
    delta_bytes (int64). `all_columns` adds old_bytes, new_bytes (int64), selected_before,
    selected_after (bool).
    """
    columns = _CHANGE + _CHANGE_MORE if all_columns else _CHANGE
    return framed("Package changes", columns, record.changes, wording.diff_summary(record))


_PROFILE = (Column("name", text), Column("kind", text), Column("path", text))


def profiles(records: Sequence[Profile]) -> NixFrame:
    """Profiles. Columns: name, kind, path (text)."""
    return framed("Profiles", _PROFILE, records)

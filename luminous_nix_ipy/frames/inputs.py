"""Inputs of flakes and channels, as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, maybe_counts, text, times
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..records import Input, InputChange


def _shortly(record: Input | None) -> str | None:
    """The revision of an input as it is told: a channel's version says more than its commit."""
    if record is None:
        return None
    if record.version is not None:
        return record.version
    return (record.revision or record.digest or "")[:_SHORT] or None


def _days(record: Input | None) -> int | None:
    """Whole days since an input's date; None where it has none."""
    if record is None or record.date is None:
        return None
    return (datetime.now().astimezone() - record.date).days


_SHORT = 15
_INPUT: tuple[Column, ...] = (
    Column("name", text),
    Column("type", text),
    Column("revision", text, _shortly),
    Column("date", times),
    Column("age_days", maybe_counts, _days),
    Column("follows", text),
)
_INPUT_MORE: tuple[Column, ...] = (
    Column("url", text),
    Column("version", text),
    Column("whole_revision", text, lambda record: record.revision),
    Column("digest", text),
)


def inputs(records: Sequence[Input], *, all_columns: bool = False) -> NixFrame:
    """Inputs of a flake, or channels, in the order given.

    Columns: name, type, revision (text, short; of a channel its version), date (time), age_days
    (Int64), follows (text). `all_columns` adds url, version, whole_revision, digest (text).
    """
    columns = _INPUT + _INPUT_MORE if all_columns else _INPUT
    return framed("Inputs", columns, records, wording.plural(len(records), "input"))


_UPDATE: tuple[Column, ...] = (
    Column("name", text),
    Column("change", text),
    Column("before", text, lambda change: _shortly(change.before)),
    Column("after", text, lambda change: _shortly(change.after)),
    Column("age_before", maybe_counts, lambda change: _days(change.before)),
    Column("age_after", maybe_counts, lambda change: _days(change.after)),
)


def updates(records: Sequence[InputChange]) -> NixFrame:
    """What an update did to inputs.

    Columns: name, change (added, removed, updated, unchanged), before, after (text: revisions, as
    of `inputs`), age_before, age_after (Int64, days until now).
    """
    new = sum(record.change != "unchanged" for record in records)
    summary = f"{new:,} of {wording.plural(len(records), 'input')} updated"
    return framed("Updated inputs", _UPDATE, records, summary)

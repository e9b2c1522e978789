"""Runbooks as DataFrames; dtypes are those of `frames`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .. import wording
from ..runbook_records import Deed, Evidence, Runbook, Step
from .columns import Column, counts, joined_commands, maybe_counts, rates, text, times
from .nixframe import NixFrame, framed

_DEED = (
    Column("step", counts),
    Column("operation", text),
    Column("from_number", maybe_counts),
    Column("to_number", maybe_counts),
    Column("outcome", text),
    Column("id", text),
    Column("commands", joined_commands),
    Column("error", text),
)
_EVIDENCE = (
    Column("step", counts),
    Column("kind", text),
    Column("what", text),
    Column("verdict", text),
    Column("reason", text),
)
_RUNBOOK = (
    Column("id", text),
    Column("name", text),
    Column("started", times),
    Column("verdict", text),
    Column("steps", counts, lambda book: len(book.steps)),
    Column("changes", counts, lambda book: len(book.deeds)),
)


def steps(records: Sequence[Step], made: Sequence[Deed]) -> NixFrame:
    """The steps of a runbook. Columns: number (int64), title, verdict (text), started (time),
    run_duration (float64, seconds), changes (int64), error, put_back (text)."""
    changes = Counter(deed.step for deed in made)
    columns = (
        Column("number", counts),
        Column("title", text),
        Column("verdict", text),
        Column("started", times),
        Column("run_duration", rates, lambda step: step.duration),
        Column("changes", counts, lambda step: changes[step.number]),
        Column("error", text),
        Column("put_back", text),
    )
    return framed("Steps", columns, records, wording.plural(len(records), "step"))


def deeds(records: Sequence[Deed]) -> NixFrame:
    """What was changed. Columns: step (int64, 0: between steps), operation (text), from_number,
    to_number (Int64), outcome, id, commands, error (text)."""
    return framed("Changes", _DEED, records, wording.plural(len(records), "change"))


def evidence(records: Sequence[Evidence]) -> NixFrame:
    """What was looked at. Columns: step (int64, 0: between steps), kind ("requirement", "check"),
    what, verdict, reason (text)."""
    return framed("Required and verified", _EVIDENCE, records)


def runbooks(records: Sequence[Runbook], problems: Sequence[str] = ()) -> NixFrame:
    """Records of runbooks, in the order given. Columns: id, name (text), started (time), verdict
    (text), steps, changes (int64)."""
    summary = wording.plural(len(records), "record")
    return framed("Runbooks", _RUNBOOK, records, summary, problems)

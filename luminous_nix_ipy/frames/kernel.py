"""What this kernel did and does, as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from .. import wording
from .columns import Column, counts, rates, text, times
from .nixframe import NixFrame, framed


def _rate(name: str, of: tuple[str, ...]) -> Any:
    """What finds a rate in a row, or None where nothing was counted that it is a rate of."""

    def value(row: tuple[str, Mapping[str, Any]]) -> float | None:
        counted = row[1]
        return counted[name] if any(counted["details"][count] for count in of) else None

    return value


_DONE = ("operations_completed", "operations_failed")
_METRIC: tuple[Column, ...] = (
    Column("operation", text, itemgetter(0)),
    Column("total_operations", counts, lambda row: row[1]["total_operations"]),
    Column("success_rate", rates, _rate("success_rate", _DONE)),
    Column("average_duration", rates, _rate("average_duration", _DONE)),
    Column("cache_hit_rate", rates, _rate("cache_hit_rate", ("cache_hits", "cache_misses"))),
)


def metrics(counted: Mapping[str, Any]) -> NixFrame:
    """What `NixBackend.get_metrics()` counted, overall first, then per operation.

    Columns: operation (text), total_operations (int64), success_rate (float64, 0 to 1),
    average_duration (float64, seconds), cache_hit_rate (float64, 0 to 1). A rate or an average of
    nothing is missing.
    """
    rows = [("overall", counted), *counted["by_operation"].items()]
    return framed("Metrics of this kernel", _METRIC, rows)


_JOB: tuple[Column, ...] = (
    Column("number", counts),
    Column("title", text),
    Column("state", text),
    Column("started", times),
    Column("run_duration", rates),
    Column("message", text),
)


def jobs(records: Sequence[Any]) -> NixFrame:
    """Jobs in the background (`jobs.Job`), in the order given.

    Columns: number (int64), title, state (text), started (time), run_duration (float64, seconds),
    message (text: what it last said).
    """
    return framed("Jobs of this kernel", _JOB, records, wording.plural(len(records), "job"))

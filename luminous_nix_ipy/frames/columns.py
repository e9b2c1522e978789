"""Lists of values as arrays of fixed dtypes, for DataFrames; nothing is inferred."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ..wording import printable


class Column(NamedTuple):
    """One column: its name, what makes its array, and where its values come from."""

    name: str
    array: Callable[[Sequence[Any]], Any]
    value: Callable[[Any], Any] | None = None
    """The value in a record; None: its attribute of the column's name."""


def arrays(columns: Sequence[Column], records: Sequence[Any]) -> dict[str, Any]:
    """Column name -> array, one value a record."""
    return {
        name: array([value(record) for record in records])
        for name, array, value in (
            (c.name, c.array, c.value or attrgetter(c.name)) for c in columns
        )
    }


def text(values: Sequence[str | None]) -> Any:
    """`string[python]`, printable."""
    cells = [pd.NA if value is None else printable(value) for value in values]
    return pd.arrays.StringArray(np.array(cells, dtype=object))


def words(values: Sequence[Sequence[str]]) -> Any:
    """`string[python]`: several texts joined with ", "."""
    return text([", ".join(value) for value in values])


def joined_commands(values: Sequence[Sequence[str]]) -> Any:
    """`string[python]`: several commands, quoted as for a shell, joined with "; "."""
    return text(["; ".join(value) for value in values])


def flags(values: Sequence[bool]) -> Any:
    """`bool`."""
    return np.array(values, dtype=bool)


def counts(values: Sequence[int]) -> Any:
    """`int64`."""
    return np.array(values, dtype=np.int64)


def maybe_counts(values: Sequence[int | None]) -> Any:
    """`Int64`."""
    missing = np.array([value is None for value in values], dtype=bool)
    return pd.arrays.IntegerArray(np.array([v or 0 for v in values], dtype=np.int64), missing)


def rates(values: Sequence[float | None]) -> Any:
    """`float64`, NaN for None."""
    return np.array(values, dtype=np.float64)


def durations(values: Sequence[timedelta | None]) -> Any:
    """`timedelta64[us]`, NaT for None."""
    return np.array([np.timedelta64("NaT") if v is None else v for v in values], dtype="m8[us]")


def times(values: Sequence[datetime | None]) -> Any:
    """`datetime64[us, <local zone>]`, which knows summer and winter."""
    seconds = np.array([0.0 if date is None else date.timestamp() for date in values])
    moments = np.rint(seconds * 1e6).astype(np.int64).view("M8[us]")
    moments[[date is None for date in values]] = np.datetime64("NaT")
    return pd.array(moments, dtype=pd.DatetimeTZDtype("us", "UTC")).tz_convert(local_zone())


def local_zone() -> tzinfo:
    """The zone of TZ or /etc/localtime (tzset(3), localtime(5)), by its name where it has one."""
    name = os.environ.get("TZ")
    if name is None and os.path.exists("/etc/localtime"):
        name = os.path.realpath("/etc/localtime").rpartition("/zoneinfo/")[2]
    try:
        return ZoneInfo((name or "UTC").removeprefix(":"))
    except (LookupError, ValueError, OSError):
        from dateutil.tz import tzlocal  # type: ignore[import-untyped]

        zone: tzinfo = tzlocal()
        return zone

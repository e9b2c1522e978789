"""What Nix evaluates, and why one path needs another, as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from .. import wording
from .columns import Column, counts, text
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..store.why import Chains


def attribute_sets(rows: Sequence[Mapping[str, Any]]) -> NixFrame:
    """A list of attribute sets, one a row; the columns are the attributes in order of appearance.

    Text is text, numbers and truth values have pandas' nullable dtypes, anything else is an object;
    an attribute that a set has not is missing.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    frame = NixFrame({wording.printable(name): _values(name, rows) for name in names}, copy=False)
    frame.attrs = {"caption": "Attribute sets", "summary": wording.plural(len(rows), "set")}
    return frame


def _values(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    import pandas as pd

    values = [row.get(name) for row in rows]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return text(values)
    if len(kinds) == 1 and kinds <= {int, float, bool}:
        return pd.array(values)
    column = pd.Series(index=range(len(values)), dtype=object)
    column[:] = values
    return column


_CHAIN = (
    Column("chain", counts, itemgetter(0)),
    Column("step", counts, itemgetter(1)),
    Column("name", text, lambda row: row[2].rpartition("/")[2][33:]),
    Column("path", text, itemgetter(2)),
)


def chains(record: Chains) -> NixFrame:
    """Why one path needs another. Columns: chain, step (int64; from 1 and from 0), name, path
    (text)."""
    rows = [
        (number, step, path)
        for number, chain in enumerate(record.chains, 1)
        for step, path in enumerate(chain)
    ]
    summary = f"{wording.plural(record.count, 'shortest chain')} of "
    summary += wording.plural(record.steps, "reference")
    if record.count > len(record.chains):
        summary += f", the first {len(record.chains)} shown"
    start, target = (path.rpartition("/")[2][33:] for path in (record.start, record.target))
    return framed(f"Why {start} needs {target}", _CHAIN, rows, wording.printable(summary))

"""A DataFrame that shows itself as people read it: sizes, short dates, a caption, a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from .. import wording
from ..html import render
from ..table import Table, terminal_width
from .columns import Column, arrays

_WIDTH = 80
_MISSING = "–"


class NixFrame(pd.DataFrame):
    """A DataFrame that differs in how it shows itself, and in nothing else.

    Every frame that pandas makes from it (`head()`, `df[df.current]`, `copy()`) is a plain
    DataFrame. Shown are at most `display.max_rows` rows, and the `attrs` "caption", "problems"
    (value of the first column as text -> what is wrong with that row), "notes" (sentences) and
    "summary".
    """

    def __repr__(self) -> str:
        return self.as_table().text(terminal_width() or _WIDTH)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        width = terminal_width()
        printer.text(repr(self) if width is None else _drawn(self.as_table(), width))

    def _repr_html_(self) -> str:
        return render("frame", table=self.as_table())

    def as_table(self) -> Table:
        """What is shown of it, in words."""
        shown = self.iloc[: pd.get_option("display.max_rows") or None]
        if not isinstance(shown.index, pd.RangeIndex):
            shown = shown.reset_index(allow_duplicates=True)
        names = [wording.printable(str(name)) for name in shown.columns]
        columns = [_words(name, shown.iloc[:, i]) for i, name in enumerate(names)]
        rows = [list(row) for row in zip(*columns, strict=True)]

        problems = self.attrs.get("problems", {})
        marked = names.index("state") if "state" in names else 0
        for row in rows:
            if row[0] in problems:
                others = [] if row[marked] == _MISSING else [row[marked]]
                row[marked] = ", ".join([*others, "problem"])

        notes = [f"Problem of {name}: {sentence}" for name, sentence in problems.items()]
        if len(shown) < len(self):
            notes.insert(0, f"… and {wording.plural(len(self) - len(shown), 'more row')}")
        notes += map(wording.printable, self.attrs.get("notes", ()))
        if "summary" in self.attrs:
            notes.append(self.attrs["summary"])
        return Table(
            headers=names,
            rows=rows,
            caption=self.attrs.get("caption", ""),
            right=frozenset(i for i, kind in enumerate(shown.dtypes) if _is_number(kind)),
            notes=notes,
        )


def framed(
    caption: str,
    columns: Sequence[Column],
    records: Sequence[Any],
    summary: str = "",
    notes: Sequence[str] = (),
) -> NixFrame:
    """Records as a frame of these columns; without a summary or notes it has no such `attrs`."""
    frame = NixFrame(arrays(columns, records), copy=False)
    told = {"caption": caption, "summary": summary, "notes": list(notes)}
    frame.attrs = {name: value for name, value in told.items() if value}
    return frame


def _words(name: str, values: pd.Series[Any]) -> list[str]:
    """One column as it is shown; its name and dtype tell what its values are."""
    kind = values.dtype
    word: Callable[[Any], str] = _printable
    if isinstance(kind, pd.DatetimeTZDtype):
        word = "{:%Y-%m-%d %H:%M}".format
    elif pd.api.types.is_timedelta64_dtype(kind):
        word = _duration
    elif pd.api.types.is_bool_dtype(kind):
        word = _yes_or_no
    elif _is_number(kind):
        word = next((w for end, w in _NUMBER_WORDS.items() if name.endswith(end)), _printable)
    missing = values.isna()
    return [_MISSING if gone else word(v) for v, gone in zip(values, missing, strict=True)]


def _is_number(kind: Any) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _printable(value: Any) -> str:
    return wording.printable(str(value)) or _MISSING


def _duration(value: pd.Timedelta) -> str:
    return wording.duration(value.total_seconds())


def _yes_or_no(value: Any) -> str:
    return "yes" if value else "no"


_NUMBER_WORDS: dict[str, Callable[[Any], str]] = {
    "delta_bytes": wording.size_change,
    "_bytes": wording.size,
    "_rate": "{:.1%}".format,
    "_duration": wording.duration,
    "_seconds": wording.duration,
}


def _drawn(table: Table, width: int) -> str:
    """The table by rich, which leaves out bold text where NO_COLOR or TERM ask for it."""
    from rich.console import Console

    console = Console(width=width)
    with console.capture() as captured:
        console.print(table.rich(width))
    return captured.get().rstrip("\n")

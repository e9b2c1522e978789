"""A table that people sort, filter, walk through and choose from; once as a widget for all views.

Sorting, filtering and walking happen in the browser, at once and also while a cell runs; Python is
told which row is active and which are chosen. Its script needs no build and fetches nothing: it is
`grid.js` beside this file, and what loads it is anywidget's extension, which is installed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from ..wording import printable

_HERE = Path(__file__).parent


class Column(NamedTuple):
    """One column."""

    title: str
    number: bool = False
    """Aligned on the right, and sorted with the greatest first when it is asked for."""


class Row(NamedTuple):
    """One row; the first of its cells names it."""

    id: str
    """What `active` and `selected` call it."""
    cells: Sequence[str]
    keys: Sequence[float | str | None] = ()
    """What its cells are sorted by; None is last either way. Without keys it is their text, in
    which numbers count as such."""
    strong: bool = False
    """It stands out, where letters can be bold; its cells have to say why, too."""


class Grid(anywidget.AnyWidget):
    """A table of rows.

    Keys: the arrows, Home, End, Page Up and Page Down walk, Space chooses, Enter acts. Up from the
    first row are the buttons that sort. Any number of rows stays quick: only those in view are
    drawn.

    Args:
        caption: what the table holds, for those who don't see what stands around it.
        columns: its columns, for good.
        things: what its rows are, in the plural.
        most: how many rows may be chosen; 0 is none, None any number. One more than that lets go
            of the one that was chosen first.
        filterable: with a field for words that a row has to have.
        sort: the number of the column that it is sorted by, and "ascending" or "descending"; empty
            keeps the order that `show` was given.

    Attributes:
        active: the id of the row that was walked to, or None.
        selected: the ids that are chosen, in the order of choosing.
        filter: the words.

    Example:
        >>> grid = Grid("Generations", [Column("number", number=True), Column("note")], most=2)
        >>> grid.show([Row("41", ["41", "before the upgrade"], [41, None])])
        >>> grid.observe(lambda change: print(change.new), "selected")
        >>> grid.on_activated(print)
    """

    _esm = _HERE / "grid.js"
    _css = _HERE / "grid.css"

    caption = traitlets.Unicode().tag(sync=True)
    things = traitlets.Unicode().tag(sync=True)
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    sort: traitlets.List[Any] = traitlets.List().tag(sync=True)
    filter = traitlets.Unicode().tag(sync=True)
    filterable = traitlets.Bool().tag(sync=True)
    most = traitlets.Int(None, allow_none=True).tag(sync=True)
    active = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        caption: str,
        columns: Sequence[Column],
        *,
        things: str = "rows",
        most: int | None = 0,
        filterable: bool = True,
        sort: tuple[int, str] | tuple[()] = (),
    ) -> None:
        super().__init__(
            caption=printable(caption),
            things=things,
            columns=[column._asdict() for column in columns],
            most=most,
            filterable=filterable,
            sort=list(sort),
        )
        self.add_class("lx-grid")
        self._activated: list[Callable[[str], object]] = []
        self.on_msg(self._heard)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; what was active or chosen and is not among them is so no more."""
        shown = [
            {
                "id": row.id,
                "cells": [printable(cell) for cell in row.cells],
                "keys": list(row.keys),
                "strong": row.strong,
            }
            for row in rows
        ]
        if shown == self.rows:
            return
        with self.hold_sync():
            self.rows = shown
            ids = self._ids()
            self.selected = [id for id in self.selected if id in ids]
            if self.active not in ids:
                self.active = None

    def on_activated(self, callback: Callable[[str], object]) -> None:
        """Call `callback(id)` when Enter is pressed on a row."""
        self._activated.append(callback)

    def catch_focus(self) -> None:
        """Take the keyboard's focus where what had it has gone from the page."""
        self.send({"catch_focus": True})

    @traitlets.validate("selected")
    def _chosen(self, proposal: Any) -> list[str]:
        # What was chosen in a browser may have gone meanwhile.
        ids = self._ids()
        there = [id for id in proposal.value if id in ids]
        return there if self.most is None else there[len(there) - min(self.most, len(there)) :]

    @traitlets.validate("active")
    def _walked_to(self, proposal: Any) -> str | None:
        return proposal.value if proposal.value in self._ids() else None

    def _ids(self) -> set[str]:
        return {row["id"] for row in self.rows}

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        id = content.get("activated")
        if id in self._ids():
            for callback in self._activated:
                callback(id)

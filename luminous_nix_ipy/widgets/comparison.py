"""Which packages differ between two generations, as a part of a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import wording
from ..wording import printable
from .page import Page
from .parts import packages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records import ClosureDiff, PackageChange
    from ..table import Table
    from .page import Words

_HINT = "Choose two generations with Space, or with their boxes, to see what differs between them."
_CHOSEN = {0: _HINT, 1: "One is chosen. Choose a second one to see what differs between them."}
_TITLES = ("package", "change", "before", "after", "selected", "size")


class Comparison:
    """What was compared last, and a widget that shows it.

    Attributes:
        diff: the ClosureDiff; None before there was one.
        root: the widget.
    """

    def __init__(self) -> None:
        import ipywidgets

        from .grid import Column, Grid

        self.diff: ClosureDiff | None = None
        self._title = ""
        self._head = ipywidgets.HTML().add_class("lx-compared")
        columns = [Column(title, number=title == "size") for title in _TITLES]
        self._grid = Grid("Package changes", columns, things="package changes")
        self._grid.add_class("lx-changes")
        self.root = ipywidgets.VBox([self._head, self._grid]).add_class("lx-comparison")
        self.clear(0)

    def clear(self, chosen: int) -> None:
        """Show none, since so many generations are chosen that are not two."""
        self.diff = None
        told = _CHOSEN.get(chosen, f"{chosen:,} are chosen. Two of them can be compared.")
        self._tell(Page("", [told]))

    def wait(self, before: int, after: int) -> None:
        """Say that these two are being compared."""
        self.diff = None
        self._title = f"From {before} to {after}"
        self._tell(Page(self._title, ["Comparing …"]))

    def show(self, diff: ClosureDiff) -> None:
        """Show the difference of the two that were waited for."""
        self.diff = diff
        self._grid.show([_row(change) for change in diff.changes])
        self._grid.filter = ""
        none = [] if diff.changes else ["No package changes."]
        self._tell(Page(self._title, [*none, wording.diff_summary(diff)]))

    def fail(self) -> None:
        """Show that they could not be compared; why is told elsewhere."""
        self._tell(Page(self._title, ["They could not be compared."]))

    def still(self) -> Sequence[Table | Words]:
        """What stays of it in a saved notebook."""
        from dataclasses import replace

        if self.diff is None:
            return []
        return [replace(packages(self.diff, None), caption=f"Packages, {self._title.lower()}")]

    def _tell(self, page: Page) -> None:
        self._head.value = page.html()
        self._grid.layout.display = "" if self.diff is not None and self.diff.changes else "none"


def _row(change: PackageChange) -> Any:
    from .grid import Row

    old, new = ", ".join(change.old_versions), ", ".join(change.new_versions)
    selected = "yes" if change.selected_before or change.selected_after else "no"
    size = wording.size_change(change.delta_bytes)
    cells = [change.name, change.change, old or "–", new or "–", selected, size]
    keys = [change.name, change.change, old or None, new or None, selected, change.delta_bytes]
    return Row(change.name, [printable(cell) for cell in cells], keys)

"""Plans as tabs, where there are widgets; elsewhere the same parts one below the other.

The tabs are turned in the browser alone, with the mouse or the arrow keys and Enter, so that they
can be looked through while a cell waits for an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..html import render
from .live import LiveView, has_widgets
from .page import Links, Page, Steps, Words

if TYPE_CHECKING:
    from ..table import Table


@dataclass(frozen=True)
class Section:
    """Parts of a page that are one tab."""

    title: str
    parts: Sequence[Table | Steps | Words | Links]
    told: str = ""
    """Of how many things it tells, such as "14" or "12, 1 refused"; may be empty."""

    @property
    def label(self) -> str:
        """What the tab is called."""
        return f"{self.title} ({self.told})" if self.told else self.title


class TabbedView(LiveView):
    """A view whose sections are tabs where there are widgets, and any other view elsewhere."""

    def sections(self) -> Sequence[Section]:
        """What its tabs hold, in their order."""
        raise NotImplementedError

    def _head(self) -> Page:
        """Its page without the sections."""
        raise NotImplementedError

    def _page(self) -> Page:
        return replace(self._head(), parts=[p for s in self.sections() for p in s.parts])

    def _build(self) -> Any:
        import ipywidgets

        head = ipywidgets.HTML(self._head().html()).add_class("lx-head")
        return ipywidgets.VBox([head, tabs(self.sections())])

    def _ipython_display_(self) -> None:
        from IPython import get_ipython

        if not has_widgets(get_ipython()):
            raise NotImplementedError  # IPython then asks for text and HTML
        super()._ipython_display_()


def tabs(sections: Sequence[Section]) -> Any:
    """A widget with a tab for each section."""
    import ipywidgets

    made = ipywidgets.Tab().add_class("lx-tabs")
    fill(made, sections)
    return made


def fill(widget: Any, sections: Sequence[Section]) -> None:
    """Put these sections into a widget that `tabs` made; the first of them is shown."""
    import ipywidgets

    old = widget.children
    widget.children = [
        ipywidgets.HTML(render("tab", label=section.label, page=Page("", (), section.parts)))
        for section in sections
    ]
    widget.titles = [section.label for section in sections]
    widget.selected_index = 0 if sections else None
    for child in old:
        for part in (child.style, child.layout, child):
            part.close()

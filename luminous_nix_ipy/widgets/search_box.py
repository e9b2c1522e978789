"""A box that searches packages or options while somebody types, and shows one of them beside."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import ipywidgets

from ..html import render
from ..table import Table
from ..wording import printable
from .grid import Grid
from .live import LiveView
from .newest import Newest
from .page import Page
from .parts import banner
from .search_answers import MOST_CLOSE, Answer, Kind, Question, answer
from .search_details import Details
from .search_field import SearchField
from .search_filters import KINDS, Filters
from .search_index import GetIndex
from .search_install import Installing
from .search_rows import COLUMNS, id_of, known, rows, told

if TYPE_CHECKING:
    from ..backend.backend import NixBackend

LIMITS = (20, 60, 200)
"""How many results are shown at first, and after each "More"."""
_LABELS: dict[Kind, str] = {"packages": "Search packages", "options": "Search options"}
_EXAMPLES: dict[Kind, str] = {
    "packages": "text editor, python requests, vs code",
    "options": "nginx vhost ssl, ssh password",
}
_ABOUT: dict[Kind, str] = {
    "packages": "Words may stand in any order and be misspelt a little.",
    "options": "Words may be parts of an option's name or of its description, in any order.",
}


class SearchBox(LiveView):
    """A search box. What a saved notebook shows of it is the last query and its results.

    Args:
        backend: of the machine that it is about.
        question: what it begins with, such as `Question("packages", "", limit=20)`.
    """

    def __init__(self, backend: NixBackend, question: Question) -> None:
        super().__init__()
        # With a progress of its own: that of the kernel's backend may be drawn in a cell meanwhile.
        self._backend = backend.beside()
        self._first = question
        self._limit = question.limit
        self.asked = question
        """What was answered last …"""
        self.answer = Answer()
        """… and how."""
        self._newest: Newest[Question, Answer] = Newest(
            self, lambda asked: answer(self._backend, asked), self._show
        )

    def _page(self) -> Page:
        asked, given = self.asked, self.answer
        on_top = self._banner()
        if given.problem is not None:
            return Page(_LABELS[asked.kind], [printable(str(given.problem))], banner=on_top)
        if not asked.words:
            return Page(_LABELS[asked.kind], self._lead(), banner=on_top)
        titles = [column.title for column in COLUMNS[asked.kind]]
        cells = [[printable(cell) or "–" for cell in row.cells] for row in rows(given.found)]
        table = Table(titles, cells, notes=[printable(note) for note in given.notes])
        title = f"{_LABELS[asked.kind]}: {printable(asked.words)}"
        return Page(title, [told(asked, given)], [table] if cells else [], on_top)

    def _banner(self) -> str:
        return banner(self._backend.machine.playground is not None)

    def _lead(self) -> list[str]:
        return [_ABOUT[self.asked.kind], *map(printable, known(self.answer))]

    def _build(self) -> Any:
        self.field = SearchField("", "")
        self.field.observe(self.guarded(self._typed), "value")
        self.filters = Filters(self, self._first, self._typed)
        self.lead = ipywidgets.HTML().add_class("lx-lead")
        self.close_names = [self._close_name() for _ in range(MOST_CLOSE)]
        self.get_index = GetIndex(self, self._backend.beside(), self._ask)
        self.grids = {kind: self._grid(kind) for kind in KINDS}
        self.more = ipywidgets.Button(description="More", tooltip="Show more results")
        self.more.add_class("lx-more").on_click(self.guarded(self._want_more))
        self.results = ipywidgets.VBox().add_class("lx-results")
        self.installing = Installing(self, self._backend, self._ask)
        self.details = Details(self, self._backend, self.installing.begin)
        self.notes = ipywidgets.HTML().add_class("lx-notes")
        on_top = self._banner()
        parts = [
            ipywidgets.HTML(render("search")).add_class("lx-style"),
            *([ipywidgets.HTML(render("banner", banner=on_top))] if on_top else []),
            self.field,
            self.filters.root,
            self.status,
            self.lead,
            ipywidgets.HBox(self.close_names).add_class("lx-close"),
            self.get_index.root,
            ipywidgets.HBox([self.results, self.details.root]).add_class("lx-main"),
            self.installing.root,
            self.notes,
        ]
        self._draw()
        self._ask()
        return ipywidgets.VBox(parts).add_class("lx-search")

    def _grid(self, kind: Kind) -> Grid:
        grid = Grid(kind.capitalize(), COLUMNS[kind], things=kind, filterable=False)
        grid.add_class(f"lx-{kind}")
        grid.observe(self.guarded(self._walked), "active")
        return grid

    def _close_name(self) -> Any:
        button = ipywidgets.Button(layout={"display": "none"}).add_class("lx-close-name")
        button.on_click(self.guarded(self._take_close))
        return button

    # asking

    def _typed(self, _: Any = None) -> None:
        self._limit = self._first.limit
        self._ask()

    def _want_more(self, _: Any) -> None:
        self._limit = next((limit for limit in LIMITS if limit > self._limit), self._limit)
        self._ask()

    def _take_close(self, button: Any) -> None:
        self.field.value = button.description

    def _ask(self) -> None:
        question = replace(self._first, text=self.field.value, limit=self._limit)
        self._newest.ask(self.filters.narrow(question))

    def _show(self, asked: Question, given: Answer) -> None:
        is_new = replace(asked, limit=0) != replace(self.asked, limit=0)
        self.asked, self.answer = asked, given
        self._draw(begin_anew=is_new)
        self.changed()

    # showing

    def _draw(self, *, begin_anew: bool = True) -> None:
        asked, given = self.asked, self.answer
        self.field.label, self.field.placeholder = _LABELS[asked.kind], _EXAMPLES[asked.kind]
        self.filters.offer(given.indexes)
        lead = [] if asked.words else self._lead()
        self.lead.value = render("sentences", sentences=lead) if lead else ""
        for button, name in zip_longest(self.close_names, given.close):
            button.description = printable(name or "")
            button.tooltip = f"Search for {printable(name or '')}"
            button.layout.display = None if name else "none"
        self.get_index.offer(given.missing)
        self._draw_results(begin_anew)
        self.notes.value = render("sentences", sentences=given.notes)
        if given.problem is not None:
            self.tell_error(given.problem)
        else:
            self.say(told(asked, given) if asked.words else "")

    def _draw_results(self, begin_anew: bool) -> None:
        given, grid = self.answer, self.grids[self.asked.kind]
        with grid.hold_sync():
            grid.show(rows(given.found))
            if begin_anew:
                grid.sort = []
                grid.active = id_of(given.found[0]) if given.found else None
        can_have_more = given.more and self.asked.limit < LIMITS[-1]
        children = (grid, self.more) if can_have_more else (grid,)
        self.results.children = children if given.found else ()
        self._walked(None)

    def _walked(self, _: Any) -> None:
        active = self.grids[self.asked.kind].active
        found = next((one for one in self.answer.found if id_of(one) == active), None)
        self.details.show(found, self.asked.where)

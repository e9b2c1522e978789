"""What narrows a search, as controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets

from ..backend.index_model import IndexState
from .live import LiveView
from .search_answers import Kind, Question

KINDS: tuple[Kind, ...] = ("packages", "options")


class Filters:
    """The controls. Their widget is `root`.

    Args:
        view: what they are a part of.
        question: what they show to begin with.
        changed: is called after somebody changed one.
    """

    def __init__(self, view: LiveView, question: Question, changed: Callable[[], object]) -> None:
        self._changed = changed
        self._quiet = False
        self.kind = ipywidgets.RadioButtons(options=KINDS, value=question.kind).add_class("lx-kind")
        self.installed = _checkbox("installed only", question.installed).add_class("lx-installed")
        self.exact = _checkbox("exactly this name", question.exact).add_class("lx-exact")
        # None would be no choice at all to a Dropdown.
        self.where = ipywidgets.Dropdown(description="In").add_class("lx-where")
        self._choose_from([("", question.where or "")], question.where or "")
        controls = [self.kind, self.installed, self.exact, self.where]
        for control in controls:
            control.observe(view.guarded(self._heard), "value")
        self.root = ipywidgets.HBox(controls).add_class("lx-filters")
        self.offer(())

    def narrow(self, question: Question) -> Question:
        """The question, asked as the controls say."""
        return replace(
            question,
            kind=self.kind.value,
            exact=self.exact.value,
            installed=self.installed.value,
            where=self.where.value or None,
        )

    def offer(self, indexes: Sequence[IndexState]) -> None:
        """Offer what there is to choose from, where there is a choice: indexes of packages, or
        whose options. What was chosen stays."""
        chosen: str = self.where.value
        there = [state.source for state in indexes if state.there]
        if self.kind.value == "packages":
            choices = [(s.name, s.name if i else "") for i, s in enumerate(there)]
        else:
            choices = [("all of them", ""), *((k, k) for k in dict.fromkeys(s.kind for s in there))]
        some = 1 if self.kind.value == "packages" else 2
        if chosen not in [value for _, value in choices]:
            choices.append((chosen, chosen))
        _display(self.where, len(choices) > some)
        _display(self.installed, self.kind.value == "packages")
        self._choose_from(choices, chosen)

    def _choose_from(self, choices: list[tuple[str, str]], chosen: str) -> None:
        """Offer these, of which one is chosen, without asking anew."""
        if tuple(choices) != tuple(self.where.options):
            self._quiet = True
            self.where.options, self.where.value = choices, chosen
            self._quiet = False

    def _heard(self, change: Any) -> None:
        if self._quiet:
            return
        if change.owner is self.kind:
            self._choose_from([("", "")], "")
        self._changed()


def _checkbox(label: str, value: bool) -> Any:
    return ipywidgets.Checkbox(description=label, value=value, indent=False)


def _display(widget: Any, shown: bool) -> None:
    widget.layout.display = None if shown else "none"

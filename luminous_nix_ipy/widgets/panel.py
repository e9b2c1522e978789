"""The panel of progress: a bar with words beside it, below it what goes on, and a button that ends
it where somebody would hear it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from ..html import render
from .live import close, words_of

if TYPE_CHECKING:
    from .progress import Look
    from .work import Log

_LATEST = 0
"""The choice of the log that was written to last; no activity of Nix has this id."""
_INTERRUPT = "To cancel it, interrupt the kernel."


class Panel:
    """Progress as a widget, `box`. Thread-safe.

    Args:
        cancel: ends the work; None: a cell waits for it, and nobody would hear a button.

    Raises:
        ImportError: there is no ipywidgets.
    """

    def __init__(self, cancel: Callable[[], object] | None = None) -> None:
        import ipywidgets as widgets

        self._cancel = cancel
        self._lock = threading.Lock()
        self.message = widgets.HTML().add_class("lx-message")
        self.bar = widgets.FloatProgress(min=0.0, max=1.0).add_class("lx-bar")
        self.time = widgets.HTML().add_class("lx-time")
        self.details = widgets.HTML().add_class("lx-details")
        self.status = widgets.HTML().add_class("lx-status")
        row = [self.message, self.bar, self.time]
        if cancel is None:
            row.append(widgets.HTML(_INTERRUPT).add_class("lx-hint"))
        else:
            self.button = widgets.Button(
                description="Cancel", tooltip="End this and the programs that it runs"
            ).add_class("lx-cancel")
            self.button.on_click(lambda _: self.end())
            row.append(self.button)
            self.which = widgets.Dropdown(description="Log of").add_class("lx-which")
        self.row = widgets.HBox(row).add_class("lx-progress")
        style = widgets.HTML(render("live")).add_class("lx-style")
        self.box = widgets.VBox([style, self.row, self.details, self.status])
        self.box.add_class("lx-panel").add_class("luminous-nix-live")

    def begin(self) -> None:
        """Begin anew, with other work."""
        self.message.value = self.time.value = self.details.value = self.status.value = ""
        self.bar.value = 0.0
        if self._cancel is not None:
            self.button.description, self.button.disabled = "Cancel", False

    def show(self, look: Look) -> None:
        """Show a state of progress."""
        self.message.value = escape(look.headline)
        self.bar.value = look.fraction
        self.time.value = escape(f"{look.percent}, {look.time}")
        self.details.value = render("work", look=look, log=self._log(look.logs))

    def end(self) -> None:
        """Ask the work to end, once, as the button does."""
        if self._cancel is None:
            return
        with self._lock:
            if self.button.disabled:
                return
            self.button.disabled = True
        self.button.description = "Cancelling"
        try:
            self._cancel()
        except Exception as error:
            self.status.value = f'<span role="status">{escape(words_of(error))}</span>'

    def close(self) -> None:
        """Take it off the page; a click that was on its way does nothing."""
        if self._cancel is not None:
            self.button.disabled = True
            close(self.which)
        close(self.box)

    def _log(self, logs: tuple[Log, ...]) -> Log | None:
        """The log that is shown; where there are several, and somebody hears, one may be chosen."""
        if self._cancel is None or len(logs) < 2:
            self._below(self.details, self.status)
            return logs[0] if logs else None
        self._below(self.which, self.details, self.status)
        choices = (("the latest", _LATEST), *sorted((log.name, log.id) for log in logs))
        chosen: Any = self.which.value
        if choices != self.which.options:
            self.which.options = choices
            self.which.value = chosen if chosen in dict(choices).values() else _LATEST
        return next((log for log in logs if log.id == self.which.value), logs[0])

    def _below(self, *widgets: Any) -> None:
        """Have these below the bar."""
        style, row, *there = self.box.children
        if there != [*widgets]:
            self.box.children = [style, row, *widgets]

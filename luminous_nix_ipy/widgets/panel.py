"""The panel of progress: a bar with words beside it, what goes on below it, a button to cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .progress import Look


class Panel:
    """Progress as a widget, `box`. Thread-safe.

    Args:
        cancel: ends the work; None: nobody could hear a button, and words say what helps instead.

    Raises:
        ImportError: there is no ipywidgets.
    """

    def __init__(self, cancel: Callable[[], object] | None = None) -> None:
        import ipywidgets

        self._cancel = cancel
        self._lock = threading.Lock()
        self.message = ipywidgets.HTML().add_class("lx-message")
        self.bar = ipywidgets.FloatProgress(min=0.0, max=1.0).add_class("lx-bar")
        self.time = ipywidgets.HTML().add_class("lx-time")
        self.details = ipywidgets.HTML().add_class("lx-details")
        row = [self.message, self.bar, self.time]
        if cancel is not None:
            self.button = ipywidgets.Button(
                description="Cancel", tooltip="End this and the programs that it runs"
            ).add_class("lx-cancel")
            self.button.on_click(lambda _: self.end())
            row.append(self.button)
        self.row = ipywidgets.HBox(row).add_class("lx-progress")
        self.box = ipywidgets.VBox([self.row, self.details]).add_class("lx-panel")

    def begin(self) -> None:
        """Begin anew, with another work."""
        self.message.value = self.time.value = self.details.value = ""
        self.bar.value = 0.0
        self.button.description, self.button.disabled = "Cancel", False

    def show(self, look: Look) -> None:
        """Show a state of progress."""
        self.message.value = escape(look.headline)
        self.bar.value = look.fraction
        self.time.value = escape(f"{look.percent}, {look.time}")
        self.details.value = "<br>".join(map(escape, look.details))

    def end(self) -> None:
        """Ask the work to end, once, as the button does."""
        with self._lock:
            if self.button.disabled:
                return
            self.button.disabled = True
        self.button.description = "Cancelling"
        if self._cancel is not None:
            self._cancel()

    def close(self) -> None:
        """Take it off the page."""
        for widget in (*self.row.children, self.details, self.row, self.box):
            for part in (getattr(widget, "style", None), widget.layout, widget):
                if part is not None:
                    part.close()

"""Painters of jobs: progress that is drawn while other cells run, with a button that cancels it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import settings
from ..backend.progress import Painter
from .progress import DisplayPainter, LinePainter, Look, WidgetPainter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def painter_for(shell: InteractiveShell | None, cancel: Callable[[], object]) -> Painter | None:
    """The painter that suits the settings and this shell; None draws nothing.

    Without widgets a display is updated; in a terminal, where a bar would be drawn over what is
    being typed, only the end is told.
    """
    mode = settings.get("progress")
    if mode == "none":
        return None
    if getattr(shell, "kernel", None) is None:
        return EndPainter()
    if mode != "text":
        try:
            return JobPainter(cancel)
        except ImportError:
            pass
    return DisplayPainter()


class JobPainter(WidgetPainter):
    """A live bar with a Cancel button, replaced at the end by what happened."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        super().__init__()
        self._cancel = cancel

    def _parts(self) -> list[Any]:
        self.button = self._ipywidgets.Button(
            description="Cancel", tooltip="End this job and the programs that it runs"
        ).add_class("lx-cancel")
        self.button.on_click(self._clicked)
        return [*super()._parts(), self.button]

    def _clicked(self, button: Any) -> None:
        button.disabled = True
        button.description = "Cancelling"
        self._cancel()


class EndPainter(LinePainter):
    """One line when it has ended."""

    def _begin(self, look: Look) -> None:
        """Nothing is told yet."""

    def _update(self, look: Look) -> None:
        """Nothing is told yet."""

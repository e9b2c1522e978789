"""Painters of jobs: progress that is drawn while other cells run, and hears its Cancel button."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

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
            return WidgetPainter(cancel)
        except ImportError:
            pass
    return DisplayPainter()


class EndPainter(LinePainter):
    """One line when it has ended."""

    def _begin(self, look: Look) -> None:
        """Nothing is told yet."""

    def _update(self, look: Look) -> None:
        """Nothing is told yet."""

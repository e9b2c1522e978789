"""Painters: progress as a widget, as an updated display, or as text in a terminal.

What is said is decided once, in `Look`; painters only draw it. Progress comes from the private
loop's thread with the context of the cell that waits, so that what is displayed lands in that cell.
When it ends, a notebook keeps static HTML and text in the same place and no widget: a saved
notebook shows what happened wherever it is opened.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from .. import settings, wording
from ..backend.progress import Painter, ProgressState
from ..html import render
from .work import lines, running, whole_seconds

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


_BELOW = 6
"""Lines below the bar of a terminal, at most."""
_NARROW = 60
"""Columns; a narrower terminal has the bar alone."""


def painter_for(shell: InteractiveShell | None) -> Painter | None:
    """The painter that suits the settings and this shell; None draws nothing.

    "auto" and "widget" draw a widget in a kernel that has ipywidgets; otherwise a kernel shows an
    updated display and a terminal text. rich is for terminals alone: in a kernel its live display
    leaves an output behind.
    """
    mode = settings.get("progress")
    if mode == "none":
        return None
    if getattr(shell, "kernel", None) is None:
        return RichPainter() if _can_draw() else LinePainter()
    if mode != "text":
        try:
            return WidgetPainter()
        except ImportError:
            pass
    return DisplayPainter()


class Look(msgspec.Struct, frozen=True):
    """One state of progress in words. All of its text is printable."""

    title: str
    headline: str
    """What is going on, or how it ended."""
    fraction: float
    percent: str
    time: str
    done: bool
    success: bool
    details: tuple[str, ...] = ()
    """Lines about what Nix is doing, or what failed in the end."""
    running: tuple[str, ...] = ()
    """A line for each build and download that goes on."""

    @property
    def text(self) -> str:
        """All of it; the details only once it is done."""
        return "\n".join((self.line, *(self.details if self.done else ())))

    @property
    def line(self) -> str:
        """All of it but the details in one line."""
        if self.done:
            words = f"{self.title} {self.time}"
            return words if self.headline == self.title else f"{words}: {self.headline}"
        return f"{self.headline}, {self.percent}, {self.time}"


def look_at(state: ProgressState) -> Look:
    """The words for a state of progress."""
    title, message = _clean(state.title), _clean(state.message)
    if state.done:
        time = "done in" if state.success else "failed after"
        time = f"{time} {wording.duration(state.elapsed)}"
    else:
        time = whole_seconds(state.elapsed)
        if state.remaining is not None:
            time += f", about {whole_seconds(max(1.0, state.remaining))} left"
    headline = message or title
    if not state.done and headline != title:
        headline = f"{title}: {message}"
    return Look(
        title=title,
        headline=headline,
        fraction=state.fraction,
        percent=f"{int(state.fraction * 100)} %",
        time=time,
        done=state.done,
        success=bool(state.success),
        details=() if state.work is None else lines(state.work, done=state.done),
        running=() if state.work is None or state.done else running(state.work),
    )


class BasePainter:
    """When to begin, go on and end; a subclass draws. It can be used again after its end."""

    def __init__(self) -> None:
        self._begun = False

    def draw(self, state: ProgressState) -> None:
        look = look_at(state)
        if self._begun:
            self._update(look)
        else:
            self._begin(look)
            self._begun = True

    def close(self, state: ProgressState) -> None:
        if self._begun:
            self._begun = False
            self._end(look_at(state))

    def _begin(self, look: Look) -> None:
        raise NotImplementedError

    def _update(self, look: Look) -> None:
        raise NotImplementedError

    def _end(self, look: Look) -> None:
        """Leave behind how it ended."""
        raise NotImplementedError


class DisplayPainter(BasePainter):
    """One output of the cell, replaced as it goes on."""

    def _begin(self, look: Look) -> None:
        from IPython.display import display

        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(look), raw=True, display_id=True
        )

    def _update(self, look: Look) -> None:
        self._handle.update(_static(look), raw=True)

    def _end(self, look: Look) -> None:
        self._handle.update(_static(look), raw=True)

    def _bundle(self, look: Look) -> dict[str, Any]:
        return _static(look)


class WidgetPainter(DisplayPainter):
    """A live bar with words and time, which the end replaces by what `DisplayPainter` leaves.

    Raises:
        ImportError: there is no ipywidgets.
    """

    def __init__(self) -> None:
        super().__init__()
        import ipywidgets

        self._ipywidgets = ipywidgets

    def _begin(self, look: Look) -> None:
        widgets = self._ipywidgets
        self.message = widgets.HTML().add_class("lx-message")
        self.bar = widgets.FloatProgress(min=0.0, max=1.0).add_class("lx-bar")
        self.time = widgets.HTML().add_class("lx-time")
        self.details = widgets.HTML().add_class("lx-details")
        self.row = widgets.HBox(self._parts()).add_class("lx-progress")
        self.box = widgets.VBox([self.row, self.details])
        self._update(look)
        super()._begin(look)

    def _parts(self) -> list[Any]:
        """What stands side by side."""
        return [self.message, self.bar, self.time]

    def _update(self, look: Look) -> None:
        from html import escape

        self.message.value = escape(look.headline)
        self.bar.value = look.fraction
        self.time.value = escape(f"{look.percent}, {look.time}")
        self.details.value = "<br>".join(map(escape, look.details))

    def _end(self, look: Look) -> None:
        for widget in (*self.row.children, self.details, self.row, self.box):
            for part in (getattr(widget, "style", None), widget.layout, widget):
                if part is not None:
                    part.close()
        super()._end(look)

    def _bundle(self, look: Look) -> dict[str, Any]:
        # The widget, and beside it what shows where there are no widgets.
        return {**self.box._repr_mimebundle_(), **_static(look)}


class RichPainter(BasePainter):
    """A bar in a terminal, and below it what Nix builds and copies; the bar alone where the
    terminal is small."""

    def _begin(self, look: Look) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._bar = Progress(
            TextColumn(
                "{task.fields[headline]}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[percent]}, {task.fields[time]}", markup=False),
            expand=True,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=1.0, **self._fields(look))
        self._console = Console(stderr=True)
        self._live = Live(
            self._drawn(look),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,  # a prompt must never wait in rich's buffer for its line's end
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _update(self, look: Look) -> None:
        self._bar.update(self._task, **self._fields(look))
        self._live.update(self._drawn(look), refresh=True)

    def _end(self, look: Look) -> None:
        self._live.stop()
        self._console.print(look.text, markup=False, highlight=False)

    def _drawn(self, look: Look) -> Any:
        from rich.console import Group
        from rich.text import Text

        size = self._console.size
        most = 0 if size.width < _NARROW else min(_BELOW, size.height // 3 - 1)
        shown = look.running if len(look.running) <= most else look.running[: max(most - 1, 0)]
        more = len(look.running) - len(shown)
        told = [*shown, *([f"and {more} more"] if more and most > 0 else [])]
        below = (Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in told)
        return Group(self._bar, *below)

    def _fields(self, look: Look) -> dict[str, Any]:
        return {
            "completed": look.fraction,
            "headline": look.headline,
            "percent": look.percent,
            "time": look.time,
        }


class LinePainter(BasePainter):
    """A line whenever the words change, where no terminal can draw a bar."""

    def _begin(self, look: Look) -> None:
        self._said = ""
        self._update(look)

    def _update(self, look: Look) -> None:
        if look.headline != self._said:
            self._said = look.headline
            self._end(look)

    def _end(self, look: Look) -> None:
        print(look.text, file=sys.stderr, flush=True)


def _can_draw() -> bool:
    """Whether stderr is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _static(look: Look) -> dict[str, Any]:
    return {"text/plain": look.text, "text/html": render("progress", look=look)}


def _clean(text: str) -> str:
    return wording.printable(wording.without_terminal_codes(text)).strip()

"""Painters: progress as a widget, as an updated display, or as text in a terminal.

What is said is decided once, in `Look`; painters only draw it. Progress comes from the private
loop's thread with the context of the cell that waits, so that what is displayed lands in that cell.
When it ends, a notebook keeps static HTML and text in the same place and no widget: a saved
notebook shows what happened wherever it is opened.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from .. import settings, wording
from ..backend.progress import Painter, ProgressState
from ..html import render
from ..table import Table
from .work import Log, amounts, failures, logs, running, table, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

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
    amounts: tuple[str, ...] = ()
    """Sentences about what Nix is doing as a whole, such as the time that is left."""
    running: tuple[str, ...] = ()
    """A line for each build and download that goes on."""
    table: Table | None = None
    """The same as a table."""
    logs: tuple[Log, ...] = ()
    """The ends of the logs of builds that go on, the one that wrote last first."""
    failures: tuple[str, ...] = ()
    """Lines about what failed, with the ends of its logs."""

    @property
    def text(self) -> str:
        """All of it in lines; what failed only once it is done."""
        return "\n".join((self.line, *(self.failures if self.done else ())))

    @property
    def line(self) -> str:
        """How it goes, or how it ended, in one line."""
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
    work = None if state.done else state.work
    return Look(
        title=title,
        headline=headline,
        fraction=state.fraction,
        percent=f"{int(state.fraction * 100)} %",
        time=time,
        done=state.done,
        success=bool(state.success),
        amounts=() if work is None else amounts(work),
        running=() if work is None else running(work),
        table=None if work is None else table(work),
        logs=() if work is None else logs(work),
        failures=() if state.work is None else failures(state.work),
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
            _static(look), raw=True, display_id=True
        )

    def _update(self, look: Look) -> None:
        self._handle.update(_static(look), raw=True)

    def _end(self, look: Look) -> None:
        self._handle.update(_static(look), raw=True)


class WidgetPainter(BasePainter):
    """A live panel (see `panel`) in one output of the cell, and in another one the still of it: a
    notebook that is saved meanwhile and opened without its kernel shows how far it was. The end
    leaves what `DisplayPainter` leaves, and nothing in the other output.

    Args:
        cancel: what its button does; None: the cell waits, so that no button would be heard.

    Raises:
        ImportError: there is no ipywidgets.
    """

    def __init__(self, cancel: Callable[[], object] | None = None) -> None:
        super().__init__()
        import_module("ipywidgets")
        self._cancel = cancel

    def _begin(self, look: Look) -> None:
        from IPython.display import display

        from .live import NOTHING, new_name
        from .panel import Panel

        self._name = new_name()
        self.panel = Panel(self._cancel)
        self.panel.box.add_class(f"{self._name}-live")
        self.panel.show(look)
        self._still = display(  # type: ignore[no-untyped-call]
            self._stilled(look), raw=True, display_id=True
        )
        self._live = display(  # type: ignore[no-untyped-call]
            {**self.panel.box._repr_mimebundle_(), **NOTHING}, raw=True, display_id=True
        )

    def _update(self, look: Look) -> None:
        self.panel.show(look)
        self._still.update(self._stilled(look), raw=True)

    def _end(self, look: Look) -> None:
        from .live import NOTHING

        self.panel.close()
        self._live.update(NOTHING, raw=True)
        self._still.update(_static(look), raw=True)

    def _stilled(self, look: Look) -> dict[str, Any]:
        bundle = _static(look)
        html = render("still", name=self._name, inside=bundle["text/html"])
        return {**bundle, "text/html": html}


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
    log = look.logs[0] if look.logs else None
    return {"text/plain": look.text, "text/html": render("progress", look=look, log=log)}


def _clean(text: str) -> str:
    return wording.printable(wording.without_terminal_codes(text)).strip()

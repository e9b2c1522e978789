"""Painters draw progress where it can be seen, and leave behind static words only."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from luminous_nix_ipy.backend.progress import Progress, ProgressState
from luminous_nix_ipy.records import Activity, Counts, NixWork
from luminous_nix_ipy.widgets.progress import (
    DisplayPainter,
    LinePainter,
    RichPainter,
    WidgetPainter,
    look_at,
    painter_for,
)

WIDGET = "application/vnd.jupyter.widget-view+json"


def state(**changes: Any) -> ProgressState:
    fields: dict[str, Any] = {
        "title": "rollback",
        "message": "activating",
        "fraction": 0.6,
        "elapsed": 12.0,
        "remaining": 8.0,
    }
    return ProgressState(**{**fields, **changes})


def end(success: bool = True, **changes: Any) -> ProgressState:
    changes = {"message": "Now at 41.", "remaining": None, **changes}
    return state(done=True, success=success, **changes)


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What is displayed, as the display publisher of a shell hears it."""
    config = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell.instance(config=config)
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", publisher)
    yield publisher.outputs
    InteractiveShell.clear_instance()


IN_KERNEL: Any = SimpleNamespace(kernel=object())
IN_TERMINAL: Any = SimpleNamespace()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# words


def test_the_words_of_progress() -> None:
    assert look_at(state()).line == "rollback: activating, 60 %, 12 s, about 8 s left"
    assert look_at(state(message="rollback", remaining=None)).line == "rollback, 60 %, 12 s"
    early = look_at(state(elapsed=0.012, remaining=0.3))
    assert early.time == "0 s, about 1 s left"
    assert look_at(state(elapsed=125.0, remaining=None)).time == "2 min 5 s"
    assert look_at(end()).line == "rollback done in 12 s: Now at 41."
    assert look_at(end(success=False)).line == "rollback failed after 12 s: Now at 41."


@given(st.text(), st.text())
def test_words_are_one_printable_line_whatever_programs_print(title: str, message: str) -> None:
    line = look_at(state(title=title, message=message)).line
    assert all(c.isprintable() or c in "\u200c\u200d" for c in line)
    line.encode()


def test_terminal_codes_are_taken_out() -> None:
    assert look_at(state(message="\x1b[31mred\x1b[0m")).headline == "rollback: red"


# which one


@pytest.mark.parametrize(
    ("mode", "painter"),
    [
        ("auto", WidgetPainter),
        ("widget", WidgetPainter),
        ("text", DisplayPainter),
        ("none", type(None)),
    ],
)
def test_the_painter_of_a_kernel(mode: str, painter: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", mode)
    assert type(painter_for(IN_KERNEL)) is painter


def test_a_kernel_without_ipywidgets_updates_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert type(painter_for(IN_KERNEL)) is DisplayPainter
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "widget")
    assert type(painter_for(IN_KERNEL)) is DisplayPainter


@pytest.mark.parametrize("mode", ["auto", "widget", "text"])
def test_the_painter_of_a_terminal_and_of_a_pipe(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", mode)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert type(painter_for(None)) is RichPainter
    for dumb in ("dumb", "unknown", ""):
        monkeypatch.setenv("TERM", dumb)
        assert type(painter_for(None)) is LinePainter
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(painter_for(IN_TERMINAL)) is LinePainter


# in a notebook


def test_a_display_is_made_once_updated_and_left_static(displayed: list[dict[str, Any]]) -> None:
    painter = DisplayPainter()
    painter.draw(state(fraction=0.1))
    painter.draw(state(fraction=0.5))
    painter.close(end())
    assert [output["update"] for output in displayed] == [False, True, True]
    assert len({output["transient"]["display_id"] for output in displayed}) == 1
    last = displayed[-1]["data"]
    assert set(last) == {"text/plain", "text/html"}
    assert last["text/plain"] == "rollback done in 12 s: Now at 41."
    assert 'value="0.600"' in last["text/html"]
    assert "done in 12 s" in last["text/html"]


def test_a_widget_shows_words_and_bar_then_goes(displayed: list[dict[str, Any]]) -> None:
    from ipywidgets import Widget
    from ipywidgets.widgets.widget import _instances

    before = set(_instances)
    painter = WidgetPainter()
    painter.draw(state(fraction=0.1))
    still, live = (output["data"] for output in displayed)
    assert still["text/plain"] == "rollback: activating, 10 %, 12 s, about 8 s left"
    assert still["text/html"].count("<progress") == 1
    assert WIDGET in live and live["text/plain"] == live["text/html"] == ""
    painter.draw(state(message="a <b> & c", fraction=0.5))
    assert painter.panel.bar.value == 0.5
    assert painter.panel.message.value == "rollback: a &lt;b&gt; &amp; c"
    assert painter.panel.time.value == "50 %, 12 s, about 8 s left"
    assert "lx-bar" in painter.panel.bar._dom_classes
    assert "lx-message" in painter.panel.message._dom_classes
    assert isinstance(painter.panel.box, Widget)
    painter.close(end(success=False))
    assert set(_instances) == before
    emptied, last = displayed[-2:]
    assert emptied["update"] and last["update"]
    assert emptied["data"] == {"text/plain": "", "text/html": ""}
    assert set(last["data"]) == {"text/plain", "text/html"}
    assert "failed after" in last["data"]["text/plain"]


def test_a_notebook_saved_meanwhile_shows_how_far_it_was(displayed: list[dict[str, Any]]) -> None:
    painter = WidgetPainter()
    painter.draw(state(fraction=0.1))
    painter.draw(state(fraction=0.21))
    last = displayed[-1]["data"]
    assert ", 21 %, " in last["text/plain"]
    (name,) = (n for n in painter.panel.box._dom_classes if re.fullmatch(r"lx-\w{12}-live", n))
    assert f"body:has(.{name})" in last["text/html"]
    painter.close(end())


def test_a_painter_can_be_used_again(displayed: list[dict[str, Any]]) -> None:
    painter = WidgetPainter()
    for _ in range(2):
        painter.draw(state())
        painter.close(end())
    assert [output["update"] for output in displayed] == [False, False, True, True] * 2
    assert len({output["transient"]["display_id"] for output in displayed}) == 4


def test_an_end_without_a_beginning_leaves_nothing(displayed: list[dict[str, Any]]) -> None:
    DisplayPainter().close(end())
    assert displayed == []


def test_html_escapes_everything_and_names_the_bar(displayed: list[dict[str, Any]]) -> None:
    bad = "<script>alert(1)</script>\" onload='x' &amp;"
    painter = DisplayPainter()
    painter.draw(state(title=bad, message=bad))

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[str, dict[str, str | None]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen.append((tag, dict(attrs)))

    tags = Tags()
    tags.feed(displayed[0]["data"]["text/html"])
    assert [tag for tag, _ in tags.seen] == ["div", "span", "progress", "span"]
    bar = tags.seen[2][1]
    assert bar == {"class": "lx-bar", "max": "1", "value": "0.600", "aria-label": bad}


# in a terminal


def test_rich_draws_a_bar_and_leaves_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "90")
    painter = RichPainter()
    painter.draw(state(message="[red]not markup[/red]"))
    painter.draw(state(fraction=0.9))
    painter.close(end())
    output = terminal.getvalue()
    assert "[red]not markup[/red]" in output
    assert "90 %, 12 s, about 8 s left" in output
    assert output.rstrip().endswith("rollback done in 12 s: Now at 41.")
    assert "\x1b[2K" in output, "the bar itself is taken away"


def screen(monkeypatch: pytest.MonkeyPatch, columns: int, rows: int, running: int) -> list[str]:
    """What a terminal of this size is shown while so many builds run, from top to bottom."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    painter = RichPainter()
    builds = tuple(activity(number) for number in range(running))
    painter.draw(state(work=work(running=())))
    before = len(terminal.getvalue())
    painter.draw(state(work=work(running=builds)))
    drawn = terminal.getvalue()[before:]
    painter.close(end(work=work(running=builds)))
    left = terminal.getvalue()[before + len(drawn) :]
    assert left.rstrip().endswith("rollback done in 12 s: Now at 41.")
    assert left.rpartition("\x1b[2K")[2] == "rollback done in 12 s: Now at 41.\n"
    assert left.count("\x1b[2K") > drawn.count("\n"), "all that was drawn is taken away"
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", drawn).replace("\r", "").splitlines()


def activity(number: int) -> Activity:
    return Activity(
        id=number, kind="build", name=f"package-{number}", phase="buildPhase", done=0, expected=0,
        running=0, failed=0, started=datetime.now().astimezone(), host="",
        log=("\x1b[31m[bold]cc[/bold] " + "x" * 200,),
    )  # fmt: skip


def work(running: tuple[Activity, ...]) -> NixWork:
    nothing = Counts()
    return NixWork(
        builds=nothing, paths=nothing, copied=nothing, downloaded=nothing, rate=0.0,
        running=running, downloads=(), failed=(),
    )  # fmt: skip


def test_below_the_bar_of_a_terminal_is_what_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    bar, *below = screen(monkeypatch, 80, 40, running=3)
    assert bar.startswith("rollback: activating")
    assert [line[:38] for line in below] == [
        f"  building package-{n}, buildPhase, for "[:38] for n in range(3)
    ]
    assert all(len(line) <= 80 and line.endswith("…") and "[bold]cc" in line for line in below)


@pytest.mark.parametrize(
    ("columns", "rows", "running", "lines"),
    [(80, 40, 6, 6), (80, 40, 9, 6), (80, 12, 9, 3), (80, 6, 9, 1), (80, 5, 9, 0), (59, 40, 9, 0)],
)
def test_a_small_terminal_is_not_filled(
    monkeypatch: pytest.MonkeyPatch, columns: int, rows: int, running: int, lines: int
) -> None:
    bar, *below = screen(monkeypatch, columns, rows, running)
    assert "60 %" in bar
    assert len(below) == lines
    if lines and running > lines:
        assert below[-1] == f"  and {running - lines + 1} more"


def test_a_pipe_gets_a_line_when_the_words_change(capsys: pytest.CaptureFixture[str]) -> None:
    painter = LinePainter()
    for fraction in (0.1, 0.2, 0.3):
        painter.draw(state(fraction=fraction))
    painter.draw(state(message="checking", fraction=0.9))
    painter.close(end())
    assert capsys.readouterr().err.splitlines() == [
        "rollback: activating, 10 %, 12 s, about 8 s left",
        "rollback: checking, 90 %, 12 s, about 8 s left",
        "rollback done in 12 s: Now at 41.",
    ]


def test_progress_drives_a_painter(displayed: list[dict[str, Any]]) -> None:
    progress = Progress(painter=DisplayPainter(), interval=0)
    progress.begin("list")
    progress.update("reading", 0.5)
    progress.finish("3 generations.")
    texts = [output["data"]["text/plain"] for output in displayed]
    assert [re.sub(r"\d+ ms", "0 ms", text.split(",")[0]) for text in texts] == [
        "list",
        "list: reading",
        "list done in 0 ms: 3 generations.",
    ]

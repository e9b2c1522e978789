"""Live views: their two outputs, what becomes of errors in callbacks, and threads."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from luminous_nix_ipy import loop
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.widgets import live
from luminous_nix_ipy.widgets.live import LiveView
from luminous_nix_ipy.widgets.page import Page

VIEW = "application/vnd.jupyter.widget-view+json"


class Counter(LiveView):
    """Counts clicks; it fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def _page(self) -> Page:
        return Page(f"Count {self.count}", ["<b>other people's words</b>"])

    def _build(self) -> Any:
        self.add = ipywidgets.Button(description="Add")
        self.add.on_click(self.guarded(self._add))
        self.shown = ipywidgets.Label("0")
        return ipywidgets.HBox([self.add, self.shown])

    def _add(self, button: Any) -> None:
        count = self.count
        time.sleep(0.001)  # another thread's turn, were there no lock
        self.count = count + 1
        self.shown.value = str(self.count)
        self.changed()


class Shown:
    """What was displayed, and the updates of it."""

    def __init__(self) -> None:
        self.bundles: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []

    def display(self, bundle: dict[str, Any], *, raw: bool, display_id: bool = False) -> Any:
        assert raw
        self.bundles.append(bundle)
        return SimpleNamespace(update=self.update) if display_id else None

    def update(self, bundle: dict[str, Any], *, raw: bool) -> None:
        assert raw
        self.updates.append(bundle)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr("IPython.display.display", shown.display)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "auto")
    return shown


@pytest.fixture
def counter(shown: Shown) -> Iterator[Counter]:
    counter = Counter()
    counter._ipython_display_()
    yield counter
    counter.close()
    loop.stop()


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def test_a_cell_has_a_still_and_a_widget(counter: Counter, shown: Shown) -> None:
    still, widget = shown.bundles
    assert still["text/plain"].startswith("Count 0")
    assert "&lt;b&gt;other" in still["text/html"]
    assert VIEW not in still
    assert widget[VIEW]["model_id"] == counter.root.model_id
    assert widget["text/html"] == widget["text/plain"] == ""


def test_the_still_is_hidden_by_the_class_that_the_widget_has(
    counter: Counter, shown: Shown
) -> None:
    html = shown.bundles[0]["text/html"]
    own = next(name for name in counter.root._dom_classes if name.endswith("-live"))
    live_class = [name for name in counter.root._dom_classes if name.startswith("lx-")][-1]
    assert f"body:has(.{live_class})" in html
    assert own


def test_the_still_shows_the_last_state_once_for_many_changes(
    counter: Counter, shown: Shown
) -> None:
    for _ in range(20):
        counter.add.click()
    soon(lambda: shown.updates)
    assert shown.updates[-1]["text/plain"].startswith("Count 20")
    assert len(shown.updates) <= 2


def test_shown_in_two_cells_both_stills_follow(counter: Counter, shown: Shown) -> None:
    counter._ipython_display_()
    counter.add.click()
    soon(lambda: len(shown.updates) >= 2)
    assert shown.bundles[1][VIEW] == shown.bundles[3][VIEW]


@pytest.mark.parametrize("mode", ["none", "text"])
def test_without_widgets_it_is_its_page(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", mode)
    counter = Counter()
    counter._ipython_display_()
    assert [sorted(bundle) for bundle in shown.bundles] == [["text/html", "text/plain"]]
    assert counter.root is None


def test_a_terminal_and_a_kernel_without_ipywidgets_have_no_widgets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "auto")
    kernel: Any = SimpleNamespace(kernel=object())
    assert live.has_widgets(kernel)
    assert not live.has_widgets(None)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert not live.has_widgets(kernel)


def test_what_runs_a_notebook_unattended_sees_no_widgets_but_voila_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "auto")
    request = {"content": {"allow_stdin": False}}
    shell: Any = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: request))
    assert not live.has_widgets(shell)
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    assert live.has_widgets(shell)
    monkeypatch.delenv("SERVER_SOFTWARE")
    request["content"]["allow_stdin"] = True
    assert live.has_widgets(shell)
    request.clear()
    assert live.has_widgets(shell), "a click, which asks nothing"


def test_an_error_of_ours_is_told_in_sentences(counter: Counter) -> None:
    def fail() -> None:
        raise NotFound("There is no <such> thing.", "It went.", ["Look again."])

    counter.guarded(fail)()
    assert counter.said == "There is no <such> thing. It went. Look again."
    assert "&lt;such&gt;" in counter.status.value and 'role="status"' in counter.status.value


@pytest.mark.parametrize(
    ("error", "words"),
    [(ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"), (KeyboardInterrupt(), "Inter")],
)
def test_any_other_error_is_told_too(counter: Counter, error: BaseException, words: str) -> None:
    def fail() -> None:
        raise error

    counter.guarded(fail)()
    assert words in counter.said


def test_what_was_said_goes_when_nothing_is_said(counter: Counter) -> None:
    counter.say("Words.")
    counter.say("")
    assert counter.status.value == ""


def test_callbacks_of_many_threads_run_one_at_a_time(counter: Counter) -> None:
    """JupyterLab sends them over subshells, each a thread of its own (ipykernel 7.0 to 7.3)."""
    threads = [
        threading.Thread(target=lambda: [counter.add.click() for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.count == 80
    assert counter.shown.value == "80"


def test_work_beside_the_notebook_hands_on_what_it_returns(counter: Counter) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 42

    got: list[int] = []
    counter.begin(work(), got.append)
    soon(lambda: got)
    assert got == [42]


def test_work_that_fails_or_is_cancelled_is_told(counter: Counter) -> None:
    async def fail() -> None:
        raise NotFound("It is not there.")

    async def wait() -> None:
        await asyncio.sleep(3600)

    counter.begin(fail())
    soon(lambda: counter.said == "It is not there.")
    counter.begin(wait()).cancel()
    soon(lambda: counter.said == "Cancelled.")


def test_a_callback_may_wait_for_the_loop_while_other_work_ends(counter: Counter) -> None:
    """Were its end told on the loop's own thread, each would wait for the other."""

    async def work() -> int:
        return 1

    got: list[int] = []

    def callback() -> None:
        other = counter.begin(work(), got.append)
        assert loop.run(work()) == 1
        assert not other.done()

    counter.guarded(callback)()
    soon(lambda: got)
    assert counter.said == ""


def test_an_error_after_the_work_is_told(counter: Counter) -> None:
    async def work() -> int:
        return 0

    counter.begin(work(), lambda zero: 1 // zero)
    soon(lambda: "ZeroDivisionError" in counter.said)


def test_it_looks_again_and_goes_on_after_an_error(counter: Counter) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise NotFound("Not this time.")

    counter.root._view_count = 1
    counter.watch(0.01, look)
    soon(lambda: len(looks) >= 3)
    assert counter.said == "Not this time."


def test_a_view_on_no_page_looks_seldom(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        counter._closed = len(waits) == 2
        counter.root._view_count = 1

    monkeypatch.setattr(asyncio, "sleep", sleep)
    counter.watch(2.0, lambda: None)
    soon(lambda: len(waits) == 2)
    counter._closed = False
    assert waits == [15.0, 2.0]


def test_closed_it_does_nothing_more_and_keeps_its_last_state(
    counter: Counter, shown: Shown
) -> None:
    looks: list[int] = []
    counter.root._view_count = 1
    counter.watch(0.01, lambda: looks.append(1))
    counter.add.click()
    counter.close()
    assert shown.updates[-1]["text/plain"].startswith("Count 1")
    counter.guarded(lambda: looks.append(-1))()
    assert -1 not in looks
    assert counter.add.comm is None and counter.root.comm is None
    counter.close()
    counter._ipython_display_()
    assert VIEW not in shown.bundles[-1]

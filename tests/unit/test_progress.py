"""Progress is monotone, rate-limited, always tells the last word, and breaks nothing."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.progress import Progress, ProgressState


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Canvas:
    """A painter that remembers."""

    def __init__(self) -> None:
        self.drawn: list[ProgressState] = []
        self.closed: list[ProgressState] = []

    def draw(self, state: ProgressState) -> None:
        self.drawn.append(state)

    def close(self, state: ProgressState) -> None:
        self.closed.append(state)


def recorder() -> tuple[list[tuple[str, float]], Any]:
    heard: list[tuple[str, float]] = []
    return heard, lambda message, fraction: heard.append((message, fraction))


def test_a_callback_hears_begin_updates_and_the_end() -> None:
    heard, callback = recorder()
    progress = Progress(callback, interval=0)
    progress.begin("Reading")
    progress.update("half", 0.5)
    progress.finish("Read 3 generations.")
    assert heard == [("Reading", 0.0), ("half", 0.5), ("Read 3 generations.", 1.0)]


def test_the_callback_can_be_set_later_and_taken_away() -> None:
    heard, callback = recorder()
    progress = Progress(interval=0)
    progress.begin("a")
    progress.callback = callback
    progress.update("b", 0.1)
    progress.callback = None
    progress.update("c", 0.2)
    assert heard == [("b", 0.1)]


@given(st.lists(st.one_of(st.none(), st.floats())))
def test_fractions_are_clipped_and_never_go_back(fractions: list[float | None]) -> None:
    heard, callback = recorder()
    progress = Progress(callback, interval=0)
    for fraction in fractions:
        progress.update("x", fraction)
    progress.finish("end", success=False)
    told = [fraction for _, fraction in heard]
    assert told == sorted(told)
    assert all(0.0 <= fraction <= 1.0 for fraction in told)


def test_a_failed_operation_does_not_jump_to_the_end() -> None:
    canvas = Canvas()
    progress = Progress(painter=canvas, interval=0)
    progress.begin("Rolling back")
    progress.update("activating", 0.6)
    progress.finish("Failed.", success=False)
    end = canvas.closed[0]
    assert (end.fraction, end.done, end.success, end.message) == (0.6, True, False, "Failed.")
    assert [state.done for state in canvas.drawn] == [False, False]


def test_at_most_ten_a_second_and_the_last_before_a_pause_is_told() -> None:
    times: list[float] = []
    heard: list[float] = []

    def callback(message: str, fraction: float) -> None:
        times.append(time.monotonic())
        heard.append(fraction)

    async def work() -> None:
        progress = Progress(callback)
        progress.begin("x")
        for i in range(1, 51):
            progress.update("x", i / 100)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)  # the operation goes silent: 0.5 must have been told
        assert heard[-1] == 0.5
        progress.finish("end")

    asyncio.run(work())
    updates = times[:-1]
    assert all(b - a >= 0.095 for a, b in itertools.pairwise(updates))
    assert heard[-1] == 1.0
    assert 4 <= len(heard) <= 30


def test_the_last_before_a_pause_is_told_without_a_loop_too() -> None:
    told = threading.Event()
    heard: list[float] = []

    def callback(message: str, fraction: float) -> None:
        heard.append(fraction)
        if fraction == 0.9:
            told.set()

    progress = Progress(callback, interval=0.05)
    progress.begin("x")
    progress.update("x", 0.5)
    progress.update("x", 0.9)
    assert told.wait(10)
    assert heard == [0.0, 0.9]
    progress.finish("x")


def test_the_end_is_told_once_and_nothing_comes_after_it() -> None:
    heard, callback = recorder()
    progress = Progress(callback, interval=0.02)
    progress.begin("x")
    progress.update("late", 0.5)
    progress.finish("end")
    progress.finish("again")
    progress.update("stray", 0.7)
    time.sleep(0.1)
    assert heard == [("x", 0.0), ("end", 1.0)]


def test_estimate_goes_by_the_rate_and_grows_while_nothing_moves() -> None:
    clock = Clock()
    progress = Progress(clock=clock)
    assert progress.estimate_completion() is None
    progress.begin("Building")
    assert progress.estimate_completion() is None
    clock.now += 10
    progress.update("quarter", 0.25)
    assert progress.estimate_completion() == pytest.approx(30)
    clock.now += 10
    assert progress.estimate_completion() == pytest.approx(60)
    progress.update("done", 1.0)
    assert progress.estimate_completion() == 0.0


def test_estimate_looks_at_recent_points_only() -> None:
    clock = Clock()
    progress = Progress(clock=clock)
    progress.begin("Building")
    clock.now += 1000  # a slow start
    for i in range(1, 61):
        progress.update("x", i / 100)
        clock.now += 1
    assert progress.estimate_completion() == pytest.approx(40, rel=0.1)


def test_a_burst_of_updates_does_not_push_history_out() -> None:
    clock = Clock()
    progress = Progress(clock=clock)
    progress.begin("Building")
    clock.now += 10
    for i in range(1000):
        progress.update("x", i / 2000)
    assert progress.estimate_completion() == pytest.approx(10, rel=0.01)


def test_begin_forgets_the_operation_before() -> None:
    clock = Clock()
    heard, callback = recorder()
    progress = Progress(callback, clock=clock)
    progress.begin("first")
    clock.now += 50
    progress.update("x", 0.9)
    progress.finish("end", success=False)
    progress.begin("second")
    assert progress.estimate_completion() is None
    assert (progress.state.fraction, progress.state.elapsed) == (0.0, 0.0)
    assert (progress.state.done, progress.state.success) == (False, None)
    clock.now += 1
    progress.update("y", 0.1)
    assert heard[-1] == ("y", 0.1)


def test_a_failing_callback_is_logged_once_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(message: str, fraction: float) -> None:
        raise ValueError("mine")

    canvas = Canvas()
    progress = Progress(fail, canvas, interval=0)
    with caplog.at_level(logging.ERROR):
        progress.begin("x")
        progress.update("y", 0.5)
        progress.finish("z")
    assert len(canvas.drawn) == 2
    assert len(canvas.closed) == 1
    assert len(caplog.records) == 1
    assert "callback failed" in caplog.text


def test_a_failing_painter_does_not_keep_the_callback_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Canvas):
        def draw(self, state: ProgressState) -> None:
            raise RuntimeError("no screen")

    heard, callback = recorder()
    progress = Progress(callback, Broken(), interval=0)
    progress.begin("x")
    progress.update("y", 0.5)
    assert heard == [("x", 0.0), ("y", 0.5)]
    assert caplog.text.count("painter failed") == 1


def test_a_callback_may_be_a_coroutine_function(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    async def callback(message: str, fraction: float) -> None:
        await asyncio.sleep(0)
        heard.append(message)
        raise ValueError("also logged once")

    async def work() -> None:
        progress = Progress(callback, interval=0)
        progress.begin("a")
        await asyncio.to_thread(progress.update, "b", 0.5)
        progress.finish("c")
        await asyncio.sleep(0)
        await progress.settled()

    asyncio.run(work())
    assert sorted(heard) == ["a", "b", "c"]
    assert caplog.text.count("callback failed") == 1


def test_a_coroutine_callback_without_any_loop_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def callback(message: str, fraction: float) -> None: ...

    Progress(callback).begin("a")
    assert "no event loop" in caplog.text


def test_many_threads_may_report() -> None:
    heard, callback = recorder()
    progress = Progress(callback, interval=0)
    progress.begin("x")

    def report(start: int) -> None:
        for i in range(100):
            progress.update("x", (start + i) / 1000)

    threads = [threading.Thread(target=report, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress.finish("end")
    told = [fraction for _, fraction in heard]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) == 802

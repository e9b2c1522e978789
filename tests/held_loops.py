"""The guard of event loops: no step of a coroutine may hold its loop for long."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

SLOW_CALLBACK = 0.5
"""Seconds that one step of a coroutine may hold its loop: far over what it needs, far under what a
program of Nix, a large read or a wait takes."""

_TICK = 0.02
"""Seconds between two looks at what runs."""


class HeldLoops:
    """Steps that took too long, of all loops of this process.

    A clock would tell of the machine: of other processes that had the processors, of a disk or a
    thread that kept everything waiting. So a step is at fault for the time that it computed, or for
    which a thread beside it could go on while it did not and was not ready to either.
    """

    def __init__(self) -> None:
        self.steps: list[str] = []
        """What asyncio calls each, its seconds, and where it was seen."""
        self._running: list[_Step] = []

    @contextmanager
    def watch(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Look at every step until the end. In asyncio's debug mode, in which a step tells where it
        comes from; PYTHONASYNCIODEBUG would do the same, but children inherit it."""
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> Any:
            step = _Step()
            computed, waited = _computed(), _waited_for_a_processor()
            self._running.append(step)
            try:
                return run(handle)
            finally:
                self._running.remove(step)
                computed = _computed() - computed
                stood = step.ticks * _TICK - (_waited_for_a_processor() - waited)
                if max(computed, stood) > SLOW_CALLBACK:
                    self.steps.append(
                        f"{handle!r} computed for {computed:.3f} s and stood for {stood:.3f} s"
                        f"{step.seen}"
                    )

        patch.setattr(asyncio.coroutines, "_is_debug_mode", lambda: True)
        patch.setattr(asyncio.Handle, "_run", timed)
        gc.callbacks.append(_collects)
        ended = threading.Event()
        beside = threading.Thread(target=self._look, args=(ended,), name="held loops", daemon=True)
        beside.start()
        try:
            yield
        finally:
            ended.set()
            beside.join()
            gc.callbacks.remove(_collects)

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK):
            for step in [*self._running]:
                step.tick()


class _Step:
    """A step that runs, in the thread that makes this."""

    def __init__(self) -> None:
        self.ticks = 0
        self.seen = ""
        self._thread = threading.get_ident()

    def tick(self) -> None:
        """It is seen, `_TICK` seconds after it was seen last or began."""
        self.ticks += 1
        frame = sys._current_frames().get(self._thread)
        if frame is not None and not self.seen and self.ticks * _TICK > SLOW_CALLBACK / 2:
            self.seen = ", in\n" + "".join(traceback.format_stack(frame)[-8:])


class _Thread(threading.local):
    """What is known of the thread that asks."""

    collected = 0.0
    """Seconds that it has looked through garbage."""
    collecting = 0.0
    """What it had computed when it last began to."""


_thread = _Thread()


def _computed() -> float:
    """For how many seconds this thread has computed, but for looking through the garbage that
    thousands of tests have left."""
    return time.thread_time() - _thread.collected


def _collects(phase: str, info: dict[str, int]) -> None:
    if phase == "start":
        _thread.collecting = time.thread_time()
    else:
        _thread.collected += time.thread_time() - _thread.collecting


def _waited_for_a_processor() -> float:
    """For how many seconds this thread was ready to run and did not, in all.

    From Documentation/scheduler/sched-stats.rst of Linux: /proc/<pid>/schedstat, the second number,
    in nanoseconds; 0 elsewhere.
    """
    try:
        if not hasattr(_thread, "statistics"):
            # Open as long as the thread lives, since every step is looked at.
            _thread.statistics = io.FileIO("/proc/thread-self/schedstat")
        text = os.pread(_thread.statistics.fileno(), 64, 0)
    except FileNotFoundError:
        return 0.0
    return int(text.split()[1]) / 1e9

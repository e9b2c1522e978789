"""The guard of event loops: no step of a coroutine may hold its loop for long."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

SLOW_CALLBACK = 0.5
"""Seconds that one step of a coroutine may hold its loop: far over what it needs, far under what a
program of Nix, a large read or a wait takes."""


class HeldLoops:
    """Steps that took too long, of all loops of this process.

    Off the time of a step goes what was no fault of it: for how long its thread was ready and other
    processes had the processors, and for how long the garbage of this process, which thousands of
    tests have left, was looked through.
    """

    def __init__(self) -> None:
        self.steps: list[str] = []
        """What asyncio calls each, and its seconds."""
        self._collecting = 0.0
        self._collected = 0.0

    @contextmanager
    def watch(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Look at every step until the end. In asyncio's debug mode, in which a step tells where it
        comes from; PYTHONASYNCIODEBUG would do the same, but children inherit it."""
        run = asyncio.Handle._run

        def timed(step: asyncio.Handle) -> Any:
            began = time.monotonic() - self._no_fault()
            done = run(step)
            took = time.monotonic() - self._no_fault() - began
            if took > SLOW_CALLBACK:
                self.steps.append(f"{step!r} took {took:.3f} s")
            return done

        patch.setattr(asyncio.coroutines, "_is_debug_mode", lambda: True)
        patch.setattr(asyncio.Handle, "_run", timed)
        gc.callbacks.append(self._collects)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collects)

    def _no_fault(self) -> float:
        return self._collected + _waited_for_a_processor()

    def _collects(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.monotonic()
        else:
            self._collected += time.monotonic() - self._collecting


_thread = threading.local()


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

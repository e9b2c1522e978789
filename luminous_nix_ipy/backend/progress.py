"""One model of progress for every operation, and the estimate of what remains.

Whatever reports (an operation, Nix's log) calls `update` as often as it likes; whoever listens (a
callback, a painter) hears at most ten times a second, and always hears the last word.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Protocol

import msgspec

from ..records import NixWork

_log = logging.getLogger(__name__)

Callback = Callable[[str, float], Any]
"""Called with the message and the fraction (0 to 1); may be a coroutine function."""

_POINTS = 32


class ProgressState(msgspec.Struct, frozen=True, kw_only=True):
    """Progress at one moment, as painters draw it."""

    title: str
    message: str
    fraction: float
    """0 to 1, never less than before."""
    elapsed: float
    """Seconds since `begin`."""
    remaining: float | None
    """Estimated seconds, or None where nothing is known."""
    done: bool = False
    success: bool | None = None
    """None until it is done."""
    work: NixWork | None = None
    """What Nix is doing, or at the end did last, where its log is read."""


class Painter(Protocol):
    """Draws progress somewhere; it may be called from any thread, never from two at once."""

    def draw(self, state: ProgressState) -> None: ...

    def close(self, state: ProgressState) -> None:
        """The operation has ended: leave behind what shall be kept."""


class Progress:
    """The progress of one operation after another. Thread-safe.

    Args:
        interval: least seconds between two updates that are told.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self,
        callback: Callback | None = None,
        painter: Painter | None = None,
        *,
        interval: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.callback = callback
        self.painter = painter
        self._interval = interval
        self._clock = clock
        self._lock = threading.RLock()
        self._late: asyncio.TimerHandle | threading.Timer | None = None
        self._told = -math.inf
        self._complained: set[str] = set()
        self._scheduled: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._points: deque[tuple[float, float]] = deque(maxlen=_POINTS)
        self._started = self._clock()
        self._title = self._message = ""
        self._fraction = 0.0
        self._success: bool | None = None
        self._running = False
        self._work: NixWork | None = None
        self._work_told = self._started

    def begin(self, title: str) -> None:
        """Start anew: nothing of the operation before counts."""
        with self._lock:
            self._forget_late()
            self._loop = _running_loop()
            self._started = self._clock()
            self._title = self._message = title
            self._fraction = 0.0
            self._success = None
            self._running = True
            self._work = None
            self._complained.clear()
            self._points.clear()
            self._points.append((self._started, 0.0))
            self._tell()

    def update(
        self, message: str, fraction: float | None = None, work: NixWork | None = None
    ) -> None:
        """Report where the operation is; a fraction that is None or goes back changes nothing, and
        so does `work` when it is None.

        Without `begin` the first update begins; after `finish` an update is too late and ignored.
        """
        with self._lock:
            if self._success is not None:
                return
            if not self._running:
                self.begin(message)
            self._message = message
            self._move(fraction)
            if work is not None:
                self._work, self._work_told = work, self._clock()
            wait = self._told + self._interval - self._clock()
            if wait <= 0:
                self._tell()
            elif self._late is None:
                self._late = self._after(wait)

    def finish(self, message: str, success: bool = True) -> None:
        """Report the end; told at once. Ending twice changes nothing."""
        with self._lock:
            if not self._running:
                return
            self._running = False
            self._success = success
            self._message = message
            self._move(1.0 if success else None)
            self._tell()

    def estimate_completion(self) -> float | None:
        """Seconds that remain; None when nothing is known.

        Where builds are under way, the middle of their estimate (`NixWork.estimate`), less the time
        since it was made. Otherwise what remains if it goes on as fast as it lately did: the rate
        is the fraction gained over the points remembered, per second until now, so that waiting
        without progress makes the estimate grow.
        """
        with self._lock:
            if self._work is not None and self._work.estimate is not None:
                passed = self._clock() - self._work_told
                return max(self._work.estimate.middle - passed, 0.0)
            if not self._points:
                return None
            first, gained = self._points[0][0], self._points[-1][1] - self._points[0][1]
            took = self._clock() - first
            if self._fraction >= 1.0:
                return 0.0
            if gained <= 0 or took <= 0:
                return None
            return (1.0 - self._fraction) * took / gained

    @property
    def state(self) -> ProgressState:
        """Progress now."""
        with self._lock:
            return ProgressState(
                title=self._title,
                message=self._message,
                fraction=self._fraction,
                elapsed=self._clock() - self._started,
                remaining=self.estimate_completion() if self._running else None,
                done=self._success is not None,
                success=self._success,
                work=self._work,
            )

    async def settled(self) -> None:
        """Wait until the coroutines that an asynchronous callback made have ended."""
        if self._scheduled:
            await asyncio.wait(set(self._scheduled))

    def _move(self, fraction: float | None) -> None:
        if fraction is None or not fraction > self._fraction:  # also when it is not a number
            return
        self._fraction = min(fraction, 1.0)
        now = self._clock()
        point = (now, self._fraction)
        if len(self._points) > 1 and now - self._points[-2][0] < self._interval:
            self._points[-1] = point
        else:
            self._points.append(point)

    def _after(self, seconds: float) -> asyncio.TimerHandle | threading.Timer:
        """Tell later what is too early to tell now, in the loop that runs here, else in a thread
        that has this context (displays find their cell by it)."""
        loop = _running_loop()
        if loop is not None:
            return loop.call_later(seconds, self._tell_late)
        timer = threading.Timer(seconds, copy_context().run, (self._tell_late,))
        timer.daemon = True
        timer.start()
        return timer

    def _tell_late(self) -> None:
        with self._lock:
            if self._late is not None:
                self._tell()

    def _forget_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _tell(self) -> None:
        self._forget_late()
        self._told = self._clock()
        state = self.state
        painter, callback = self.painter, self.callback
        if painter is not None:
            self._guarded("painter", painter.close if state.done else painter.draw, state)
        if callback is not None:
            made = self._guarded("callback", callback, state.message, state.fraction)
            if inspect.isawaitable(made):
                self._schedule(made)

    def _guarded(self, who: str, call: Callable[..., Any], *args: Any) -> Any:
        """Listeners never break an operation: their first error is logged."""
        try:
            return call(*args)
        except Exception:
            self._complain(who)

    def _complain(self, who: str) -> None:
        if who not in self._complained:
            self._complained.add(who)
            _log.exception("the progress %s failed; the operation goes on", who)

    def _schedule(self, made: Awaitable[Any]) -> None:
        async def finish() -> None:
            try:
                await made
            except Exception:
                self._complain("callback")

        def start() -> None:
            task = asyncio.ensure_future(finish())
            self._scheduled.add(task)
            task.add_done_callback(self._scheduled.discard)

        if _running_loop() is not None:
            start()
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(start)
        else:
            if inspect.iscoroutine(made):
                made.close()
            _log.warning("an asynchronous progress callback has no event loop to run in")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

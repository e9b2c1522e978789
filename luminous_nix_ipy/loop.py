"""The private event loop: one thread, started when first needed, that runs our coroutines.

A notebook's own loop is busy while a cell runs, so a magic cannot wait on it; this loop is free,
and what runs on it can draw progress while the cell waits. A coroutine takes the context variables
of whoever submits it, so that its output goes to that cell.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

from . import settings
from .backend import shield
from .errors import NixError, Refused

_log = logging.getLogger(__name__)

T = TypeVar("T")

CLEANUP = 3.0
"""Seconds that an interrupted coroutine has to end; the programs it runs need at most 2.5."""
_TURN = 0.2
"""Seconds after which a loop that awaits turns, though nothing has happened: ipykernel cancels the
cell that is interrupted, and the loop sees that when it turns."""


class _Job(Future[T]):
    """The outcome of a coroutine on the private loop. `cancel` cancels the coroutine, and the job
    is over when its clean-up is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        super().__init__()
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._handed = False
        self.sections: list[str] = []
        """The critical sections it is in."""

    def start(self) -> None:
        """Hand it to the loop; again, it does nothing."""
        if self._handed:
            return
        self._handed = True
        with shield.watched(self.sections):
            self._loop.call_soon_threadsafe(self._start)

    def cancel(self) -> bool:
        if self.done():
            return False
        self._loop.call_soon_threadsafe(self._cancel)
        return True

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    async def _run(self) -> T:
        try:
            return await self._work
        except SystemExit as error:  # asyncio would let it end the loop, and with it other jobs
            raise RuntimeError("The operation called exit().") from error

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        self._work.close()  # for one that was cancelled before its first step
        if task.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
        elif error := task.exception():
            self.set_exception(error)
        else:
            self.set_result(task.result())


class _Server:
    """The thread and its loop."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop
        self._started = threading.Event()
        self.thread = threading.Thread(target=self._main, name="luminous-nix", daemon=True)
        self.thread.start()
        self._started.wait()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self._stopping.set)

    def _main(self) -> None:
        # Runner, and not asyncio.run, which nest-asyncio replaces by one that cancels nothing.
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._started.set()
        await self._stopping.wait()


_lock = threading.Lock()
_server: _Server | None = None


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine on the private loop, and return at once.

    Its `cancel()` cancels the coroutine; `result()` raises
    `concurrent.futures.CancelledError` after that, when its clean-up is over.

    Raises:
        Refused: there are no threads here (Python in a browser).
    """
    job = _Job(_running_loop(work), work)
    job.start()
    return job


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result; the thread that calls it waits.

    An interrupt cancels the coroutine, waits for its clean-up and raises KeyboardInterrupt. While
    it is in a critical section (`shield.critical`) the first interrupt only says so; the second
    one leaves it running, and raises.

    Raises:
        Refused: called on the private loop's own thread, or there are no threads here.
    """
    if settings.get("loop") == "nested":
        from . import nested

        return nested.run(work)
    if _server is not None and threading.current_thread() is _server.thread:
        work.close()
        raise Refused(
            "A coroutine cannot be waited for on the thread that has to run it.",
            todo=["In a coroutine, await it."],
        )
    job = _Job(_running_loop(work), work)
    warned = False
    while True:
        try:
            job.start()  # in here, so that no interrupt falls between start and wait
            return job.result()
        except CancelledError:
            raise NixError("The operation was cancelled before it ended.") from None
        except KeyboardInterrupt:
            if not job.sections:
                _interrupt(job)
                raise shield.interrupted() from None
            if warned:
                shield.tell_detached(job.sections[0])
                raise shield.interrupted() from None
            warned = True
            shield.tell_in_progress(job.sections[0])


async def until_done(future: Future[T]) -> T:
    """What a future becomes, awaited on any loop; an interrupt ends the waiting only.

    Raises:
        asyncio.CancelledError: the future was cancelled, or whoever awaits.
    """
    awaited = asyncio.wrap_future(future)
    awaited.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    while not awaited.done():
        await asyncio.wait({awaited}, timeout=_TURN)
    return awaited.result()


def turn_while(lasts: Callable[[], bool]) -> None:
    """Let the loop of this thread, if one runs, turn regularly as long as something lasts, so that
    what is awaited on it can be interrupted."""
    with contextlib.suppress(RuntimeError):
        _turn(asyncio.get_running_loop(), lasts)


def _turn(running: asyncio.AbstractEventLoop, lasts: Callable[[], bool]) -> None:
    if lasts():
        running.call_later(_TURN, _turn, running, lasts)


def stop() -> None:
    """Cancel what runs on the private loop, wait for its clean-up and end the thread. The end of a
    critical section is waited for."""
    global _server
    with _lock:
        server, _server = _server, None
    if server is None:
        return
    server.stop()
    server.thread.join(CLEANUP)
    while server.thread.is_alive() and shield.active():
        print(f"Waiting for the end of {shield.active()[0]}.", file=sys.stderr, flush=True)
        server.thread.join(10)


def _running_loop(work: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
    global _server
    if sys.platform == "emscripten":
        work.close()
        raise Refused(
            "This Python runs in a browser, where there are no threads and no programs.",
            todo=["Use a kernel that runs on a machine with Nix."],
        )
    with _lock:
        if _server is None or not _server.thread.is_alive():
            _server = _Server()
        return _server.loop


def _interrupt(job: _Job[Any]) -> None:
    """Cancel, and wait for the clean-up; another KeyboardInterrupt stops the waiting only."""
    job.cancel()
    try:
        job.exception(CLEANUP)
    except NotYet:
        _log.warning("an interrupted operation did not end within %g s", CLEANUP)
        print("The operation has not ended yet.", file=sys.stderr, flush=True)
    except Exception:  # cancelled, as it was asked to be
        _log.debug("an interrupted operation has ended")


def _forget_after_fork() -> None:
    """Threads do not survive a fork (fork(2)): the child starts its own when it needs one."""
    global _server, _lock
    _server = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(stop)

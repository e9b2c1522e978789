"""Run a coroutine inside the notebook's own loop, while a cell holds it: opt-in, by nest-asyncio.

The private loop (`loop`) needs none of this and is the default. This is for what it cannot do:
await an object that is bound to the notebook's loop, such as a connection opened in a cell. The
patch changes asyncio for the whole kernel, so it is applied at the first run and never before.

nest-asyncio 1.6 is the last of its line. On ipykernel 7.1 and later, where all cells share one
context, it drops the cells that are queued behind; nest-asyncio2 1.7.3 keeps them. On Python 3.14
it breaks `asyncio.current_task`.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, TypeVar

from .backend import shield
from .errors import NixError, Refused

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SAFE = (1, 7, 3)
_THREAD = "Run `%config NixMagics.loop = 'thread'`, which needs no nesting."


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on this thread's loop, which may be running, and return its
    result.

    An interrupt cancels the coroutine and raises KeyboardInterrupt after its clean-up; in a
    critical section the first interrupt only says so, and the second leaves it to the loop.

    Raises:
        Refused: this loop, Python or ipykernel is known to go wrong with the nest-asyncio there is.
    """
    try:
        loop = _loop()
        _apply(loop)
    except Refused:
        work.close()
        raise
    sections: list[str] = []
    with shield.watched(sections):
        task = loop.create_task(work)
    with _interrupts(loop, task, sections) as watch:
        loop.run_until_complete(watch.over)
    if watch.interrupted:
        raise shield.interrupted()
    if task.cancelled():
        raise NixError("The operation was cancelled before it ended.")
    return task.result()


class _Watch:
    """What became of the interrupts; `over` is done when there is nothing more to wait for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.interrupted = False
        self.warned = False
        self.over: asyncio.Future[None] = loop.create_future()

    def end(self, task: asyncio.Task[Any] | None = None) -> None:
        if not self.over.done():
            self.over.set_result(None)


@contextmanager
def _interrupts(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], sections: list[str]
) -> Iterator[_Watch]:
    """Take SIGINT as a wish to the task. Python's own handler would raise KeyboardInterrupt inside
    whatever callback the loop runs, past every clean-up."""
    watch = _Watch(loop)
    task.add_done_callback(watch.end)

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(on_interrupt)

    def on_interrupt() -> None:
        if not sections:
            watch.interrupted = True
            task.cancel()
        elif watch.warned:
            watch.interrupted = True
            shield.tell_detached(sections[0])
            watch.end()
        else:
            watch.warned = True
            shield.tell_in_progress(sections[0])

    if threading.current_thread() is not threading.main_thread():
        yield watch  # only the main thread hears signals (signal(7), Python's signal module)
        return
    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield watch
    finally:
        signal.signal(signal.SIGINT, before)


def _loop() -> asyncio.AbstractEventLoop:
    """The loop that runs here, else the one that IPython awaits cells on in a terminal."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        from IPython.core.async_helpers import get_asyncio_loop

        loop: asyncio.AbstractEventLoop = get_asyncio_loop()  # type: ignore[no-untyped-call]
        return loop


def _apply(loop: asyncio.AbstractEventLoop) -> None:
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise Refused(
            f"A coroutine cannot be nested in this kernel's event loop ({type(loop).__module__}).",
            "nest-asyncio patches asyncio's own loops only.",
            [_THREAD],
        )
    package = _package(loop)
    _log.info("nesting by %s", package.__name__)
    package.apply(loop)


def _package(loop: asyncio.BaseEventLoop) -> ModuleType:
    """nest_asyncio2 from 1.7.3 on, else nest_asyncio where it is known to work."""
    todo = ["Install nest-asyncio2 1.7.3 or later.", _THREAD]
    # nest_asyncio2 leaves a loop as it is that nest_asyncio has patched before.
    old_patch = hasattr(loop, "_nest_patched") and not hasattr(loop, "_nest_asyncio2")
    if old_patch:
        todo[0] = "Restart the kernel and do not call nest_asyncio.apply() in it."
    elif (_version("nest-asyncio2") or (0,)) >= _SAFE:
        return importlib.import_module("nest_asyncio2")
    if sys.version_info >= (3, 14):
        raise Refused(
            "A coroutine cannot be nested on this Python with nest-asyncio 1.6.",
            "From Python 3.14 on it breaks asyncio.current_task for the whole kernel.",
            todo,
        )
    if "ipykernel" in sys.modules and (_version("ipykernel") or (0,)) >= (7, 1):
        raise Refused(
            "A coroutine cannot be nested in this kernel with nest-asyncio 1.6.",
            "From ipykernel 7.1 on it loses the cells that are queued behind.",
            todo,
        )
    try:
        return importlib.import_module("nest_asyncio")
    except ImportError:
        raise Refused("No nest-asyncio is installed.", todo=todo) from None


def _version(distribution: str) -> tuple[int, ...] | None:
    from importlib import metadata

    try:
        text = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
    numbers = []
    for part in text.split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)

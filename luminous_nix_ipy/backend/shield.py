"""Sections that must not be stopped half-way: an activation is finished, whoever cancels it.

A cancel that comes in a critical section is kept, and given when the section has ended: to the next
`await` that waits. A task that ends without one has its result. What can still turn back in order
sees in `cancels` that somebody wants it to. Whoever waits for the work (`loop.run`) can see that it
is in such a section, and say so instead of cancelling.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

_active: list[str] = []
_watched: ContextVar[list[str] | None] = ContextVar("luminous_nix_ipy_sections", default=None)


class Cancels:
    """The cancels that are kept in a critical section."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        """The arguments of `Task.cancel`."""
        self.came = asyncio.Event()
        """Set by the first."""
        self.heeded = False
        """The section turns back on its own, so they need not be given any more."""

    def keep(self, message: Any | None) -> None:
        """One has come."""
        self.messages.append(message)
        self.came.set()


_cancels: ContextVar[Cancels | None] = ContextVar("luminous_nix_ipy_cancels", default=None)


def active() -> tuple[str, ...]:
    """Names of the critical sections that this process is in."""
    return tuple(_active)


@contextmanager
def watched(sections: list[str]) -> Iterator[None]:
    """Watch the work that is started inside: `sections` names those it is in, at any time."""
    token = _watched.set(sections)
    try:
        yield
    finally:
        _watched.reset(token)


def cancels() -> Cancels:
    """Those of the critical section that this is part of; elsewhere none ever comes."""
    return _cancels.get() or Cancels()


@contextmanager
def critical(name: str) -> Iterator[None]:
    """Keep cancels away from the running task until the end of this block.

    Args:
        name: what is going on, as the user is told: "activation".
    """
    sections = _watched.get()
    kept = Cancels()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a critical section needs a running task")

    def cancel(msg: Any | None = None) -> bool:
        _log.warning("%s is in progress: the cancel is kept until it has ended", name)
        kept.keep(msg)
        return True

    outer = task.cancel
    # asyncio asks the task itself, whoever cancels: Task.cancel of a waiting task, wait_for,
    # timeout, the end of asyncio.run. So this reaches every cancel, and no C code goes around it.
    task.cancel = cancel  # type: ignore[method-assign]
    _active.append(name)
    token = _cancels.set(kept)
    if sections is not None:
        sections.append(name)
    try:
        yield
    finally:
        if sections is not None:
            sections.remove(name)
        _cancels.reset(token)
        _active.remove(name)
        if isinstance(outer, FunctionType):  # of a section around this one
            task.cancel = outer  # type: ignore[method-assign]
        else:
            del task.cancel
        if kept.messages and not kept.heeded:
            # Soon, and not now: a task that ends at once has then ended, and is not cancelled with
            # its work done; ipykernel would never answer such a cell.
            task.get_loop().call_soon(lambda: task.cancel(kept.messages[0]))


async def protect(work: Coroutine[Any, Any, T], name: str) -> T:
    """Await `work` in a critical section; a cancel that came before it still stops it."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        work.close()
        raise
    with critical(name):
        return await work


def tell_in_progress(name: str) -> None:
    """To whoever interrupts a critical section, in the cell that runs."""
    _log.warning("interrupted in %s: kept", name)
    print(f"{name} in progress; interrupt again to detach.", file=sys.stderr, flush=True)


def tell_detached(name: str) -> None:
    """To whoever interrupts it again."""
    _log.warning("interrupted in %s again: detached", name)
    print(f"{name} goes on without this cell.", file=sys.stderr, flush=True)


def interrupted() -> KeyboardInterrupt:
    """What an interrupted wait raises; IPython shows it in one line, since where the wait was in
    our code tells the user nothing."""
    error = KeyboardInterrupt("interrupted")
    error._render_traceback_ = lambda: ["KeyboardInterrupt: interrupted"]  # type: ignore[attr-defined]
    return error

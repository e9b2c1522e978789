"""How the work on a playground is told, and how it is kept from being cut in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ..backend.progress import Progress

_T = TypeVar("_T")


class Ended(Exception):
    """The work is no longer wanted."""


class Steps:
    """Tells progress in equal steps: each derivation that is built, each generation that is set."""

    def __init__(self, progress: Progress | None, title: str) -> None:
        self._progress = progress
        self._done = 0
        self._ended = False
        self.total = 1
        if progress is not None:
            progress.begin(title)

    def step(self, message: str) -> None:
        """Tell one step.

        Raises:
            Ended: `end` was called; whoever makes the steps in a thread is to stop.
        """
        if self._ended:
            raise Ended
        self._done += 1
        if self._progress is not None:
            self._progress.update(message, min(1.0, self._done / self.total))

    def end(self) -> None:
        """Let the next step raise."""
        self._ended = True

    def finish(self, message: str, success: bool = True) -> None:
        if self._progress is not None:
            self._progress.finish(message, success)


async def in_thread(
    function: Callable[..., _T], *args: object, on_cancel: Callable[[], None] | None = None
) -> _T:
    """Run it in a thread, to its end even when this task is cancelled: what it writes or removes
    must not go on behind the back of what is done next.

    Args:
        on_cancel: called when the task is cancelled, to make the function end soon.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args))
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            cancelled = True
            if on_cancel is not None:
                on_cancel()
    if cancelled:
        work.exception()  # looked at, so that asyncio does not complain of it
        raise asyncio.CancelledError
    return work.result()

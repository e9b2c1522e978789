"""How the work on a playground is told, and how it is kept from being cut in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..backend.progress import Progress

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Steps:
    """Tells progress in equal steps: each derivation that is built, each generation that is set."""

    def __init__(self, progress: Progress | None, title: str) -> None:
        self._progress = progress
        self._done = 0
        self.total = 1
        if progress is not None:
            progress.begin(title)

    def step(self, message: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress.update(message, min(1.0, self._done / self.total))

    def finish(self, message: str, success: bool = True) -> None:
        if self._progress is not None:
            self._progress.finish(message, success)


async def in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run it in a thread, to its end even when this task is cancelled: what it writes or removes
    must not go on behind the back of what is done next."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        work.exception()  # looked at, so that asyncio does not complain of it
        raise asyncio.CancelledError
    return work.result()

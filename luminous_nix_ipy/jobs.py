"""Work that goes on beside the notebook: what `--bg` returns, and `%nix jobs` lists.

A verb that may take long declares `--bg` with `parser.add_bg(parser)` and takes `bg: bool = False`.
A change hands it on: `change(session, operation, yes=yes, dry_run=dry_run, bg=bg)`. Anything else
returns `session.background(operation, show)`, where `show` makes what the verb returns of the
operation's data.

    job = %nix rollback 41 --yes --bg
    report = await job

A job goes on when the cell that awaits it is interrupted: its Cancel button, `job.cancel()` or
`%nix jobs --cancel 1` end it, programs included, but never in the middle of an activation.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import loop, wording
from .backend import shield
from .errors import NixError, NotFound

if TYPE_CHECKING:
    from .backend.progress import Progress

T = TypeVar("T")

_KEPT = 50
"""Ended jobs that are listed."""


class Job(Awaitable[T], Generic[T]):
    """Work in the background. `await job` and `job.result()` give what the verb would have
    returned, or raise what it would have raised."""

    def __init__(self, title: str, progress: Progress) -> None:
        self.number = next(_numbers)
        self.title = title
        self.started = datetime.now().astimezone()
        self._progress = progress
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._asked_to_end = False
        self._future: Future[T] | None = None

    def start(self, work: Coroutine[Any, Any, T]) -> None:
        """Run it on the private loop, once."""
        self._future = loop.submit(self._run(work))
        self._future.add_done_callback(lambda _: self._end_unbegun(work))

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call this when it has ended, in whatever way; at once where it has."""
        assert self._future is not None
        self._future.add_done_callback(lambda _: call())

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._future is not None and self._future.done()

    @property
    def state(self) -> str:
        """ "running", "cancelling", "done", "failed" or "cancelled"."""
        if self._future is None or not self._future.done():
            return "cancelling" if self._asked_to_end else "running"
        if self._future.cancelled():
            return "cancelled"
        return "failed" if self._future.exception() else "done"

    @property
    def message(self) -> str:
        """What it last said."""
        return self._progress.state.message

    @property
    def run_duration(self) -> float:
        """Seconds since it was started, or that it took."""
        return (time.monotonic() if self._ended is None else self._ended) - self._begun

    def cancel(self) -> bool:
        """Ask it to end; its programs are ended with it. An activation is finished first, and while
        the machine is watched after one, what was there before is put back.

        Returns:
            False where it has ended before.
        """
        if self._future is None or not self._future.cancel():
            return False
        self._asked_to_end = True
        return True

    def result(self, timeout: float | None = None) -> T:
        """Wait for its end, at most `timeout` seconds. An interrupt ends the waiting only.

        Raises:
            NixError: it failed, was cancelled, or has not ended yet.
        """
        assert self._future is not None
        try:
            return self._future.result(timeout)
        except CancelledError:
            raise self._cancelled() from None
        except NotYet:
            if self.done:  # the work's own
                raise
            raise NixError(
                f"{self._name()} has not ended within {timeout:g} s.",
                f"It goes on: {self.message}",
                [f"Await it, or end it: %nix jobs --cancel {self.number}"],
            ) from None
        except KeyboardInterrupt:
            raise shield.interrupted() from None

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    def __repr__(self) -> str:
        took = wording.duration(self.run_duration)
        if self.done:
            line = f"{self._name()}: {self.state} after {took}"
            return (
                line if self.state == "cancelled" else f"{line}; job.result() has what came of it"
            )
        return (
            f"{self._name()}: {self.state} for {took}; await it, or end it: "
            f"%nix jobs --cancel {self.number}"
        )

    async def _wait(self) -> T:
        assert self._future is not None
        try:
            return await loop.until_done(self._future)
        except asyncio.CancelledError:
            if self._future.cancelled():
                raise self._cancelled() from None
            raise  # whoever awaits was cancelled

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            value = await work
        except asyncio.CancelledError:
            self._progress.finish("cancelled", success=False)
            raise
        except Exception as error:
            self._progress.finish(getattr(error, "what", str(error)), success=False)
            raise
        else:
            self._progress.finish("done")
            return value
        finally:
            self._ended = time.monotonic()

    def _end_unbegun(self, work: Coroutine[Any, Any, T]) -> None:
        """What `_run` does at the end, for work that was cancelled before its first step."""
        if self._ended is None:
            work.close()
            self._progress.finish("cancelled", success=False)
            self._ended = time.monotonic()

    def _cancelled(self) -> NixError:
        return NixError(
            f"{self._name()} was cancelled.",
            "",
            ["See what had been changed by then: %nix journal"],
        )

    def _name(self) -> str:
        return f"Job {self.number} ({self.title})"


_numbers = itertools.count(1)
_jobs: list[Job[Any]] = []


def start(
    title: str, progress: Progress, work: Coroutine[Any, Any, T], shell: Any = None
) -> Job[T]:
    """Start work in the background, and draw its progress in the cell that runs now.

    Args:
        title: what it is, as it is listed.
        progress: what `work` tells its progress to, and nothing else does.
        shell: the IPython shell, or None outside of IPython.
    """
    from .widgets.job import painter_for

    job: Job[T] = Job(title, progress)
    _keep(job)
    progress.painter = painter_for(shell, job.cancel)
    progress.begin(title)  # here, while the cell still runs, so that it is drawn below it
    job.start(work)
    return job


def jobs() -> list[Job[Any]]:
    """The jobs of this kernel, newest first."""
    return _jobs[::-1]


def find(number: int) -> Job[Any]:
    """Raises: NotFound: there is no such job."""
    for job in _jobs:
        if job.number == number:
            return job
    known = ", ".join(str(job.number) for job in _jobs)
    raise NotFound(
        f"There is no job {number}.",
        f"There is {known}." if known else "None was started with --bg in this kernel.",
        ["See them with %nix jobs."] if known else [],
    )


def _keep(job: Job[Any]) -> None:
    ended = [old for old in _jobs if old.done]
    for old in ended[: max(0, len(ended) - _KEPT + 1)]:
        _jobs.remove(old)
    _jobs.append(job)

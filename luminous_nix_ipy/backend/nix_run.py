"""Run one of Nix's programs and tell what it does while it does it.

Its log is asked for, read as it comes, and told as progress with an estimate of the rest; what was
built is added to the history of builds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from ..errors import NixError
from ..machine import Machine
from ..records import Activity, Command, Counts, Estimate, Message, NixWork
from ..store.derivations import graph
from ..store.nix_conf import max_jobs
from ..tools.activity import ActivityLog, Built
from ..tools.build_history import Report, append_history, history_file, read_history
from ..tools.internal_json import BUILDS, COPY_PATH, COPY_PATHS, FILE_TRANSFER
from ..tools.process import Completed, failure, run
from ..tools.ssh import LOG, There
from .context import Context
from .estimate import BuildEstimate
from .retrying import retrying

_log = logging.getLogger(__name__)

_WITH_LOG = {
    "nix",
    "nix-build",
    "nix-collect-garbage",
    "nix-copy-closure",
    "nix-env",
    "nix-instantiate",
    "nix-store",
}
_INTERVAL = 0.2
"""Seconds between two looks at what Nix is doing."""
_ESTIMATE_INTERVAL = 1.0
_ESTIMATE_SHARE = 20
"""An estimate is made anew after this many times the seconds that it took, at the earliest."""
_NEARLY = 0.99
"""The greatest fraction before the program has ended, however overdue it is."""
_RATE_SECONDS = 5.0
_SHOWN = 50
"""Activities that are told of."""


async def run_nix(
    context: Context,
    command: Command,
    *,
    check: bool = True,
    at_most: float | None = None,
    stdin: str | None = None,
    share: tuple[float, float] = (0.0, 1.0),
    on_message: Callable[[Message], None] | None = None,
    on_retry: Callable[[], None] | None = None,
    there: There | None = None,
) -> Completed:
    """Run a program of Nix; other programs are run as by `Context.run`. Where it fails (`check`)
    because a download did, for a passing reason, it is run again (see `retrying`).

    Args:
        at_most: seconds, after which it is ended.
        stdin: what it reads.
        share: the part of the operation's progress, from and to, that this program is.
        on_message: called with every message of the program, of any level.
        on_retry: called before it is run again.
        there: how it is run on another machine.

    Returns:
        What it printed; as stderr its last messages, without colours.

    Raises:
        CommandFailed: it failed (`check`); `why` is Nix's own error, `messages` and `failed_builds`
            hold it in parts.
        Refused: root is needed and cannot be had; nothing was run.
    """

    def attempt() -> Awaitable[Completed]:
        return _run_once(context, command, check, at_most, stdin, share, on_message, there)

    return await (retrying(context.progress, attempt, on_retry) if check else attempt())


async def _run_once(
    context: Context,
    command: Command,
    check: bool,
    at_most: float | None,
    stdin: str | None,
    share: tuple[float, float],
    on_message: Callable[[Message], None] | None,
    there: There | None,
) -> Completed:
    argv = with_log(command.argv) if there is None else there.argv
    host = "" if there is None else there.host
    if argv == command.argv or context.machine.simulated:
        return await context.run(command, check=check, at_most=at_most)
    elevated = await context.elevate() if command.root else None
    history = history_of(context.machine)
    try:
        reports = await asyncio.to_thread(read_history, history)
    except NixError as unreadable:
        _log.warning("no estimates from the history of builds: %s", unreadable)
        reports = []
    jobs = max_jobs(context.machine, argv)
    watch = _Watch(context, command, BuildEstimate(reports, jobs, host))
    watch.share = share
    watch.log = ActivityLog(host=host, on_built=watch.ended.append, on_message=on_message)
    watching = asyncio.create_task(watch.look())
    try:
        done = await run(
            argv,
            machine=context.machine,
            elevated=elevated,
            stdin=stdin if there is None else there.script,
            stdin_stays_open=there is not None,
            check=False,
            timeout=at_most,
            stderr=watch.log,
        )
        watch.succeeded = done.returncode == 0
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await watch.plan()
        watch.tell(ended=True)
        await asyncio.to_thread(_remember, history, watch.reports)
    done = replace(done, argv=command.argv)
    if check and done.returncode != 0:
        error = failure(done)
        error.messages = tuple(watch.log.messages.errors())
        error.failed_builds = tuple(watch.log.failed)
        error.why = "\n".join(message.text for message in error.messages) or error.why
        raise error
    return done


def with_log(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that make a program of Nix write its log; others' unchanged.

    All of Nix's programs take them from 2.4 on, before what else they take. What is told to them in
    variables, as arguments of env, stays in front.
    """
    at = 0
    if argv[0] == "env":
        at = next(i for i, word in enumerate(argv) if i and "=" not in word)
    if os.path.basename(argv[at]) not in _WITH_LOG:
        return argv
    return (*argv[: at + 1], *LOG, *argv[at + 1 :])


def describe(work: NixWork) -> str:
    """What is done and what is being done, in a line."""
    parts = []
    if work.builds.expected > 0:
        parts.append(f"{work.builds.done} of {work.builds.expected} built")
    if work.builds.failed > 0:
        parts.append(f"{work.builds.failed} failed")
    if work.paths.expected > 0:
        parts.append(f"{work.paths.done} of {work.paths.expected} paths copied")
    if work.running:
        parts.append("building " + _some(work.running))
    elif work.downloads:
        parts.append("copying " + _some(work.downloads))
    return ", ".join(parts)


class _Watch:
    """Looks at one program's log from time to time."""

    log: ActivityLog
    share: tuple[float, float]

    def __init__(self, context: Context, command: Command, estimate: BuildEstimate) -> None:
        self.ended: list[Built] = []
        """Builds that ended since `plan` last looked."""
        self.reports: list[Report] = []
        """What the history is to remember."""
        self.succeeded = False
        self._context = context
        self._command = command
        self._builds = estimate
        self._started = time.monotonic()
        self._estimate: Estimate | None = None
        self._estimated = self._next_estimate = 0.0
        self._amounts: deque[tuple[float, int]] = deque([(self._started, 0)])

    async def look(self) -> None:
        """Tell what is going on until cancelled."""
        while True:
            try:
                await self.plan()
                await self._estimate_anew()
                self.tell()
            except Exception:
                _log.exception("what Nix does could not be told; it goes on")
                return
            await asyncio.sleep(_INTERVAL)

    def tell(self, *, ended: bool = False) -> None:
        work = self._work(ended)
        low, high = self.share
        fraction = high if self.succeeded else low + (high - low) * self._fraction(work)
        message = describe(work) or self._command.purpose
        self._context.progress.update(message, fraction, work)

    async def plan(self) -> None:
        """Learn which builds are new in the plan, and which have ended."""
        ended = self.ended[:]
        self.ended.clear()
        building = [path for path, _ in self.log.builds()]
        paths = (*self.log.messages.planned.builds, *building, *(b.derivation for b in ended))
        new = [path for path in paths if path not in self._builds]
        if new:
            found = await asyncio.to_thread(graph, new)
            self._builds.add({path: found.get(path) for path in new})
        reports = [self._builds.end(built) for built in ended]
        self.reports += [report for report in reports if report is not None]
        if new or ended:
            self._next_estimate = 0.0

    def _work(self, ended: bool) -> NixWork:
        log = self.log
        copied, downloaded = log.counts(COPY_PATH), log.counts(FILE_TRANSFER)
        rate = self._rate(max(copied.done, downloaded.done))
        return NixWork(
            builds=log.counts(BUILDS),
            paths=log.counts(COPY_PATHS),
            copied=copied,
            downloaded=downloaded,
            rate=0.0 if ended else rate,
            running=() if ended else log.running()[:_SHOWN],
            downloads=() if ended else log.downloads()[:_SHOWN],
            failed=tuple(log.failed),
            estimate=None if ended else self._rest(copied, rate),
            speaking=log.speaking,
        )

    def _rate(self, amount: int) -> float:
        now = time.monotonic()
        while len(self._amounts) > 1 and now - self._amounts[0][0] > _RATE_SECONDS:
            self._amounts.popleft()
        self._amounts.append((now, amount))
        since, before = self._amounts[0]
        return max(amount - before, 0) / (now - since) if now > since else 0.0

    async def _estimate_anew(self) -> None:
        """Estimate the rest, where that is due; thousands of builds take a moment."""
        now = time.monotonic()
        if now < self._next_estimate:
            return
        builds = await asyncio.to_thread(self._builds.rest, self.log.builds())
        self._estimate, self._estimated = builds, now
        cost = time.monotonic() - now
        self._next_estimate = now + max(_ESTIMATE_INTERVAL, _ESTIMATE_SHARE * cost)

    def _rest(self, copied: Counts, rate: float) -> Estimate | None:
        """What remains now: the last estimate less what has passed since, with the downloads."""
        if self._estimate is None:
            return None
        passed = time.monotonic() - self._estimated
        mean = copied.done / max(time.monotonic() - self._started, _INTERVAL)
        return _with_downloads(_less(self._estimate, passed), copied, rate, mean)

    def _fraction(self, work: NixWork) -> float:
        if work.estimate is not None:
            passed = time.monotonic() - self._started
            whole = passed + work.estimate.middle
            return min(passed / whole, _NEARLY) if whole > 0 else 0.0
        for counts in (work.builds, work.copied, work.downloaded):
            if counts.expected > 0:
                return min(max(counts.done, 0) / counts.expected, _NEARLY)
        return 0.0


def _with_downloads(builds: Estimate, copied: Counts, rate: float, mean: float) -> Estimate | None:
    """Builds and downloads together: at best at the same time, at worst one after the other.

    Args:
        rate: bytes a second that lately came; `mean`: from the beginning.
    """
    left = copied.expected - copied.done
    if left <= 0:
        return builds if builds.builds else None
    if rate <= 0 or mean <= 0:
        return None
    middle = left / rate
    return replace(
        builds,
        low=max(builds.low, left / max(rate, mean)),
        middle=(max(builds.middle, middle) + builds.middle + middle) / 2,
        high=builds.high + left / min(rate, mean),
    )


def _less(estimate: Estimate, passed: float) -> Estimate:
    return replace(
        estimate,
        low=max(estimate.low - passed, 0.0),
        middle=max(estimate.middle - passed, 0.0),
        high=max(estimate.high - passed, 0.0),
    )


def history_of(machine: Machine) -> str:
    """The file of a machine's history of builds; a playground has one of its own."""
    env = machine.child_environment() if machine.playground is None else {"HOME": machine.home}
    return history_file(env)


def _remember(path: str, reports: list[Report]) -> None:
    try:
        append_history(path, reports)
    except NixError as error:
        _log.warning("the builds were not added to the history: %s", error)


def _some(activities: tuple[Activity, ...]) -> str:
    names = [a.name + (f" ({a.phase})" if a.phase else "") for a in activities[:3]]
    return ", ".join(names) + (" and others" if len(activities) > 3 else "")

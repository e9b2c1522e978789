"""What Nix is doing, in lines of words: what is left, copied and built, and what failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .. import wording
from ..records import Activity, Counts, Estimate, FailedBuild, NixWork
from ..store.derivations import derivation_name

_SHOWN = 8
"""Builds, and downloads, that have a line of their own."""
_LOG_LINES = 10


def lines(work: NixWork, *, done: bool) -> tuple[str, ...]:
    """The lines of one moment, printable; when it is done, only what failed."""
    said = []
    if not done:
        if work.estimate is not None and work.estimate.builds:
            said.append(_range(work.estimate))
        for counts, verb in ((work.copied, "copied"), (work.downloaded, "downloaded")):
            if counts.expected > 0:
                said.append(_amount(counts, verb))
        if work.rate:
            said.append(f"{wording.size(int(work.rate))} a second")
        said += _listed(work.running, _build)
        said += _listed(work.downloads, _download)
    for failed in work.failed:
        said += _failure(failed)
    return tuple(wording.printable(wording.without_terminal_codes(line)) for line in said)


def running(work: NixWork) -> tuple[str, ...]:
    """A printable line for each build and download, builds first."""
    said = [*map(_build, work.running), *map(_download, work.downloads)]
    return tuple(wording.printable(wording.without_terminal_codes(line)) for line in said)


def whole_seconds(seconds: float) -> str:
    """A time that is still going on: finer figures would only flicker."""
    return f"{seconds:.0f} s" if seconds < 10 else wording.duration(seconds)


def _range(estimate: Estimate) -> str:
    low, high = (whole_seconds(max(s, 1.0)) for s in (estimate.low, estimate.high))
    of = f"{estimate.known} of {wording.plural(estimate.builds, 'build')}"
    return f"between {low} and {high} left, as far as is known from earlier builds ({of})"


def _amount(counts: Counts, verb: str) -> str:
    return f"{wording.size(max(counts.done, 0))} of {wording.size(counts.expected)} {verb}"


def _listed(activities: tuple[Activity, ...], line: Callable[[Activity], str]) -> list[str]:
    said = [line(activity) for activity in activities[:_SHOWN]]
    more = len(activities) - _SHOWN
    return [*said, f"and {more} more"] if more > 0 else said


def _build(activity: Activity) -> str:
    lasted = (datetime.now().astimezone() - activity.started).total_seconds()
    words = [activity.name]
    if activity.phase:
        words.append(activity.phase)
    if activity.host:
        words.append(f"on {activity.host}")
    words.append(f"for {whole_seconds(max(lasted, 1.0))}")
    said = f": {activity.last_line}" if activity.last_line else ""
    return f"building {', '.join(words)}{said}"


def _download(activity: Activity) -> str:
    counts = Counts(done=activity.done, expected=activity.expected)
    return f"copying {activity.name}" + (
        f": {_amount(counts, 'copied')}" if activity.expected > 0 else ""
    )


def _failure(failed: FailedBuild) -> list[str]:
    where = f" on {failed.host}" if failed.host else ""
    head = f"{derivation_name(failed.derivation)} failed{where}"
    end = failed.log[-_LOG_LINES:]
    return [f"{head}; the end of its log:", *(f"  {line}" for line in end)] if end else [head]

"""What Nix is doing, in words: what is left, what is copied and built, its log, and what failed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .. import wording
from ..records import Activity, Counts, Estimate, FailedBuild, NixWork
from ..store.derivations import derivation_name
from ..table import Table

_SHOWN = 8
"""Builds and downloads that have a row of their own."""
_LOG_LINES = 10


class Log(msgspec.Struct, frozen=True):
    """The end of the log of a build that runs; printable."""

    id: int
    name: str
    lines: tuple[str, ...]


def amounts(work: NixWork) -> tuple[str, ...]:
    """Sentences about the whole: the time that is left and what has come, printable."""
    said = []
    if work.estimate is not None and work.estimate.builds:
        said.append(_range(work.estimate))
    for counts, verb in ((work.copied, "copied"), (work.downloaded, "downloaded")):
        if counts.expected > 0:
            said.append(_amount(counts, verb))
    if work.rate:
        said.append(f"{wording.size(int(work.rate))} a second")
    return tuple(said)


def running(work: NixWork) -> tuple[str, ...]:
    """A printable line for each build and download, builds first."""
    return tuple(_clean(_line(activity)) for activity in (*work.running, *work.downloads))


def table(work: NixWork) -> Table | None:
    """The builds and downloads that go on, the first of them; None where there is none."""
    going_on = (*work.running, *work.downloads)
    rows = [tuple(map(_clean, _row(activity))) for activity in going_on[:_SHOWN]]
    more = len(going_on) - _SHOWN
    notes = [f"and {more:,} more"] if more > 0 else []
    headers = ("under way", "what", "for")
    return Table(headers, rows, right=frozenset({2}), notes=notes) if rows else None


def logs(work: NixWork) -> tuple[Log, ...]:
    """The ends of the logs of the builds that go on, the one that wrote last first."""
    found = [
        Log(activity.id, _clean(activity.name), tuple(map(_clean, activity.log)))
        for activity in work.running
        if activity.log
    ]
    return tuple(sorted(found, key=lambda log: log.id != work.speaking))


def failures(work: NixWork) -> tuple[str, ...]:
    """What failed, and the ends of its logs, in printable lines."""
    return tuple(_clean(line) for failed in work.failed for line in _failure(failed))


def whole_seconds(seconds: float) -> str:
    """A time that is still going on: finer figures would only flicker."""
    return f"{seconds:.0f} s" if seconds < 10 else wording.duration(seconds)


def _clean(text: str) -> str:
    return wording.printable(wording.without_terminal_codes(text))


def _range(estimate: Estimate) -> str:
    low, high = (whole_seconds(max(s, 1.0)) for s in (estimate.low, estimate.high))
    of = f"{estimate.known} of {wording.plural(estimate.builds, 'build')}"
    return f"between {low} and {high} left, as far as is known from earlier builds ({of})"


def _amount(counts: Counts, verb: str) -> str:
    return f"{wording.size(max(counts.done, 0))} of {wording.size(counts.expected)} {verb}"


def _row(activity: Activity) -> tuple[str, str, str]:
    lasted = _lasted(activity)
    if activity.kind != "build":
        return activity.name, f"copying{_copied(activity)}", lasted
    told = ", ".join(_told(activity))
    return activity.name, f"building: {told}" if told else "building", lasted


def _line(activity: Activity) -> str:
    if activity.kind != "build":
        return f"copying {activity.name}{_copied(activity)}"
    words = ", ".join([activity.name, *_told(activity), f"for {_lasted(activity)}"])
    said = f": {activity.last_line}" if activity.last_line else ""
    return f"building {words}{said}"


def _told(build: Activity) -> list[str]:
    """Its phase and its place, where there is one to tell."""
    where = f"on {build.host}" if build.host else ""
    return [words for words in (build.phase, where) if words]


def _copied(activity: Activity) -> str:
    if activity.expected <= 0:
        return ""
    return f": {_amount(Counts(done=activity.done, expected=activity.expected), 'copied')}"


def _lasted(activity: Activity) -> str:
    seconds = (datetime.now().astimezone() - activity.started).total_seconds()
    return whole_seconds(max(seconds, 1.0))


def _failure(failed: FailedBuild) -> list[str]:
    where = f" on {failed.host}" if failed.host else ""
    head = f"{derivation_name(failed.derivation)} failed{where}"
    end = failed.log[-_LOG_LINES:]
    return [f"{head}; the end of its log:", *(f"  {line}" for line in end)] if end else [head]

"""How long the rest of some builds takes: their graph, spread over the jobs that run at once.

What each build took before says how long it takes now; what the builds of this run took, against
what was expected of them, corrects that. Nix starts, of the builds that can start, the first by
name (Nix, src/libstore/build/worker.cc and derivation-goal.cc), and so does this.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import mean
from statistics import median as exact_median

import msgspec

from ..records import Estimate
from ..store.derivations import Derivation, derivation_name
from ..tools.activity import Built
from ..tools.build_history import Report, median, report_name, seconds_by_name

_HALF = 0.5
"""The history has whole seconds, rounded down: half a second is what is lost on average."""
_LONGER = 0.1
"""A build that takes longer than it should goes on for this part of what it took."""
_BOUNDS = (0.2, 5.0)
"""Of the correction by this run's own builds."""


class _Span(msgspec.Struct, frozen=True):
    """Seconds that one build may take."""

    low: float
    middle: float
    high: float


class _Build(msgspec.Struct, frozen=True):
    name: str
    report_name: str
    inputs: tuple[str, ...]
    span: _Span | None
    """None: it was never built before."""


class BuildEstimate:
    """The builds of one run of Nix.

    Args:
        history: what builds took before.
        jobs: how many builds run at once.
        host: where they run; empty: here.
    """

    def __init__(self, history: Iterable[Report], jobs: int, host: str = "") -> None:
        self._jobs = max(jobs, 1)
        self._host = host
        self._spans = _spans(history)
        self._builds: dict[str, _Build] = {}
        self._left: set[str] = set()
        self._expected: list[float] = []
        self._took: list[float] = []
        self._took_unknown: list[float] = []

    def __contains__(self, derivation: str) -> bool:
        return derivation in self._builds

    def add(self, derivations: Mapping[str, Derivation | None]) -> None:
        """Builds that are to be done; None for one whose file could not be read."""
        for path, derivation in derivations.items():
            if path in self._builds:
                continue
            name = derivation_name(path) if derivation is None else derivation.name
            short = report_name(name, {} if derivation is None else derivation.env)
            span = self._spans.get((self._host, short)) or self._spans.get((None, short))
            inputs = () if derivation is None else tuple(derivation.inputs)
            self._builds[path] = _Build(name, short, inputs, span)
            self._left.add(path)

    def end(self, built: Built) -> Report | None:
        """A build has ended; what the history is to remember of it, if it succeeded."""
        self._left.discard(built.derivation)
        if built.outcome == "failed":
            self._give_up(built.derivation)
        if built.outcome != "done":
            return None
        build = self._builds.get(built.derivation)
        if build is None:
            return None
        if build.span is None:
            self._took_unknown.append(built.seconds)
        else:
            self._expected.append(build.span.middle)
            self._took.append(built.seconds)
        return Report(built.host, build.report_name, datetime.now(UTC), int(built.seconds))

    def rest(self, running: Sequence[tuple[str, float]]) -> Estimate | None:
        """What remains, or None where nothing is known of any build.

        Args:
            running: the builds under way and the seconds that they have lasted.
        """
        self._jobs = max(self._jobs, len(running))
        spans = {path: self._builds[path].span for path in self._left}
        unknown = self._unknown_span()
        if unknown is None:
            if not spans:
                return Estimate(low=0.0, middle=0.0, high=0.0, known=0, builds=0)
            return None
        scale = self._scale()
        lasted = {path: seconds for path, seconds in running if path in self._left}
        found = []
        for pick in (_low, _middle, _high):
            seconds = {
                path: scale * pick(span) if span is not None else pick(unknown)
                for path, span in spans.items()
            }
            for path, past in lasted.items():
                over = past * _LONGER if pick is not _low else 0.0
                seconds[path] = max(seconds[path] - past, over)
            found.append(self._makespan(seconds, lasted))
        return Estimate(
            low=min(found),
            middle=found[1],
            high=max(found),
            known=sum(span is not None for span in spans.values()),
            builds=len(spans),
        )

    def _give_up(self, derivation: str) -> None:
        """What needs it is not built either."""
        lost = {derivation}
        while lost:
            lost = {path for path in self._left if not lost.isdisjoint(self._builds[path].inputs)}
            self._left -= lost

    def _scale(self) -> float:
        """How much slower this run is than the history; one build's worth of doubt in it."""
        if not self._expected:
            return 1.0
        doubt = mean(self._expected)
        scale = (sum(self._took) + doubt) / (sum(self._expected) + doubt)
        return min(max(scale, _BOUNDS[0]), _BOUNDS[1])

    def _unknown_span(self) -> _Span | None:
        """A guess at builds that were never built before: they are like the others of this run,
        else like all that were ever built."""
        known = [b.span.middle for b in self._builds.values() if b.span is not None]
        pool = sorted(known + self._took_unknown)
        pool = pool or sorted(span.middle for span in self._spans.values())
        return _Span(pool[0], exact_median(pool), pool[-1]) if pool else None

    def _makespan(self, seconds: dict[str, float], running: Mapping[str, float]) -> float:
        """Seconds until all are built, each taking so long, as many at once as there are jobs."""
        waits = {}
        waited_for: dict[str, list[str]] = {}
        for path in seconds:
            inputs = [needed for needed in self._builds[path].inputs if needed in seconds]
            waits[path] = len(inputs)
            for needed in inputs:
                waited_for.setdefault(needed, []).append(path)
        ready = [
            (self._builds[path].name, path)
            for path, count in waits.items()
            if not count and path not in running
        ]
        heapq.heapify(ready)
        ends = [(seconds[path], path) for path in running]
        heapq.heapify(ends)
        now = 0.0
        while ready or ends:
            while ready and len(ends) < self._jobs:
                _, path = heapq.heappop(ready)
                heapq.heappush(ends, (now + seconds[path], path))
            now, path = heapq.heappop(ends)
            for waiting in waited_for.get(path, ()):
                waits[waiting] -= 1
                if not waits[waiting] and waiting not in running:
                    heapq.heappush(ready, (self._builds[waiting].name, waiting))
        return now


def _spans(history: Iterable[Report]) -> dict[tuple[str | None, str], _Span]:
    """(host, name) -> its seconds; host None: on whatever host."""
    by_name: dict[tuple[str | None, str], list[int]] = {}
    for (host, name), seconds in seconds_by_name(history).items():
        by_name[host, name] = seconds
        by_name.setdefault((None, name), []).extend(seconds)
    return {key: _span(sorted(seconds)) for key, seconds in by_name.items()}


def _span(seconds: list[int]) -> _Span:
    """From ascending seconds: the quarters and the median."""
    quarter = len(seconds) // 4
    return _Span(
        low=float(seconds[quarter]),
        middle=median(seconds) + _HALF,
        high=seconds[-1 - quarter] + 2 * _HALF,
    )


def _low(span: _Span) -> float:
    return span.low


def _middle(span: _Span) -> float:
    return span.middle


def _high(span: _Span) -> float:
    return span.high

"""Medians, ratios, and one aligned line a figure.

A figure is compared with an alternative that was measured in the same run: a ratio carries over to
another machine, milliseconds do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_NAME_WIDTH = 58


@dataclass(frozen=True)
class Figure:
    """One measured figure, in seconds or another unit, and what it must not exceed."""

    name: str
    ours: float
    other: float | None
    target: float | None
    """Greatest permitted ours / other."""
    limit: float | None
    """Greatest permitted seconds; of a figure of quality, which is better the higher it is, the
    least."""
    unit: str = "s"
    """"s", or "MB", or "" for a figure of quality."""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.other if self.other else None

    @property
    def met(self) -> bool:
        ratio_met = self.target is None or self.ratio is None or self.ratio <= self.target
        if self.limit is None:
            return ratio_met
        return ratio_met and (self.ours <= self.limit if self.unit else self.ours >= self.limit)

    def __str__(self) -> str:
        parts = [f"{self.name:<{_NAME_WIDTH}} {self._amount(self.ours)}"]
        if self.limit is not None:
            parts.append(f"({'≤' if self.unit else '≥'} {self._amount(self.limit).strip()})")
        if self.other is not None:
            parts.append(f"against {_time(self.other).strip()}: ratio {self.ratio:.3f}")
            if self.target is not None:
                parts.append(f"(≤ {self.target:g})")
        if self.target is not None or self.limit is not None:
            parts.append("met" if self.met else "MISSED")
        return "  ".join(parts)

    def _amount(self, value: float) -> str:
        if self.unit == "s":
            return _time(value)
        return f"{value:7.1f} MB" if self.unit else f"{value:7.3f}   "


figures: list[Figure] = []
"""Every figure reported in this run, in order."""


def median_seconds(
    fn: Callable[[], object], repeat: int = 7, *, before: Callable[[], object] | None = None
) -> float:
    """Median wall seconds of `repeat` calls of `fn`; `before` runs untimed ahead of each."""
    taken = []
    for _ in range(repeat):
        if before is not None:
            before()
        start = time.perf_counter()
        fn()
        taken.append(time.perf_counter() - start)
    return median(taken)


def medians_in_turn(
    *fns: Callable[[], object], repeat: int = 7, before: Callable[[], object] | None = None
) -> list[float]:
    """Median wall seconds of each of `fns`, called in turn, so that whatever else the machine does
    falls on all of them alike; `before` runs untimed ahead of each call."""
    taken: list[list[float]] = [[] for _ in fns]
    for _ in range(repeat):
        for fn, own in zip(fns, taken, strict=True):
            own.append(median_seconds(fn, 1, before=before))
    return [median(own) for own in taken]


def report(
    name: str,
    ours: float,
    other: float | None = None,
    target: float | None = None,
    *,
    limit: float | None = None,
    unit: str = "s",
) -> Figure:
    """Print one figure and keep it.

    Args:
        name: what was measured, and against what.
        ours: seconds.
        other: seconds of the alternative in the same run, if there is one.
        target: the greatest ours / other that meets the goal.
        limit: the greatest `ours` that meets the goal; the least, where `unit` is empty.
        unit: what `ours` is in: "s", "MB", or "" for a figure that is better the higher it is.
    """
    figure = Figure(name, ours, other, target, limit, unit)
    figures.append(figure)
    print(figure, flush=True)
    return figure


def note(text: str) -> None:
    """Print a sentence that belongs to the figures around it, such as why one is missing."""
    print(f"  {text}", flush=True)


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:7.2f} s "
    if seconds >= 0.001:
        return f"{seconds * 1e3:7.1f} ms"
    return f"{seconds * 1e6:7.1f} µs"

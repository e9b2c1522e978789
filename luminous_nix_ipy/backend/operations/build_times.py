"""BUILD_TIMES: how long builds took, from the history that estimates are made of."""

from __future__ import annotations

import asyncio

from ...errors import NotFound
from ...tools.build_history import Report, median, read_history
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..nix_run import history_of
from ..past_model import BuildTimes
from ..validation import Options

OPTIONS: Options = {"last": int}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `last`: only so many names, those that were built last.

    data: `times` (list of BuildTimes, the longest median first), `history` (its file).

    Raises:
        NotFound: no build has ended yet that is remembered.
        NixError: the history cannot be read.
    """
    file = history_of(context.machine)
    by_name: dict[tuple[str, str], list[Report]] = {}
    for report in await asyncio.to_thread(read_history, file):
        by_name.setdefault((report.host, report.name), []).append(report)
    if not by_name:
        raise NotFound(
            "No build is remembered yet.",
            f"The history of builds, {file}, tells of none.",
            ["It is kept by what is built with %nix build, switch and the like."],
        )
    found = sorted(map(_times, by_name.values()), key=lambda times: times.last, reverse=True)
    found = found[: operation.options.get("last")]
    found.sort(key=lambda times: (-times.median_seconds, times.name, times.host))
    return NixResult(True, f"{len(found)} names were built", {"times": found, "history": file})


def _times(reports: list[Report]) -> BuildTimes:
    seconds = sorted(report.seconds for report in reports)
    return BuildTimes(
        name=reports[0].name,
        host=reports[0].host,
        builds=len(reports),
        median_seconds=float(median(seconds)),
        shortest_seconds=float(seconds[0]),
        longest_seconds=float(seconds[-1]),
        last=max(report.ended for report in reports).astimezone(),
    )

"""How true the estimate is: chains and wide graphs of known durations, really built.

Each graph is built twice: the first time makes the history, in the second the estimate at a quarter
of the way is compared with what the rest then really took.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.nix_run import run_nix
from luminous_nix_ipy.backend.progress import Progress, ProgressState
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command
from tests.private_nix import make_machine, package
from tests.provide import nix

from .harness import note, report

_TARGET = 0.3
_QUARTER = 0.25

Graph = dict[str, tuple[float, tuple[str, ...]]]
"""Name -> seconds, and what it needs; what needs the others comes after them."""

_CHAIN: Graph = {
    "a": (1.4, ()),
    "b": (2.2, ("a",)),
    "c": (1.3, ("b",)),
    "d": (3.6, ("c",)),
    "e": (1.7, ("d",)),
    "f": (2.4, ("e",)),
}
_WIDE: Graph = {
    **{name: (1.2 + 0.37 * i, ()) for i, name in enumerate("abcdefghij")},
    "last": (1.1, tuple("abcdefghij")),
}
_BOTH: Graph = {
    "a": (1.6, ()),
    **{name: (1.3 + 0.5 * i, ("a",)) for i, name in enumerate("bcdef")},
    "g": (2.7, ("b", "c")),
    "h": (3.4, ("g",)),
    "last": (1.2, ("d", "e", "f", "h")),
}


def main() -> None:
    programs = nix.find("new") or nix.find("old")
    if programs is None:
        note("There is no Nix, so nothing was built: `make provide` provides one.")
        return
    state_home = os.environ.get("XDG_STATE_HOME")
    root = Path(tempfile.mkdtemp())
    try:
        for name, graph, jobs in (
            ("chain of 6", _CHAIN, 1),
            ("11 builds side by side, 3 at once", _WIDE, 3),
            ("9 builds in 4 steps, 2 at once", _BOTH, 2),
        ):
            folder = root / name.replace(" ", "-")
            os.environ["XDG_STATE_HOME"] = str(folder / "state")
            _measure(name, make_machine(folder, programs), graph, jobs)
    finally:
        os.environ.pop("XDG_STATE_HOME")
        if state_home is not None:
            os.environ["XDG_STATE_HOME"] = state_home
        shutil.rmtree(root)


def _measure(name: str, machine: Machine, graph: Graph, jobs: int) -> None:
    _build(machine, graph, jobs, "first")
    states, took = _build(machine, graph, jobs, "second")
    by_time = next(s for s in states if s.elapsed >= _QUARTER * took)
    by_fraction = next(s for s in states if s.fraction >= _QUARTER)
    for what, state in (("of the time", by_time), ("shown", by_fraction)):
        assert state.remaining is not None and state.work is not None
        rest = took - state.elapsed
        report(f"{name}: error at 25 % {what}", abs(state.remaining - rest), rest, _TARGET)
        found = state.work.estimate
        assert found is not None
        note(
            f"{found.low:.1f} to {found.high:.1f} s, middle {state.remaining:.1f} s, "
            f"by {found.known} of {found.builds} builds; it took {rest:.1f} s"
        )


def _build(
    machine: Machine, graph: Graph, jobs: int, salt: str
) -> tuple[list[ProgressState], float]:
    """What progress told, and how many seconds it took."""
    states: list[ProgressState] = []

    class Painter:
        def draw(self, state: ProgressState) -> None:
            states.append(state)

        close = draw

    progress = Progress(painter=Painter())
    context = Context(machine, progress, direct=True)
    argv = ("nix-build", "--no-out-link", "--max-jobs", str(jobs), "-E", _expression(graph, salt))
    progress.begin("build")
    started = time.monotonic()
    asyncio.run(run_nix(context, Command(argv, "build the graph")))
    took = time.monotonic() - started
    progress.finish("built")
    return states, took


def _expression(graph: Graph, salt: str) -> str:
    """A let-expression, so that each derivation stands in it once."""
    bindings = "".join(
        f"{name} = {package(f'{name}-1.0', salt, needs=needs, script=f'sleep {seconds}')}; "
        for name, (seconds, needs) in graph.items()
    )
    return f"let {bindings}in {list(graph)[-1]}"

"""Closures: sizes against recursive queries, the diff against `nix store diff-closures`."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import ClosureDiff
from luminous_nix_ipy.store import closures, database, versions
from luminous_nix_ipy.store.database import open_database
from tests.private_nix import make_machine
from tests.provide import nix

from . import _synthetic_store
from .harness import median_seconds, medians_in_turn, note, report

GENERATIONS = (40, 3000, 5)
PAIR = (2, 1500, 8)
_NAME = "package2000"

_CLOSURE = (
    "with recursive closure(node) as (select id from ValidPaths where path = ? union"
    " select reference from Refs join closure on referrer = node) "
)
_BYTES = _CLOSURE + "select sum(narSize) from closure join ValidPaths on id = node"
_PATHS = _CLOSURE + "select path, narSize from closure join ValidPaths on id = node"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as folder:
        synthetic(Path(folder))
        for name in ("old", "new"):
            real(Path(folder), name)


def synthetic(folder: Path) -> None:
    """On a database as large as a machine's in use."""
    machine = Machine(state_dir=str(folder / "nix"))
    generations, pair = _synthetic_store.create(machine.database, families=(GENERATIONS, PAIR))
    note(
        f"{_synthetic_store.TOTAL_PATHS:,} paths, {_synthetic_store.TOTAL_REFERENCES:,} references"
    )
    with (
        closing(sqlite3.connect(f"file:{machine.database}?mode=ro", uri=True)) as plain,
        closing(open_database(machine)) as opened,
    ):

        def recursive(query: str, paths: list[str]) -> Callable[[], object]:
            return lambda: [plain.execute(query, (path,)).fetchall() for path in paths]

        first, other = medians_in_turn(
            lambda: opened.sizes(generations),
            recursive(_BYTES, generations),
            before=_forget,
        )
        report("sizes of 40 × 3,000 paths / 40 recursive queries", first, other, 0.6, limit=0.4)
        again = median_seconds(lambda: opened.sizes(generations))
        report("… again", again, limit=0.005)
        first, other = medians_in_turn(
            lambda: opened.packages(generations, {_NAME}),
            recursive(_PATHS, generations),
            before=_forget,
        )
        report("versions of a package in 40 generations / 40 recursive queries", first, other, 0.6)
        _report_diff(machine, pair, recursive(_PATHS, pair), "2 recursive queries")


def real(folder: Path, name: str) -> None:
    """On a private store of real Nix that has the two closures and nothing else."""
    programs = nix.find(name)
    if programs is None:
        note(f"No {name} Nix is here: its `nix store diff-closures` was not measured.")
        return
    machine = make_machine(folder / name, programs)
    text, pair = _synthetic_store.registration(machine.store_dir, PAIR)
    for path in pair:
        Path(path).mkdir()
    environment = machine.child_environment()
    subprocess.run(
        [f"{programs.bin_dir}/nix-store", "--load-db"],
        input=text,
        text=True,
        env=environment,
        check=True,
    )
    command = [f"{programs.bin_dir}/nix", "--extra-experimental-features", "nix-command"]
    command += ["store", "diff-closures", *pair]

    def compare() -> object:
        return subprocess.run(command, env=environment, check=True, capture_output=True)

    version = ".".join(map(str, programs.version))
    _report_diff(machine, pair, compare, f"nix {version} store diff-closures", 0.2)


def _report_diff(
    machine: Machine,
    pair: list[str],
    other: Callable[[], object],
    name: str,
    target: float | None = None,
) -> None:
    def diff() -> ClosureDiff:
        with closing(open_database(machine)) as opened:
            return closures.diff(*map(opened.closure, pair))

    found = diff()
    note(
        f"{found.paths_added:,} of {found.paths_after:,} paths are new, "
        f"{len(found.changes)} changes, {found.rebuilt} rebuilt"
    )
    ours, theirs = medians_in_turn(diff, other, repeat=15, before=_forget)
    report(f"diff of 2 × 1,500 paths / {name}", ours, theirs, target, limit=0.02)
    diff()
    report("… again", median_seconds(diff, 15), limit=0.002)


def _forget() -> None:
    """As in a kernel that has not read these closures, nor their names."""
    database._facts.clear()
    closures._recent.clear()
    versions._split_name.cache_clear()

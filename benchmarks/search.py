"""Searching the lists of a whole channel: how fast, how large, how long to build."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

from luminous_nix_ipy.search_records import IndexKind, IndexSource, PackageEntry
from luminous_nix_ipy.store.index import open_options, open_packages
from luminous_nix_ipy.store.index_build import build_index
from tests.private_nix import make_machine
from tests.provide import nix

from . import _search_data
from .harness import medians_in_turn, note, report
from .search_quality import OUR_QUERIES

_ODD = {
    "one letter": [*"abcdefghijklmnopqrstuvwxyz"],
    "two letters": ["py", "vi", "go", "ho", "ne", "li", "ja", "se"],
    "no match": ["qqzzxxyy", "hjklasdfg", "zzzz yyyy", "xqxqxqxq wvwvwvwv", "ßßßßßß"],
    "many words": ["a tool that can show me what is using my disk", "the fastest web server"],
}
_TREE_SIZE = 2000

_FIRST = """
import sys, time
start = time.perf_counter()
from luminous_nix_ipy.store.index import open_packages
found = open_packages(sys.argv[1]).search("python requests", 20)
print(time.perf_counter() - start)
assert found
"""


def main() -> None:
    lists = _search_data.lists()
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as name:
        folder = Path(name)
        if lists:
            paths = _build(folder, lists)
            _ask(paths)
        else:
            note(_search_data.NOTHING)
        _against_nix_env(folder)


def _build(folder: Path, lists: dict[IndexKind, Path]) -> dict[IndexKind, Path]:
    programs = _search_data.programs(folder)
    paths: dict[IndexKind, Path] = {}
    size = 0.0
    for kind, path in lists.items():
        index = folder / f"{kind}.index"
        arguments = [kind, path, index]
        if kind == "packages" and programs:
            arguments += [programs, *paths.values()]
        paths[kind] = index
        child = [sys.executable, "-m", "benchmarks._search_data", *map(str, arguments)]
        told = json.loads(subprocess.run(child, check=True, capture_output=True).stdout)
        size += told["bytes"]
        report(f"build the index of {path.name}", told["seconds"], limit=20)
        report("  most memory meanwhile", told["memory"] / 1e6, limit=300, unit="MB")
        report("  on disk", told["bytes"] / 1e6, unit="MB")
    report("all indexes on disk", size / 1e6, limit=120, unit="MB")
    return paths


def _ask(paths: dict[IndexKind, Path]) -> None:
    cases = [case for path in OUR_QUERIES.glob("*.json") for case in json.loads(path.read_text())]
    if "packages" in paths:
        index = open_packages(str(paths["packages"]))
        _report_queries(
            "packages", index.search, [c["query"] for c in cases if c["kind"] == "package"]
        )
        first = [_first(paths["packages"]) for _ in range(7)]
        report("first query in a fresh kernel, import included", sorted(first)[3], limit=0.150)
    if "nixos" in paths:
        options = open_options(str(paths["nixos"]))
        _report_queries(
            "options", options.search, [c["query"] for c in cases if c["kind"] == "option"]
        )


def _report_queries(what: str, ask: Callable[[str], object], queries: list[str]) -> None:
    everything = []
    for group, chosen in {"what people type": queries, **_ODD}.items():
        times = [_best_of_three(ask, query) for query in chosen]
        everything += times
        cuts = quantiles(times, n=20)
        middle, slow = cuts[9] * 1e3, cuts[18] * 1e3
        note(f"{what}, {group} ({len(times)}): p50 {middle:.1f} ms, p95 {slow:.1f} ms")
    cuts = quantiles(everything, n=20)
    report(f"a query of {what}, warm: p50", cuts[9], limit=0.005)
    report(f"a query of {what}, warm: p95", cuts[18], limit=0.015)


def _best_of_three(ask: Callable[[str], object], query: str) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - start)
    return sorted(times)[1]


def _first(path: Path) -> float:
    child = [sys.executable, "-c", _FIRST, str(path)]
    return float(subprocess.run(child, check=True, capture_output=True, text=True).stdout)


def _against_nix_env(folder: Path) -> None:
    """A small tree of packages, asked by `nix-env -qaP`, and by us."""
    programs = nix.find("old")
    if programs is None:
        note("No Nix is here: `nix-env -qaP` was not measured.")
        return
    machine = make_machine(folder / "machine", programs)
    tree = folder / "tree.nix"
    tree.write_text(
        'builtins.listToAttrs (builtins.genList (n: rec { name = "package${toString n}"; value ='
        ' derivation { name = "${name}-1.${toString n}"; system = builtins.currentSystem;'
        f' builder = "/bin/sh"; meta.description = "Thing number ${{toString n}}"; }}; }})'
        f" {_TREE_SIZE})"
    )
    argv = [f"{programs.bin_dir}/nix-env", "-f", str(tree), "-qaP", ".*package77.*"]
    path = str(folder / "tree.index")
    entries = (
        PackageEntry(
            attribute=f"package{n}",
            pname=f"package{n}",
            version=f"1.{n}",
            description=f"Thing number {n}",
        )
        for n in range(_TREE_SIZE)
    )
    build_index(path, IndexSource(name="tree", kind="packages", origin=str(tree)), entries)

    def theirs() -> object:
        return subprocess.run(
            argv, env=machine.child_environment(), check=True, capture_output=True
        )

    def ours() -> object:
        index = open_packages(path)
        found = index.search("package77", 50)
        index.close()
        return found

    assert len(ours()) >= 11 and b"package77 " in theirs().stdout
    mine, other = medians_in_turn(ours, theirs)
    report(f"search {_TREE_SIZE:,} packages / nix-env -qaP", mine, other, 0.1)

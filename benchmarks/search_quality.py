"""How good the answers of a search are: success@1, success@5 and mean reciprocal rank.

    python -m benchmarks.search_quality [QUERIES.json …] [--data FOLDER] [--indexes FOLDER]
                                        [--show N]

QUERIES.json is a list of {"query", "kind": "package" | "option", "accept": [names]}: a query, and
the attributes or options of which any one is a good answer. Success@n is the share of the queries
that have one among the first n answers; the reciprocal rank of a query is 1 / the place of its
first good answer, 0 if there is none among the first 50. An option is looked for in the lists
(NixOS's, home-manager's) that have one of the accepted names, each by itself, as users choose where
they look. `--data` is the folder of the lists (`_search_data`).

Without a file, our own set is scored (`search_queries/`). A query belongs to the held-out part if
the first byte of the SHA-256 of "<kind> <query>" is odd. That was so before anything was tuned;
weights, aliases and rules were chosen by the rest: `tuned.json`, and `tuned_later.json`, which was
written to be harder, mostly of descriptions. Of the held-out part only the sums were looked at,
some sixteen times. `checked.json` was written afterwards, to see whether a change that helps the
tuned parts helps others too, before the held-out part is asked; two groups of aliases were taken
from it since, and later rules and weights for packages were kept where none of these three lost by
them. `held_out_2.json`, packages alone, was written before that, from what people type and from the
list itself, without asking the search; its sum was looked at four times. `held_out_3.json`,
packages again, was written in the same way by somebody who had seen neither the search nor any of
these queries, and scored once, after the last change. No part has a query of another.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from luminous_nix_ipy.search_records import IndexKind
from luminous_nix_ipy.store.index import OptionIndex, PackageIndex, open_options, open_packages

from . import _search_data
from .harness import note, report

OUR_QUERIES = Path(__file__).parent / "search_queries"
_DEEPEST = 50
_LEAST = {"package": 0.85, "option": 0.8}

Ask = Callable[[str, set[str]], int]
"""(query, accepted names) -> the place of the first good answer, from 1; 0 if there is none."""


class Quality(NamedTuple):
    """What a set of queries got."""

    queries: int
    first: float
    first_five: float
    mean_reciprocal_rank: float

    def __str__(self) -> str:
        return (
            f"{self.queries:4} queries   success@1 {self.first:.3f}   "
            f"success@5 {self.first_five:.3f}   MRR {self.mean_reciprocal_rank:.3f}"
        )


def quality(places: list[int]) -> Quality:
    """From the place of each query's first good answer, 0 where there is none."""
    count = len(places)
    return Quality(
        count,
        sum(place == 1 for place in places) / count,
        sum(0 < place <= 5 for place in places) / count,
        sum(1 / place for place in places if place) / count,
    )


def package_asker(index: PackageIndex) -> Ask:
    """Ask an index of packages."""

    def ask(query: str, accept: set[str]) -> int:
        hits = index.search(query, _DEEPEST)
        return _place([hit.entry.attribute for hit in hits], accept)

    return ask


def option_asker(indexes: Iterable[OptionIndex]) -> Ask:
    """Ask the indexes of options that know an accepted name; the best place counts."""
    opened = list(indexes)

    def ask(query: str, accept: set[str]) -> int:
        places = []
        for index in opened:
            if any(index.find(name) for name in accept):
                names = [hit.entry.name for hit in index.search(query, _DEEPEST)]
                places.append(_place(names, accept))
        return min((place for place in places if place), default=0)

    return ask


def score(cases: list[dict[str, Any]], askers: dict[str, Ask], show: int = 0) -> dict[str, Quality]:
    """The quality for each kind of query; prints the queries whose answer is not in the first
    `show` places, if `show` is not 0."""
    found = {}
    for kind, ask in askers.items():
        places = []
        for case in cases:
            if case["kind"] != kind:
                continue
            place = ask(case["query"], set(case["accept"]))
            places.append(place)
            if show and not 0 < place <= show:
                print(f"    {place or '–':>3}  {case['query']}  ({', '.join(case['accept'][:4])})")
        if places:
            found[kind] = quality(places)
    return found


def open_askers(folder: Path, data: str | None = None) -> dict[str, Ask]:
    """Build the indexes that are not in `folder` yet, and open them."""
    paths: dict[IndexKind, Path] = {}
    for kind, path in _search_data.lists(data).items():
        index = folder / f"{path.name}.index"
        if not index.exists():
            programs = _search_data.programs(folder, data) if kind == "packages" else None
            _search_data.build(kind, path, index, programs, paths.values())
        paths[kind] = index
    askers: dict[str, Ask] = {}
    if "packages" in paths:
        askers["package"] = package_asker(open_packages(str(paths.pop("packages"))))
    if paths:
        askers["option"] = option_asker([open_options(str(path)) for path in paths.values()])
    return askers


def main() -> None:
    """Report the quality of our own queries."""
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as folder:
        askers = open_askers(Path(folder))
        if not askers:
            note(_search_data.NOTHING)
        for part in ("tuned", "tuned_later", "checked", "held_out", "held_out_2", "held_out_3"):
            cases = json.loads((OUR_QUERIES / f"{part}.json").read_text())
            for kind, found in score(cases, askers).items():
                note(f"{part}, {kind}s: {found}")
                if part.startswith("held_out"):
                    name = f"mean reciprocal rank of {kind}s, {part}"
                    report(name, found.mean_reciprocal_rank, limit=_LEAST[kind], unit="")


def command(arguments: list[str]) -> int:
    """Score the files that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search_quality")
    parser.add_argument("queries", nargs="*", type=Path)
    parser.add_argument("--data", help=f"the folder of lists; else ${_search_data.VARIABLE}")
    parser.add_argument("--indexes", type=Path, help="where indexes are kept for the next time")
    parser.add_argument("--show", type=int, default=0, help="print queries with no answer so early")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as temporary:
        askers = open_askers(chosen.indexes or Path(temporary), chosen.data)
        if not askers:
            print(_search_data.NOTHING)
            return 2
        for path in chosen.queries or sorted(OUR_QUERIES.glob("*.json")):
            print(path.stem)
            cases = json.loads(path.read_text())
            for kind, found in score(cases, askers, chosen.show).items():
                print(f"  {kind:8} {found}")
    return 0


def _place(names: list[str], accept: set[str]) -> int:
    return next((place for place, name in enumerate(names, 1) if name in accept), 0)


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))

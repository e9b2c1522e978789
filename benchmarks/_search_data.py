"""Real lists of packages and options, and the indexes of them, for what is measured at full size.

The lists are looked for in the folder that LUMINOUS_NIX_BENCHMARK_DATA names: `packages-*.json`,
`options-nixos-*.json`, `options-home-manager.json` and `programs.sqlite`, as they are or packed
(`.zst`, which needs the package zstandard). Of several the one whose name sorts last is taken.

`python -m benchmarks._search_data KIND LIST TARGET [PROGRAMS [OPTIONS …]]` builds one index and
prints, as JSON, the seconds, the bytes of the index and the most bytes of memory that the process
had. PROGRAMS and OPTIONS, the database of programs and indexes of options, are for packages.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from luminous_nix_ipy.search_records import IndexFacts, IndexKind, IndexSource
from luminous_nix_ipy.store.index_build import build_index
from luminous_nix_ipy.store.index_named import named_packages
from luminous_nix_ipy.store.option_list import read_options
from luminous_nix_ipy.store.package_list import read_packages
from luminous_nix_ipy.store.program_list import read_programs

VARIABLE = "LUMINOUS_NIX_BENCHMARK_DATA"
NOTHING = f"There are no lists: set {VARIABLE} to the folder that has them."
_PROGRAMS = "programs.sqlite"
_NAMES: dict[IndexKind, str] = {
    "nixos": "options-nixos-*.json",
    "home-manager": "options-home-manager.json",
    "packages": "packages-*.json",
}


def lists(folder: str | None = None) -> dict[IndexKind, Path]:
    """The lists that are there; packages last, into whose index goes what the others tell."""
    found = {kind: _find(folder, name) for kind, name in _NAMES.items()}
    return {kind: path for kind, path in found.items() if path is not None}


def programs(target: Path, folder: str | None = None) -> Path | None:
    """The database of programs, unpacked into the folder `target` if need be."""
    path = _find(folder, _PROGRAMS)
    if path is None or path.suffix != ".zst":
        return path
    with opened(path) as packed, open(target / _PROGRAMS, "wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return target / _PROGRAMS


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file, unpacked."""
    with open(path, "rb") as file:
        if path.suffix != ".zst":
            yield file
            return
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(file) as unpacked:
            yield cast(BinaryIO, unpacked)


def build(
    kind: IndexKind,
    path: Path,
    target: Path,
    programs: Path | None = None,
    options: Iterable[Path] = (),
) -> IndexFacts:
    """Index a list; packages with what the database of programs and indexes of options tell."""
    source = IndexSource(name=path.name, kind=kind, origin=str(path))
    with opened(path) as file:
        if kind == "packages":
            known = read_programs(str(programs)) if programs else None
            named = set().union(*(named_packages(str(index)) for index in options))
            entries = read_packages(file, programs=known)
            return build_index(str(target), source, entries, named=named)
        return build_index(str(target), source, read_options(file, kind))


def _find(folder: str | None, name: str) -> Path | None:
    folder = folder or os.environ.get(VARIABLE)
    if not folder:
        return None
    fitting = [*Path(folder).glob(name), *Path(folder).glob(f"{name}.zst")]
    return max(fitting, key=lambda path: path.name.removesuffix(".zst"), default=None)


def _measure(kind: str, path: str, target: str, programs: str | None = None, *options: str) -> None:
    start = time.perf_counter()
    facts = build(
        cast(IndexKind, kind),
        Path(path),
        Path(target),
        Path(programs) if programs else None,
        map(Path, options),
    )
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "bytes": facts.bytes, "memory": memory}))


if __name__ == "__main__":
    _measure(*sys.argv[1:])

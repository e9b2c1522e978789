"""Run the benchmarks that are named, or all of them; exit 1 when a target is missed."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

from . import harness


def main(names: list[str]) -> int:
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}.", file=sys.stderr)
        return 2
    for name in names or found:
        if name.startswith("__"):
            continue
        run = getattr(importlib.import_module(f"benchmarks.{name}"), "main", None)
        if run is not None:
            print(f"\n{name}")
            run()
    missed = [figure for figure in harness.figures if not figure.met]
    print(f"\n{len(harness.figures)} figures, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

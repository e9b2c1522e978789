"""WHY: why one path needs another, by the shortest chains of references."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Iterable
from contextlib import closing

from ...errors import NotFound, Refused, did_you_mean
from ...store.database import open_database
from ...store.versions import parse_name
from ...store.why import shortest_chains
from ..context import Context
from ..model import NixOperation, NixResult
from ..validation import Options
from .diff import names_a_generation, store_path

OPTIONS: Options = {"profile": str, "path": (str, int), "needs": (str, int)}


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `path`, and `needs`: what it needs; both as the sides of a DIFF, `needs` also the
    name of a package in the closure, with its version or without; `profile`.

    data: `chains` (Chains), or None where `path` does not need it; `path`; `needs`.
    """
    options = operation.options
    side, needs = options.get("path"), options.get("needs")
    if side is None or needs is None:
        raise Refused("Two things are asked for.", "", ["%nix why current glibc"])
    path = await store_path(context, side, options.get("profile"))

    def read() -> dict[str, list[str]]:
        with closing(open_database(context.machine)) as database:
            return database.graph(path)

    graph = await asyncio.to_thread(read)
    targets = _named(graph, str(needs))
    if not targets:
        try:
            targets = [await store_path(context, needs, options.get("profile"))]
        except NotFound:
            if names_a_generation(needs) or "/" in str(needs):
                raise
            raise _no_package(graph, path, str(needs)) from None
    chains = await asyncio.to_thread(shortest_chains, graph, path, targets)
    message = "needs it" if chains else "does not need it"
    return NixResult(True, message, {"chains": chains, "path": path, "needs": targets[0]})


def _named(paths: Iterable[str], name: str) -> list[str]:
    return [path for path in paths if name in _names(path)]


def _names(path: str) -> tuple[str, str]:
    whole = os.path.basename(path)[33:]
    return whole, parse_name(whole)[0]


def _no_package(graph: Iterable[str], path: str, name: str) -> NotFound:
    known = sorted({_names(member)[1] for member in graph})
    close = difflib.get_close_matches(name, known, n=3)
    return NotFound(
        f"There is no package {name} in the closure of {path}.",
        "",
        [
            *did_you_mean(close),
            "Give a name, a generation, a store path, or a link such as ./result.",
        ],
    )

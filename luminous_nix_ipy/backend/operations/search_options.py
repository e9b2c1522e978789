"""SEARCH_OPTIONS: options of NixOS, home-manager and nix-darwin that answer a query."""

from __future__ import annotations

import asyncio

from ...errors import Refused
from ...machine import Machine
from ..context import Context
from ..index_model import Source
from ..indexes import option_indexes
from ..model import NixOperation, NixResult
from ..search_model import OPTION_KINDS, FoundOption
from ..searching import limit_of, prepare, told_of, words_of
from ..validation import Options

OPTIONS: Options = {"exact": bool, "limit": int, "kind": str}


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """`packages`: the words, in any order. Options: `exact`: of this very name; `limit` (20);
    `kind`: nixos, home-manager or darwin; by default all that there are.

    data: `results` (list of FoundOption, best first), `notes` (tuple of str: how old the indexes
    are), `close` (list of str: what may have been meant, where nothing was found).
    """
    words = words_of(operation)
    kind = operation.options.get("kind")
    if kind is not None and kind not in OPTION_KINDS:
        raise Refused(f"There are no {kind!r} options.", f"There are {', '.join(OPTION_KINDS)}.")
    await prepare(context)
    sources, found, close = await asyncio.to_thread(_search, context.machine, words, operation)
    return NixResult(
        success=True,
        message=f"{len(found)} option{'' if len(found) == 1 else 's'} found",
        data={"results": found, "notes": await told_of(context, sources), "close": close},
    )


def _search(
    machine: Machine, words: str, operation: NixOperation
) -> tuple[list[Source], list[FoundOption], list[str]]:
    kind, limit = operation.options.get("kind"), limit_of(operation)
    indexes = option_indexes(machine, (kind,) if kind else ())
    found = [
        FoundOption(entry=hit.entry, score=hit.score, matched=hit.matched)
        for _, index in indexes
        for hit in index.search(words, limit, exact=bool(operation.options.get("exact")))
    ]
    found.sort(key=lambda option: -option.score)
    close = [] if found else [n for _, index in indexes for n in index.close_names(words, 3)]
    return [source for source, _ in indexes], found[:limit], close

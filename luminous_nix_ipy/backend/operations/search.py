"""SEARCH: packages that answer a query, from an index; Nix is not asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ...machine import Machine
from ...search_records import PackageEntry, SearchHit
from ...store.holders import Installed, installed_packages
from ..context import Context
from ..index_model import Source
from ..indexes import package_index
from ..model import NixOperation, NixResult
from ..search_model import FoundPackage
from ..searching import close_packages, limit_of, prepare, told_of, words_of
from ..validation import Options

OPTIONS: Options = {
    "exact": bool,
    "limit": int,
    "channel": str,
    "flake": str,
    "installed": bool,
    "license": str,
    "program": str,
}


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """`packages`: the words, in any order.

    Options: `exact`: of this very name; `limit` (20); `channel`, `flake`: in the index of it;
    `installed`, `license` (a part of its name), `program` (a command): only such.

    data: `results` (list of FoundPackage, best first), `index` (str), `notes` (tuple of str: how
    old the index is), `close` (list of str: what may have been meant, where nothing was found).
    """
    words = words_of(operation, needed=not operation.options.get("program"))
    await prepare(context)
    source, found = await asyncio.to_thread(_search, context.machine, words, operation)
    close = [] if found else await asyncio.to_thread(close_packages, context.machine, words)
    return NixResult(
        success=True,
        message=f"{len(found)} package{'' if len(found) == 1 else 's'} found",
        data={
            "results": found,
            "index": source.name,
            "notes": await told_of(context, [source]),
            "close": close,
        },
    )


def _search(
    machine: Machine, words: str, operation: NixOperation
) -> tuple[Source, list[FoundPackage]]:
    options = operation.options
    source, index = package_index(machine, options.get("channel"), options.get("flake"))
    installed = installed_packages(machine)
    keep, limit = _filter(options, installed), limit_of(operation)
    if words:
        hits = index.search(words, limit, exact=bool(options.get("exact")), keep=keep)
    else:
        listed = index.with_program(options["program"], limit)
        hits = [SearchHit(e, 1.0, "program") for e in listed if keep is None or keep(e)]
    return source, [_found(hit, installed) for hit in hits]


def _found(hit: SearchHit[PackageEntry], installed: Installed) -> FoundPackage:
    entry = hit.entry
    return FoundPackage(
        entry=entry,
        score=hit.score,
        matched=hit.matched,
        installed=installed.holders(entry.attribute, entry.pname),
    )


def _filter(options: dict[str, Any], installed: Installed) -> Callable[[PackageEntry], bool] | None:
    """Which packages are wanted; None: all."""
    tests: list[Callable[[PackageEntry], bool]] = []
    if options.get("installed"):
        tests.append(lambda entry: bool(installed.holders(entry.attribute, entry.pname)))
    if options.get("license"):
        wanted = options["license"].lower()
        tests.append(lambda entry: any(wanted in name.lower() for name in entry.licenses))
    if options.get("program"):
        command = options["program"]
        tests.append(lambda entry: command == entry.main_program or command in entry.programs)
    return (lambda entry: all(test(entry) for test in tests)) if tests else None

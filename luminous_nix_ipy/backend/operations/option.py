"""OPTION: one option in full, with what this machine's configuration gives it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from ...errors import NotFound, Refused, did_you_mean
from ...machine import Machine
from ...search_records import Declaration, IndexSource, OptionEntry
from ..context import Context
from ..index_model import Source
from ..indexes import option_indexes
from ..model import NixOperation, NixResult
from ..option_value import Value, evaluate_option, find_option
from ..search_model import OPTION_KINDS, OptionFacts
from ..searching import prepare, told_of
from ..validation import Options

OPTIONS: Options = {"name": str, "kind": str, "value": bool}

_COMMIT = re.compile(r"(?:^|\.)([0-9a-f]{7,40})$")
_NIXPKGS = "https://github.com/NixOS/nixpkgs/blob"


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `name`; `kind`: nixos, home-manager or darwin; `value`: False leaves out what the
    configuration gives it, which is evaluated.

    data: `option` (OptionFacts), `notes` (tuple of str: how old the index is).
    """
    name, kind = (operation.options.get("name") or "").strip(), operation.options.get("kind")
    if not name:
        raise Refused("Which option is meant is not said.", "", ["%nix option networking.hostName"])
    if kind is not None and kind not in OPTION_KINDS:
        raise Refused(f"There are no {kind!r} options.", f"There are {', '.join(OPTION_KINDS)}.")
    await prepare(context)
    source, about, entry = await asyncio.to_thread(_find, context.machine, name, kind)
    value = Value(problem="It was not asked for.")
    if operation.options.get("value") is not False:
        context.progress.update(f"evaluating {name}")
        value = await _value(context, entry, name)
    facts = OptionFacts(
        entry=entry,
        index=source.name,
        links=tuple(_links(entry.declared, about)),
        value=value.value,
        has_value=value.there,
        value_problem=value.problem,
    )
    notes = await told_of(context, [source])
    return NixResult(True, entry.name, {"option": facts, "notes": notes})


async def _value(context: Context, entry: OptionEntry, name: str) -> Value:
    if entry.kind != "nixos":
        return Value(problem=f"What a configuration of {entry.kind} gives it is not evaluated.")
    return await evaluate_option(context, name)


def _find(machine: Machine, name: str, kind: str | None) -> tuple[Source, IndexSource, OptionEntry]:
    indexes = option_indexes(machine, (kind,) if kind else ())  # type: ignore[arg-type]
    for source, index in indexes:
        entry = find_option(index, name)
        if entry is not None:
            return source, index.facts.source, entry
    close = [near for _, index in indexes for near in index.close_names(name, 3)]
    raise NotFound(
        f"There is no option {name!r} in {', '.join(source.name for source, _ in indexes)}.",
        "",
        [*did_you_mean(close[:3]), f"Search: %nix options {name.replace('.', ' ')}"],
    )


def _links(
    declared: tuple[Declaration, ...], source: IndexSource
) -> Iterator[tuple[str, str | None]]:
    """Each file with its address: what the list itself says, else nixpkgs at the commit of it."""
    commit = _COMMIT.search(source.revision or "")
    at = commit[1] if commit else source.channel or "master"
    for file in declared:
        name = file.name.strip("<>").removeprefix("nixpkgs/")
        url = file.url
        if url is None and name.startswith("nixos/"):
            url = f"{_NIXPKGS}/{at}/{name}"
        safe = url is not None and url.startswith(("https://", "http://"))
        yield name, url if safe else None

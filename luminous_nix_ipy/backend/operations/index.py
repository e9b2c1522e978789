"""INDEX: which lists are searched, and keeping them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...errors import NixError, NotFound, Refused, did_you_mean
from ..context import Context
from ..index_model import Source, Updated
from ..index_sources import add_sources, find_sources, forget_sources, parse_source
from ..indexing import index_states, remove_index, update_indexes
from ..model import NixOperation, NixResult
from ..validation import Options

OPTIONS: Options = {
    "action": str,
    "names": (list, tuple),
    "source": str,
    "name": str,
    "kind": str,
    "sha256": str,
}

ACTIONS = ("status", "update", "add", "remove")


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `action` (status): update brings the sources called `names` up to date, all where
    there are none; add takes `source`, `name`, `kind` and `sha256` (see `parse_source`) and brings
    it up to date; remove forgets those called `names`, and what is here of them. `kind`: of this
    kind alone.

    data: `indexes` (list of IndexState), `updated` (list of Updated).
    """
    options = operation.options
    action = options.get("action") or "status"
    if action not in ACTIONS:
        raise Refused(f"There is no {action!r}.", f"There is {', '.join(ACTIONS)}.")
    machine = context.machine
    updated: list[Updated] = []
    if action == "update":
        chosen = await asyncio.to_thread(_chosen, context, operation, all_of_them=True)
        updated = await update_indexes(context, chosen)
    elif action == "add":
        if not options.get("source"):
            raise Refused("What to add is not said.", "", ["%nix index add nixos-unstable"])
        new = parse_source(
            options["source"], options.get("name"), options.get("kind"), options.get("sha256")
        )
        updated = await update_indexes(context, new)
        if all(done.outcome == "failed" for done in updated):
            await asyncio.to_thread(_forget_unknown, context, new)
        else:
            await asyncio.to_thread(add_sources, machine, new)
    elif action == "remove":
        chosen = await asyncio.to_thread(_chosen, context, operation, all_of_them=False)
        await asyncio.to_thread(forget_sources, machine, chosen)
        for source in chosen:
            await asyncio.to_thread(remove_index, machine, source)
    failed = [done for done in updated if done.outcome == "failed"]
    if failed and len(failed) == len(updated):
        raise NixError(
            f"{', '.join(dict.fromkeys(done.source.name for done in failed))}: no index was made.",
            "\n".join(dict.fromkeys(done.message for done in failed)),
            ["What was there before is kept.", "Give another source: %nix index add URL or PATH"],
        )
    states = await asyncio.to_thread(index_states, machine)
    there = sum(state.there for state in states)
    return NixResult(
        success=True,
        message=f"{there} of {len(states)} indexes are here",
        data={"indexes": states, "updated": updated},
    )


def _forget_unknown(context: Context, sources: Sequence[Source]) -> None:
    """Leave nothing of what could not be had, and was not there before."""
    known = {(source.name, source.kind) for source in find_sources(context.machine)}
    for source in sources:
        if (source.name, source.kind) not in known:
            remove_index(context.machine, source)


def _chosen(context: Context, operation: NixOperation, *, all_of_them: bool) -> list[Source]:
    """The sources that were named.

    Raises:
        Refused: none was, and not all may be meant.
        NotFound: there is none of a name.
    """
    names, kind = list(operation.options.get("names") or ()), operation.options.get("kind")
    sources = [s for s in find_sources(context.machine) if kind in (None, s.kind)]
    if not names:
        if not all_of_them:
            raise Refused("Which to remove is not said.", "", ["See what there is: %nix index"])
        return sources
    known = list(dict.fromkeys(source.name for source in sources))
    for name in names:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=2)
            raise NotFound(
                f"There is no index {name!r}.",
                f"There is {', '.join(known)}." if known else "",
                did_you_mean(near) + ([f"Add it: %nix index add {name}"] if all_of_them else []),
            )
    return [source for source in sources if source.name in names]

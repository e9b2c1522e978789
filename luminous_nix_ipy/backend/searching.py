"""What the operations that search have in common."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable, Iterable

from ..errors import NixError, Refused
from ..machine import Machine
from ..store.holders import installed_stamp
from .context import Context
from .index_model import IndexState, Source
from .index_sources import find_sources
from .indexes import package_indexes, stamps
from .indexing import index_path, index_state, update_indexes
from .model import NixOperation
from .refreshing import refresh

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 10_000


def words_of(operation: NixOperation, *, needed: bool = True) -> str:
    """The words that were given.

    Raises:
        Refused: there are none.
    """
    words = " ".join(operation.packages).strip()
    if needed and not words:
        raise Refused("There are no words to search for.", "", ["For example: %nix search editor"])
    return words


def limit_of(operation: NixOperation) -> int:
    """How many answers are wanted."""
    return min(operation.options.get("limit") or DEFAULT_LIMIT, LARGEST_LIMIT)


async def prepare(context: Context) -> None:
    """Make a playground's own indexes, where they are not there: they are small."""
    if context.machine.playground is not None:
        await update_indexes(context, await asyncio.to_thread(_not_here, context.machine))


def _not_here(machine: Machine) -> list[Source]:
    return [s for s in find_sources(machine) if not os.path.exists(index_path(machine, s))]


def token(context: Context, operation: NixOperation) -> Hashable:
    """What a remembered answer rests on."""
    return context.machine, stamps(context.machine), installed_stamp(context.machine)


async def told_of(context: Context, sources: Iterable[Source]) -> tuple[str, ...]:
    """Sentences about the indexes that were asked: how old they are, and what is being done about
    it."""
    machine = context.machine
    asked = await asyncio.to_thread(lambda: [index_state(machine, s) for s in sources])
    refreshed = refresh(machine, asked)
    notes = [describe_age(state) for state in asked if state.there]
    if refreshed:
        notes.append(f"{', '.join(refreshed)}: being brought up to date beside this.")
    for state in asked:
        if state.problem and state.stale:
            notes.append(f"{state.source.name} could not be brought up to date: {state.problem}")
    return tuple(notes)


def describe_age(state: IndexState) -> str:
    """How old an index is, in a sentence."""
    days = state.age_days
    if days is None:
        return f"There is no index of {state.source.name} yet."
    when = "today" if days < 1 else "yesterday" if days < 2 else f"{days:.0f} days ago"
    kind = "" if state.source.kind == "packages" else f" ({state.source.kind})"
    return f"Index of {state.source.name}{kind}: last found to be the newest {when}."


def close_packages(machine: Machine, name: str, count: int = 3) -> list[str]:
    """Packages that may have been meant by a name that there is not; none where no index tells."""
    attribute = name.partition("#")[2] or name
    try:
        for _, index in package_indexes(machine)[:1]:
            return [near for near in index.close_names(attribute, count) if near != attribute]
    except NixError:
        pass
    return []

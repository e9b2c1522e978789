"""The operations that the backend serves: one file each, with the options it takes.

Each module has `OPTIONS` (name → type of the value) and `run(context, operation, plan)`; those that
change something also have `plan(context, operation)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ..context import Context
from ..model import NixOperation, NixResult, OperationType
from ..validation import Options
from . import collect, delete, diff, listing, note, optimise, rollback, roots, status, undo


class Served(NamedTuple):
    """How one operation is served."""

    options: Options
    run: Callable[[Context, NixOperation, Any], Awaitable[NixResult]]
    """Its third argument is the plan that was agreed to, of the type that `plan` makes, or None."""
    plan: Callable[[Context, NixOperation], Awaitable[Any]] | None = None


SERVED: dict[OperationType, Served] = {
    OperationType.LIST_GENERATIONS: Served(listing.OPTIONS, listing.run),
    OperationType.DIFF: Served(diff.OPTIONS, diff.run),
    OperationType.STATUS: Served(status.OPTIONS, status.run),
    OperationType.NOTE: Served(note.OPTIONS, note.run),
    OperationType.ROLLBACK: Served(rollback.OPTIONS, rollback.run, rollback.plan),
    OperationType.UNDO: Served(undo.OPTIONS, undo.run, undo.plan),
    OperationType.GARBAGE_COLLECT: Served(collect.OPTIONS, collect.run, collect.plan),
    OperationType.DELETE_GENERATIONS: Served(delete.OPTIONS, delete.run, delete.plan),
    OperationType.OPTIMISE: Served(optimise.OPTIONS, optimise.run, optimise.plan),
    OperationType.ROOTS: Served(roots.OPTIONS, roots.run),
}

"""The operations that the backend serves: one file each, with the options it takes.

Each module has `OPTIONS` (name → type of the value) and `run(context, operation, plan)`; those that
change something also have `plan(context, operation)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ..context import Context
from ..model import NixOperation, NixResult, OperationType, Plan
from ..validation import Options
from . import diff, listing, note, rollback, status, undo


class Served(NamedTuple):
    """How one operation is served."""

    options: Options
    run: Callable[[Context, NixOperation, Plan | None], Awaitable[NixResult]]
    plan: Callable[[Context, NixOperation], Awaitable[Plan]] | None = None


SERVED: dict[OperationType, Served] = {
    OperationType.LIST_GENERATIONS: Served(listing.OPTIONS, listing.run),
    OperationType.DIFF: Served(diff.OPTIONS, diff.run),
    OperationType.STATUS: Served(status.OPTIONS, status.run),
    OperationType.NOTE: Served(note.OPTIONS, note.run),
    OperationType.ROLLBACK: Served(rollback.OPTIONS, rollback.run, rollback.plan),
    OperationType.UNDO: Served(undo.OPTIONS, undo.run, undo.plan),
}

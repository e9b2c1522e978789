"""CHECK: look whether what makes an exercise right is so."""

from __future__ import annotations

from ..conditions import look
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..validation import Options

OPTIONS: Options = {"conditions": tuple, "values": dict}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `conditions` (of `Exercise`), `values`: the variables of the notebook by name.

    data: `seen` (tuple of Seen), one for each condition.
    """
    options = operation.options
    seen = await look(context, options["conditions"], options.get("values") or {})
    right = sum(row.right for row in seen)
    return NixResult(True, f"{right} of {len(seen)} are right", {"seen": seen})

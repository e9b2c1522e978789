"""INSTALLED: what is in a user's profile."""

from __future__ import annotations

import asyncio

from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..validation import Options
from .packages import read_manifest_of

OPTIONS: Options = {"profile": str}


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """What the manifest of a profile holds; starts no process.

    Options: `profile`, by default the user's own. data: `manifest` (Manifest).
    """
    manifest = await asyncio.to_thread(read_manifest_of, context, operation.options.get("profile"))
    count = len(manifest.packages)
    return NixResult(
        success=True,
        message=f"{count} package{'' if count == 1 else 's'} installed.",
        data={"manifest": manifest},
    )

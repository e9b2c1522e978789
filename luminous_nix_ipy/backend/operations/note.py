"""NOTE: read, write or remove the user's note on a generation."""

from __future__ import annotations

import asyncio

from ...notes import write_note
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..targets import choose
from ..validation import Options

OPTIONS: Options = {"profile": str, "generation": int, "note": str}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `generation` (the current one where it is not given) and `note`: text writes it, ""
    removes it, without it the note is only read.

    data: `generation` (Generation, with the note as it is now), `profile`.
    """
    options = operation.options
    profile = context.profile(options.get("profile"))
    generations = await context.generations(profile)
    number = options.get("generation")
    if number is None:
        number = next((g.number for g in generations if g.current), 0)
    target = choose(generations, number=number)
    note = options.get("note")
    if note is None or operation.dry_run:
        return NixResult(True, target.note or "no note", {"generation": target, "profile": profile})
    await asyncio.to_thread(
        write_note, context.machine, profile.path, target.number, target.path or "", note
    )
    import msgspec

    target = msgspec.structs.replace(target, note=note or None)
    done = f"Noted on generation {target.number}." if note else f"No note on {target.number} now."
    return NixResult(True, done, {"generation": target, "profile": profile})

"""NOTE: read, write or remove the user's note on a generation, and keep the generation's path."""

from __future__ import annotations

import asyncio
import os

from msgspec.structs import replace

from ...errors import NotFound
from ...notes import write_note
from ...records import Command, Generation, Profile
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..privileges import gc_root_needs_root
from ..roots import kept_paths, make_root, note_root, note_roots
from ..targets import choose
from ..validation import Options

OPTIONS: Options = {"profile": str, "generation": int, "note": str, "keep": bool}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `generation` (the current one where it is not given); `note`: text writes it, ""
    removes it, without it the note is only read; `keep`: True makes a gc root for the generation's
    path, False removes that root.

    data: `generation` (Generation, with note and kept as they are now), `profile`.
    """
    options = operation.options
    profile = context.profile(options.get("profile"))
    generations = await context.generations(profile)
    number = options.get("generation")
    if number is None:
        number = next((g.number for g in generations if g.current), 0)
    target = choose(generations, number=number)
    note, keep = options.get("note"), options.get("keep")
    if operation.dry_run or (note is None and keep is None):
        return NixResult(True, target.note or "no note", {"generation": target, "profile": profile})
    done = []
    if note is not None:
        await asyncio.to_thread(
            write_note, context.machine, profile.path, target.number, target.path or "", note
        )
        target = replace(target, note=note or None)
        done.append(f"Noted on {number}." if note else f"No note on {number} now.")
    if keep is not None:
        await (_keep if keep else _let_go)(context, profile, target)
        kept = await asyncio.to_thread(kept_paths, context.machine, profile)
        target = replace(target, kept=target.path in kept)
        done.append(f"Generation {number} is {'kept' if target.kept else 'not kept any more'}.")
    return NixResult(True, " ".join(done), {"generation": target, "profile": profile})


async def _keep(context: Context, profile: Profile, target: Generation) -> None:
    if target.path is None or target.problem is not None:
        raise NotFound(
            f"Generation {target.number} cannot be kept.",
            target.problem or "Its link leads nowhere.",
            ["Keep one that is whole: %nix list shows them."],
        )
    if note_roots(context.machine, profile, target):
        return

    async def run(command: Command) -> object:
        return await context.run(command)

    name = note_root(profile, target)
    await make_root(context.machine, name, target.path, run)


async def _let_go(context: Context, profile: Profile, target: Generation) -> None:
    for root in note_roots(context.machine, profile, target):
        if gc_root_needs_root(context.machine, root):
            purpose = f"no longer keep generation {target.number}"
            await context.run(Command(("rm", "--", root), purpose, root=True))
        else:
            await asyncio.to_thread(os.unlink, root)

"""SHELL: build packages for use in this kernel; no profile is changed."""

from __future__ import annotations

from ...errors import Refused
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..packages import build_for_shell
from ..validation import Options

OPTIONS: Options = {"link": str}


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """Build `packages`: attributes of nixpkgs, installables or store paths.

    Options: `link`, the path of links that are to keep them from the garbage collector; without it
    nothing does.
    data: `paths` (store paths, in the order asked for) and `commands` (what was run).
    """
    if not operation.packages:
        raise Refused("Which packages are wanted is not said.")
    context.progress.update("building", 0.0)
    link = operation.options.get("link")
    paths, commands = await build_for_shell(context, operation.packages, link)
    return NixResult(
        success=True,
        message=f"{len(paths)} store path{'' if len(paths) == 1 else 's'} ready.",
        data={"paths": paths, "commands": commands},
    )

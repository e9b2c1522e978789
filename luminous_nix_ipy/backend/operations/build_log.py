"""LOG: the log of the build that made a store path."""

from __future__ import annotations

from ...errors import NotFound, Refused
from ...records import Command
from ...tools import commands
from ...tools.process import failure
from ..context import Context
from ..model import NixOperation, NixResult
from ..validation import Options
from .diff import store_path

OPTIONS: Options = {"profile": str, "path": (str, int)}

_PATIENCE = 60.0
"""Seconds; where this machine has no log, Nix asks the binary caches."""


def command(path: str) -> Command:
    """What prints the log of a store path or derivation."""
    return Command(commands.build_log(path), "print the log, from here or a binary cache")


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `path`, as the sides of a DIFF, or a derivation; `profile`.

    data: `log` (str, as it was printed, terminal codes included), `path`.
    """
    side = operation.options.get("path")
    if side is None:
        raise Refused("A path is asked for.", "", ["%nix log ./result"])
    path = await store_path(context, side, operation.options.get("profile"))
    if context.machine.simulated:
        raise NotFound("There are no build logs here.", "This playground is one without Nix.")
    done = await context.run(command(path), check=False, at_most=_PATIENCE)
    if done.returncode != 0:
        if "is not available" in done.stderr:
            raise NotFound(
                f"There is no build log of {path}.",
                "It was not built on this machine but fetched or copied, or its log was deleted, "
                "and no binary cache has one.",
            )
        raise failure(done)
    return NixResult(True, f"the log of {path}", {"log": done.stdout, "path": path})

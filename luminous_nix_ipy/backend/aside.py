"""A user's profile as it will be, built aside before anyone is asked.

It is made in a private folder, from what is current, by the profile's own tool; once agreed to, it
becomes the next generation. So an interrupt or a failure while it is built leaves the profile as it
is, and the plan knows exactly what it changes.
"""

from __future__ import annotations

import os
import tempfile

from ..errors import NixError
from ..machine import Machine
from ..records import Command
from ..tools.commands import set_profile
from ..tools.packages import PackageTool
from .building import release
from .context import Context
from .package_tool import ask_nix

ASIDE = "ASIDE"
"""Stands for the profile that is built aside, in the arguments of a command."""


async def build_aside(
    context: Context, tool: PackageTool, current: str | None, change: Command
) -> tuple[str, tuple[Command, ...]]:
    """Build the profile as it will be; its store path, held until `release`, and what was run.

    Args:
        current: the store path of what is current; None: nothing.
        change: what installs or removes, on the profile ASIDE.

    Raises:
        CommandFailed: it cannot be built.
        asyncio.CancelledError: Nix has ended by then.
    """
    folder = tempfile.TemporaryDirectory(
        prefix="luminous-nix-", dir=context.machine.env.get("TMPDIR")
    )
    aside = os.path.join(folder.name, "profile")
    ran = []
    if current is not None:
        start = (tool.nix.program("nix-env"), *set_profile(aside, current)[1:])
        ran.append(Command(start, "begin, aside, with what is installed now"))
    argv = tuple(aside if part == ASIDE else part for part in change.argv)
    ran.append(Command(argv, change.purpose))
    try:
        for command in ran:
            await ask_nix(context, command)
        path = _made(context.machine, aside)
    except BaseException:
        folder.cleanup()
        raise
    release(context, path)
    context.held[path] = folder
    return path, tuple(ran)


def _made(machine: Machine, link: str) -> str:
    """The store path that was made; as Nix spells it, whatever links lead to the store."""
    path = os.path.realpath(link)
    store = os.path.realpath(machine.store_dir)
    if os.path.dirname(path) != store:
        raise NixError("Nix made no new profile.", f"{link} leads to {path}.")
    return os.path.join(machine.store_dir, os.path.basename(path))

"""Build a configuration as the user who asks: nothing is elevated, nothing is activated.

What was built has its out-link, a gc root, in a private temporary folder until a generation keeps
it or the kernel ends.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import msgspec

from ..errors import CommandFailed, NixError, NotFound
from ..records import Command
from ..tools.configuration import Configuration, Flags, find_configuration, parse_flags
from ..tools.messages import Messages, Planned
from .context import Context
from .nix_run import run_nix
from .validation import Options

OPTIONS: Options = {
    "flake": str,
    "file": str,
    "attr": str,
    "impure": bool,
    "override_input": (list, tuple),
    "option": (list, tuple),
    "show_trace": bool,
    "max_jobs": (str, int),
}
"""What every operation that builds a configuration takes."""


_SHARE = (0.0, 0.9)
"""Of the progress of a change, what its build is."""


class Asked(msgspec.Struct, frozen=True):
    """A configuration and the flags to build it with."""

    configuration: Configuration
    flags: Flags


class Built(msgspec.Struct, frozen=True):
    """What was built: its store path, what Nix announced to do for it, and how."""

    path: str
    planned: Planned
    command: Command
    duration: float
    """Seconds."""


def asked_for(context: Context, options: dict[str, Any]) -> Asked:
    """What an operation's options mean.

    Raises:
        NixError: there is no Nix to build with, no such configuration, or wrong flags.
    """
    if context.machine.simulated:
        raise NotFound(
            "There is no Nix to build with.",
            "This playground was made without Nix: it can list, compare and roll back.",
            ["Install Nix, then make it anew: %nix playground reset"],
        )
    found = find_configuration(
        context.machine,
        flake=options.get("flake"),
        file=options.get("file"),
        attr=options.get("attr"),
    )
    return Asked(found, parse_flags(options, found))


async def dry_build(context: Context, asked: Asked) -> tuple[Planned, Command]:
    """What would be built and fetched, and the command that told.

    Raises:
        CommandFailed: it cannot be evaluated.
    """
    command = Command(
        asked.configuration.dry_build(asked.flags), "see what would be built and fetched"
    )
    return await _run(context, asked, command), command


async def build(context: Context, asked: Asked, link: str | None = None) -> Built:
    """Build it.

    Args:
        link: where its out-link shall be; None: in a folder of its own, until `release`.

    Raises:
        CommandFailed: it cannot be evaluated or built; `why` is what Nix said.
        asyncio.CancelledError: Nix has ended by then, and nothing but the store has changed.
    """
    folder = None
    if link is None:
        folder = _folder(context)
        link = f"{folder.name}/result"
    started = time.monotonic()
    command = Command(asked.configuration.build(asked.flags, link), "build the system")
    try:
        planned = await _run(context, asked, command)
        path = os.readlink(link)
    except BaseException:
        if folder is not None:
            folder.cleanup()
        raise
    if folder is not None:
        release(context, path)
        context.held[path] = folder
    return Built(path, planned, command, time.monotonic() - started)


def release(context: Context, path: str | None) -> None:
    """Hold what was built no longer: a generation keeps it, or nothing needs to."""
    folder = context.held.pop(path or "", None)
    if folder is not None:
        folder.cleanup()


async def _run(context: Context, asked: Asked, command: Command) -> Planned:
    """Run one of Nix's builders; what it announced to do."""
    messages = Messages()
    try:
        await run_nix(
            context, command, share=_SHARE, on_message=messages.add, on_retry=messages.clear
        )
    except CommandFailed as error:
        if error.returncode is not None:
            error.what = f"Nix could not build {asked.configuration}."
        raise
    return messages.planned


def _folder(context: Context) -> tempfile.TemporaryDirectory[str]:
    place = context.machine.env.get("TMPDIR")
    try:
        return tempfile.TemporaryDirectory(prefix="luminous-nix-", dir=place)
    except OSError as error:
        raise NixError(
            "There is no place for a link to what is built.",
            f"{place or tempfile.gettempdir()}: {error.strerror}.",
            ["Free space there, or name another folder in TMPDIR."],
        ) from error

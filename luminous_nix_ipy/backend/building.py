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

from ..errors import CommandFailed, NixError, NotFound, Refused
from ..records import Command
from ..tools import ssh
from ..tools.configuration import Configuration, Flags, find_configuration, parse_flags
from ..tools.messages import Messages, Planned
from .build_host import Elsewhere
from .context import Context
from .model import BuildReport
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
    "build_host": str,
}
"""What every operation that builds a configuration takes."""


_SHARE = (0.0, 0.9)
"""Of the progress of a change, what its build is."""


class Asked(msgspec.Struct, frozen=True):
    """A configuration and the flags to build it with."""

    configuration: Configuration
    flags: Flags
    host: str | None = None
    """The machine that builds it; None: this one."""


class Built(msgspec.Struct, frozen=True):
    """What was built: its store path, what Nix announced to do for it, and how."""

    path: str
    planned: Planned
    commands: tuple[Command, ...]
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
    host = build_host(context, options)
    found = find_configuration(
        context.machine,
        flake=options.get("flake"),
        file=options.get("file"),
        attr=options.get("attr"),
    )
    return Asked(found, parse_flags(options, found), host)


def build_host(context: Context, options: dict[str, Any]) -> str | None:
    """The machine that is to build, among an operation's options; None: this one.

    Raises:
        Refused: it has no such name, or this is a playground.
    """
    host: str | None = options.get("build_host")
    if host is None:
        return None
    if context.machine.playground is not None:
        raise Refused(
            "A playground builds nothing on other machines.",
            "Its store is its own, and what is built elsewhere is made for another.",
            ["Leave --build-host out, or leave the playground: %nix playground stop"],
        )
    return ssh.check_host(host)


async def dry_build(context: Context, asked: Asked) -> BuildReport:
    """What would be built and fetched, and the command that told; of a build on another machine
    what is not here, and the commands that would build it and copy it here.

    Raises:
        CommandFailed: it cannot be evaluated, or the other machine cannot be reached.
    """
    commands: tuple[Command, ...]
    if asked.host is not None:
        with _folder(context) as folder:
            planned, commands = await _elsewhere(context, asked, asked.host, folder).dry_build()
    else:
        argv = asked.configuration.dry_build(asked.flags)
        commands = (Command(argv, "see what would be built and fetched"),)
        planned = await _run(context, asked, commands[0])
    return BuildReport(
        configuration=str(asked.configuration),
        host=asked.host,
        path=None,
        builds=tuple(planned.builds),
        fetches=tuple(planned.fetches),
        download_bytes=planned.download_bytes,
        unpacked_bytes=planned.unpacked_bytes,
        commands=commands,
    )


async def build(context: Context, asked: Asked, link: str | None = None) -> Built:
    """Build it.

    Args:
        link: where its out-link shall be; None: in a folder of its own, until `release`.

    Raises:
        CommandFailed: it cannot be evaluated, built, or had from the machine that built it; `why`
            is what Nix said.
        asyncio.CancelledError: Nix has ended by then, and nothing but the store has changed.
    """
    folder = _folder(context)
    at = link or f"{folder.name}/result"
    started = time.monotonic()
    commands: tuple[Command, ...]
    try:
        if asked.host is not None:
            elsewhere = _elsewhere(context, asked, asked.host, folder.name)
            planned = await elsewhere.build(at)
            commands = tuple(elsewhere.commands)
        else:
            argv = asked.configuration.build(asked.flags, at)
            commands = (Command(argv, "build the system"),)
            planned = await _run(context, asked, commands[0])
        path = os.readlink(at)
    except BaseException:
        folder.cleanup()
        raise
    if link is None:
        release(context, path)
        context.held[path] = folder
    else:
        folder.cleanup()
    return Built(path, planned, commands, time.monotonic() - started)


def release(context: Context, path: str | None) -> None:
    """Hold what was built no longer: a generation keeps it, or nothing needs to."""
    folder = context.held.pop(path or "", None)
    if folder is not None:
        folder.cleanup()


def _elsewhere(context: Context, asked: Asked, host: str, folder: str) -> Elsewhere:
    return Elsewhere(context, host, asked.configuration, asked.flags, folder)


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

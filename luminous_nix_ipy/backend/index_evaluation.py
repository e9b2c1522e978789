"""Lists that Nix makes. They are written to a file as they are printed, since nixpkgs' is hundreds
of megabytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from ..errors import CommandFailed, NotFound
from ..machine import Machine
from ..records import Command
from ..tools import index_commands
from ..tools.configuration import find_configuration
from ..tools.packages import Installation, built_paths
from ..tools.process import run
from . import recovery
from .context import Context
from .index_model import Source
from .package_tool import ask_nix, nixes

_KEPT = 1 << 16
"""Bytes of what Nix says that are remembered."""


class _ToFile:
    """Writes a stream to a file as it comes."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - `close` is called when the stream ends

    def feed(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()

    def kept(self) -> bytes:
        return b""


async def evaluations(machine: Machine, sources: Iterable[Source]) -> list[Command]:
    """What is run to make the lists of those sources that Nix makes.

    Raises:
        NixError: there is no Nix, or no such configuration.
    """
    evaluated = [source for source in sources if source.how == "evaluate"]
    return [evaluation((await nixes(machine))[0], machine, source) for source in evaluated]


def evaluation(nix: Installation, machine: Machine, source: Source) -> Command:
    """What is run to make a source's list.

    Raises:
        NixError: there is no such configuration.
    """
    if source.kind == "packages":
        argv = index_commands.list_packages(nix, source.address)
        return Command(argv, f"list the packages of {source.address}")
    flake = index_commands.is_flake(source.address)
    named = {"flake" if flake else "file": source.address}
    configuration = find_configuration(machine, **named)
    argv = index_commands.options_list(nix, configuration)
    return Command(argv, f"list the options of {configuration}")


async def evaluate(context: Context, source: Source, file: str) -> None:
    """Write a source's list to `file`.

    Raises:
        NixError: there is no Nix, or it cannot be evaluated or built.
    """
    command = evaluation((await nixes(context.machine))[0], context.machine, source)
    if source.kind != "packages":
        printed = (await ask_nix(context, command)).strip()
        of_flake = printed.startswith("[")
        built = built_paths(printed)[0][0] if of_flake else printed.splitlines()[-1]
        _copy(os.path.join(built, index_commands.OPTIONS_FILE), file)
        return
    context.progress.update(f"{command.purpose}; of all nixpkgs this takes a minute")
    sink = _ToFile(file)
    try:
        await run(command.argv, machine=context.machine, keep=_KEPT, stdout=sink)
    except CommandFailed as error:
        error.todo = tuple(recovery.suggestions(error))
        raise
    finally:
        sink.close()


def _copy(options: str, file: str) -> None:
    try:
        shutil.copyfile(options, file)
    except FileNotFoundError:
        raise NotFound(
            "The configuration has no list of its options.", f"No file {options}."
        ) from None

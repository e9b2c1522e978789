"""The value that a machine's configuration gives to an option, and the names of options."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ..errors import CommandFailed, NixError, Refused
from ..machine import Machine
from ..records import Command
from ..search_records import OptionEntry
from ..store.index import OptionIndex
from ..tools import index_commands
from ..tools.configuration import find_configuration
from .context import Context
from .nix_run import run_nix
from .package_tool import nixes

_LONGEST = 300.0
"""Seconds that an evaluation may take."""
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_MOST = 5000


class Value(NamedTuple):
    """A value as JSON has it, or why there is none."""

    value: Any = None
    there: bool = False
    problem: str = ""


def parts_of(name: str) -> list[str]:
    """The components of an option's path, quotes taken off: `a."b.c"` is a and b.c."""
    return [quoted or plain for quoted, plain in _PART.findall(name)]


def find_option(index: OptionIndex, name: str) -> OptionEntry | None:
    """The option of this name, or the one with a placeholder in the place of a part: the forceSSL
    of any virtual host is `services.nginx.virtualHosts.<name>.forceSSL`."""
    found = index.find(name)
    if found is not None:
        return found
    parts = parts_of(name)
    for length in range(len(parts) - 1, 0, -1):
        prefix = ".".join(parts[:length]) + "."
        listed = index.complete(f"{prefix}<", _MOST) + index.complete(f"{prefix}*", _MOST)
        for candidate in listed:
            if _fits(parts, parts_of(candidate)):
                return index.find(candidate)
    return None


def _fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) == len(pattern) and all(
        there == part or there == "*" or there.startswith("<")
        for part, there in zip(parts, pattern, strict=True)
    )


async def value_command(machine: Machine, name: str) -> Command:
    """What prints the value that the machine's configuration gives to the option of this name.

    Raises:
        NixError: there is no Nix, no configuration, or no one such option.
    """
    parts = parts_of(name)
    if any(part == "*" or part.startswith("<") for part in parts):
        raise Refused("A part of its name stands for any name: give one in its place.")
    path = ".".join(part if _PLAIN.fullmatch(part) else json.dumps(part) for part in parts)
    if "${" in path:
        raise Refused("Its name cannot be asked for.")
    nix = (await nixes(machine))[0]
    argv = index_commands.option_value(nix, find_configuration(machine), path)
    return Command(argv, f"evaluate {name} of the configuration")


async def evaluate_option(context: Context, name: str) -> Value:
    """What the machine's configuration gives to the option of this name; asks Nix."""
    try:
        command = await value_command(context.machine, name)
        done = await run_nix(context, command, at_most=_LONGEST)
        return Value(json.loads(done.stdout), True)
    except CommandFailed as error:
        said = [line for line in error.why.splitlines() if line.strip()]
        return Value(problem=said[-1].strip() if said else error.what)
    except NixError as error:
        return Value(problem=str(error))
    except ValueError:
        return Value(problem="Nix printed no JSON.")

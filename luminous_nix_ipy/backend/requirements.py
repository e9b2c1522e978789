"""What an operator wants to be so before a runbook goes on: each requirement is one look, one row.

Only "ok" meets a requirement: what cannot be told is not met either. Nothing is changed.
"""

from __future__ import annotations

import asyncio
import operator
import os
import re
import shlex
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..errors import CommandFailed, NixError, Refused
from ..log import without_secrets
from ..records import Check, Input
from ..store.system import free_bytes
from ..tools import systemd
from ..tools.commands import nix_version
from ..tools.process import plain, run
from .choosing import parse_days, parse_size
from .context import Context
from .expectations import KEPT, no_units
from .safety import command_line
from .validation import Options

REQUIREMENTS: Options = {
    "free": (str, int),
    "on": str,
    "generation": (int, list, tuple),
    "current": int,
    "no_failed_units": bool,
    "not_rebooting": bool,
    "channel_age": str,
    "host": str,
    "nix_version": str,
    "command": (str, list, tuple),
}
"""`free`: bytes or a size such as "5G", `on` the file system of a path (the store's); `generation`:
numbers that are there, `current`: the one that is current; `channel_age`: at most so old, such as
"30d"; `host`: the machine's name; `nix_version`: such as ">=2.18"; `command`: command lines that
succeed, run without a shell. One or several where a list is taken."""

_COMMAND_SECONDS = 60.0
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<|)\s*(\d{1,6}(?:\.\d{1,6}){0,3})")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}
_NIXPKGS = ("nixos", "nixpkgs")
"""What the channel, and the input of a flake, with the packages of a system is called."""


async def look(context: Context, options: Mapping[str, Any]) -> tuple[Check, ...]:
    """A row for each requirement, in a fixed order.

    Raises:
        Refused: nothing is required, or something that can never be.
    """
    given = {name: value for name, value in options.items() if value not in (None, False)}
    if "on" in given and "free" not in given:
        raise Refused("--on names a file system for --free.", "", ["Add --free SIZE."])
    if not given:
        raise Refused(
            "Nothing is required.", "", ["For example: %nix require --free 5G --no-failed-units"]
        )
    looks = []
    if "free" in given:
        looks.append(_free(context, _size(given["free"]), given.get("on")))
    looks += [_generation(context, number) for number in _several(given.get("generation"))]
    if "current" in given:
        looks.append(_current(context, given["current"]))
    if "no_failed_units" in given:
        looks.append(_no_failed_units(context))
    if "not_rebooting" in given:
        looks.append(_not_rebooting(context))
    if "channel_age" in given:
        looks.append(_channel_age(context, _days(given["channel_age"])))
    if "host" in given:
        looks.append(_host(given["host"]))
    if "nix_version" in given:
        looks.append(_nix_version(context, given["nix_version"]))
    looks += [
        _command(context, shlex.split(command_line(line)))
        for line in _several(given.get("command"))
    ]
    return tuple([await each for each in looks])


async def _free(context: Context, wanted: int, on: str | None) -> Check:
    path = context.machine.store_dir if on is None else on
    found = await asyncio.to_thread(lambda: free_bytes(os.path.expanduser(path)))
    if found is None:
        return Check("free space", "unknown", f"the file system of {path} cannot be asked.")
    told = f"{found >> 20:,} MiB are free for {path}, {wanted >> 20:,} MiB are wanted."
    return _met("free space", found >= wanted, told)


async def _generation(context: Context, number: int) -> Check:
    name = f"generation {number}"
    profile = context.profile(None)
    found = next((g for g in await context.generations(profile) if g.number == number), None)
    if found is None:
        return Check(name, "failed", f"{profile.name} has no generation {number}.")
    if found.problem:
        return Check(name, "failed", found.problem)
    return Check(name, "ok", f"it is there: {found.path}.")


async def _current(context: Context, number: int) -> Check:
    profile = context.profile(None)
    found = next((g.number for g in await context.generations(profile) if g.current), None)
    told = "none" if found is None else str(found)
    reason = f"the current one of {profile.name} is {told}, {number} is wanted."
    return _met("current generation", found == number, reason)


async def _no_failed_units(context: Context) -> Check:
    name, machine = "no failed units", context.machine
    if not systemd.runs(machine):
        return Check(name, "ok", f"{no_units(machine)}: none can have failed.")
    try:
        failed = sorted(await systemd.failed_units(machine))
    except CommandFailed as error:
        return Check(name, "unknown", f"which have failed is not known: {error}")
    if failed:
        return Check(name, "failed", f"{', '.join(failed)} failed.")
    return Check(name, "ok", "none has failed.")


async def _not_rebooting(context: Context) -> Check:
    """systemd-logind writes down what is scheduled (shutdown(8)); systemctl says what goes on."""
    name, machine = "not rebooting", context.machine
    if not systemd.runs(machine):
        return Check(name, "ok", f"{no_units(machine)}: no reboot can be scheduled.")
    scheduled = await asyncio.to_thread(_scheduled, f"{machine.run_dir}/systemd/shutdown/scheduled")
    if scheduled:
        return Check(name, "failed", f"{scheduled}; shutdown -c cancels it.")
    try:
        state = await systemd.system_state(machine)
    except CommandFailed as error:
        return Check(name, "unknown", f"whether it goes down is not known: {error}")
    if state == "stopping":
        return Check(name, "failed", "the machine is going down.")
    return Check(name, "ok", "none is scheduled or under way.")


async def _channel_age(context: Context, days: int) -> Check:
    from .operations.inputs import find_source, read_source

    name = "channel age"
    try:
        source = await asyncio.to_thread(find_source, context, None, False)
        inputs = await read_source(context, source)
    except NixError as error:
        return Check(name, "unknown", f"what the system is built from is not known: {error}")
    dated = [found for found in inputs if found.date is not None]
    chosen = next((i for wanted in _NIXPKGS for i in dated if i.name == wanted), None)
    if chosen is None or chosen.date is None:
        return Check(name, "unknown", f"{source} has no nixos or nixpkgs with a date.")
    age = datetime.now().astimezone() - chosen.date
    told = f"{_input(chosen)} is {max(age.days, 0)} days old, at most {days} are wanted."
    return _met(name, age.days < days, told)


async def _host(wanted: str) -> Check:
    if not wanted:
        raise Refused("No host is named.", "", ["For example --host web1."])
    found = socket.gethostname()
    same = wanted == found or ("." not in wanted and wanted == found.partition(".")[0])
    return _met("host", same, f"this is {found}, {wanted} is wanted.")


async def _nix_version(context: Context, wanted: str) -> Check:
    match = _COMPARISON.fullmatch(wanted.strip())
    if match is None:
        raise Refused(
            f"{wanted!r} compares no version.",
            "It is >=, >, <=, <, == or != and a number such as 2.18.",
            ["For example: --nix-version '>=2.18'"],
        )
    found = await nix_version(context.machine)
    if found is None:
        return Check("Nix's version", "unknown", "no nix program tells it.")
    asked = tuple(map(int, match[2].split(".")))
    told = ".".join(map(str, found))
    # As many parts as were asked for: 2.18.5 is "==2.18".
    parts = (*found, 0, 0, 0, 0)[: len(asked)]
    return _met("Nix's version", _COMPARE[match[1]](parts, asked), f"{told}, {wanted} is wanted.")


async def _command(context: Context, argv: list[str]) -> Check:
    name, line = "command", shlex.join(argv)
    try:
        done = await run(
            argv, machine=context.machine, timeout=_COMMAND_SECONDS, check=False, keep=KEPT
        )
    except CommandFailed as error:
        return Check(name, "failed", without_secrets(str(error)))
    if done.returncode == 0:
        return Check(name, "ok", without_secrets(f"`{line}` succeeded."))
    said = [text.strip() for text in plain(done.stderr or done.stdout).splitlines() if text.strip()]
    end = f"ended with {done.returncode}{f': {said[-1]}' if said else '.'}"
    return Check(name, "failed", without_secrets(f"`{line}` {end}"))


def _met(name: str, met: bool, reason: str) -> Check:
    return Check(name, "ok" if met else "failed", reason)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _input(found: Input) -> str:
    return f"{found.name} {found.version or (found.revision or '')[:12]}".rstrip()


def _scheduled(file: str) -> str:
    """What is scheduled, in words; empty: nothing. Times are in microseconds since 1970."""
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            told = dict(line.strip().partition("=")[::2] for line in lines)
    except OSError:
        return ""
    what = told.get("MODE") or "shutdown"
    micros = told.get("USEC", "")
    if not (micros.isdecimal() and len(micros) <= 17):
        return f"a {what} is scheduled"
    moment = datetime.fromtimestamp(int(micros) / 1e6).astimezone()
    return f"a {what} is scheduled for {moment:%Y-%m-%d %H:%M}"


def _size(given: str | int) -> int:
    return _as("--free 5G", parse_size, given)


def _days(given: str) -> int:
    return _as("--channel-age 30d", parse_days, given)


def _as(example: str, parse: Callable[[Any], int], given: Any) -> int:
    try:
        return parse(given)
    except Refused as error:
        raise Refused(error.what, error.why, [f"For example {example}."]) from None

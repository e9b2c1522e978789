"""UPDATE: bring the flake's inputs, or root's channels, to their newest, then switch."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from ...errors import NixError, NotFound, Refused, did_you_mean
from ...records import Command, Input, InputChange, ProfileKind
from ...tools import commands, elevation
from ..building import build_host
from ..clerk import recording
from ..context import Context
from ..deed import Deed
from ..model import NixOperation, NixResult, Plan
from ..nix_run import run_nix
from ..privileges import source_needs_root
from ..safety import safety_of
from ..validation import Options
from . import rebuild
from .inputs import find_source, read_source

OPTIONS: Options = {**rebuild.OPTIONS, "channels": bool, "commit": bool, "inputs_only": bool}


async def plan(context: Context, operation: NixOperation) -> Plan:
    """Raises: Refused, always: what a switch would change is known once the inputs are new."""
    raise Refused(
        "There is no plan of an update before its inputs are new.",
        "What is built from them is known only then.",
        ["Update with the option inputs_only, then plan a switch."],
    )


async def run(context: Context, operation: NixOperation, made: Plan | None = None) -> NixResult:
    """`packages`: names of inputs or channels, all where there are none. Options: `flake`;
    `channels`: those of root although there is a flake; `commit`: let Nix commit the lock file;
    `inputs_only`: do not switch; else as SWITCH. `dry_run`: only tell what there is now.

    data: `changes` (list of InputChange), `source`, `commands`; and SWITCH's.
    """
    options = operation.options
    safety_of(context.machine, options)  # what the switch would refuse is refused at once
    build_host(context, options)
    channels = bool(options.get("channels"))
    source = find_source(context, options.get("flake"), channels)
    is_channels = source == context.machine.root_channels
    before = await read_source(context, source)
    names = tuple(operation.packages)
    _check(context, names, before, source, is_channels, bool(options.get("commit")))
    if is_channels:
        command = Command(commands.update_channels(names), "fetch the newest of the channels")
    else:
        release = await commands.nix_release(context.machine)
        argv = commands.update_flake(release, source, names, commit=bool(options.get("commit")))
        command = Command(argv, "lock the newest of the inputs")
    command = replace(command, root=source_needs_root(context.machine, source))
    data = {"source": source, "commands": (command,)}
    if operation.dry_run:
        changes = compare(before, before)
        done = "Dry run: nothing was updated."
        return NixResult(True, done, {**data, "changes": changes, "inputs": before})
    await _carry_out(context, command, source, is_channels)
    after = await read_source(context, source)
    changes = compare(before, after)
    new = [change.name for change in changes if change.change != "unchanged"]
    data |= {"changes": changes, "inputs": after}
    told = f"{len(new)} updated: {', '.join(new)}." if new else "Everything was up to date."
    if options.get("inputs_only"):
        return NixResult(True, told, data)
    chosen = {name: value for name, value in options.items() if name in rebuild.OPTIONS}
    switched = await rebuild.run(context, NixOperation(operation.type, options=chosen), None)
    return NixResult(True, f"{told} {switched.message}", {**data, **switched.data})


def compare(before: Sequence[Input], after: Sequence[Input]) -> list[InputChange]:
    """What became of each input, those of the flake itself before those of its inputs."""
    old, new = ({i.name: i for i in inputs} for inputs in (before, after))
    names = sorted({*old, *new}, key=lambda name: (name.count("/"), name))
    return [
        InputChange(name, _kind(old.get(name), new.get(name)), old.get(name), new.get(name))
        for name in names
    ]


def _kind(
    old: Input | None, new: Input | None
) -> Literal["added", "removed", "updated", "unchanged"]:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    same = (old.digest, old.revision, old.follows) == (new.digest, new.revision, new.follows)
    return "unchanged" if same else "updated"


def _check(
    context: Context,
    names: tuple[str, ...],
    known: Sequence[Input],
    source: str,
    is_channels: bool,
    commit: bool,
) -> None:
    what = "channel" if is_channels else "input"
    if is_channels and commit:
        raise Refused("Channels cannot be committed.", "Only a flake has a lock file.")
    root = source_needs_root(context.machine, source)
    if root and not elevation.installed(context.machine):
        what = "Updating root's channels" if is_channels else f"Updating what is in {source}"
        raise Refused(
            f"{what} needs root, and {elevation.why_none()}.",
            f"The system is built from those in {source}."
            if is_channels
            else "flake.lock is kept there.",
            ["Run the notebook as root."],
        )
    if not is_channels and not root and not os.access(source, os.W_OK):
        raise Refused(f"{source} cannot be written.", "flake.lock is kept there.")
    # Where nothing is locked yet, Nix alone knows the inputs.
    choices = [item.name for item in known]
    for name in names if choices else ():
        if name in choices:
            continue
        close = difflib.get_close_matches(name, choices, n=1)
        raise NotFound(
            f"There is no {what} {name!r}.",
            f"There is {', '.join(choices)}.",
            did_you_mean(close[:1]),
        )


async def _carry_out(context: Context, command: Command, source: str, is_channels: bool) -> None:
    """Run the update, with its intent and its outcome in the journal."""
    kind: ProfileKind = "system" if is_channels else "user"
    async with recording(context, kind, [command]) as write:
        now = datetime.now().astimezone()
        deed = Deed(write, now, operation="update", profile=source, commands=[command])
        await deed.begin()
        deed.ran.append(command)
        try:
            await run_nix(context, command)
        except NixError as error:
            await deed.end("failed", str(error))
            raise
        except asyncio.CancelledError:
            await deed.end("interrupted", "interrupted while it was run")
            raise
        await deed.end("done")

"""INPUTS: what the configuration is built from: the inputs of its flake, or root's channels."""

from __future__ import annotations

import asyncio
import os

from ...errors import NotFound
from ...machine import Machine
from ...records import Input
from ...store.channels import read_channels
from ...store.flake_lock import flake_folder, read_inputs
from ...tools.configuration import find_configuration
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..validation import Options

OPTIONS: Options = {"flake": str, "channels": bool}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `flake` (neither: the configuration's own); `channels`: root's channels instead.

    data: `inputs` (list of Input), `source` (the flake's folder, or the channels' profile).
    """
    source = find_source(
        context, operation.options.get("flake"), bool(operation.options.get("channels"))
    )
    found = await read_source(context, source)
    return NixResult(True, f"{len(found)} inputs of {source}", {"inputs": found, "source": source})


def find_source(context: Context, flake: str | None, channels: bool) -> str:
    """Where the inputs are written down: a flake's folder, or the profile of root's channels.

    Raises:
        NotFound: the flake is not on this machine, or there is no configuration.
    """
    if channels:
        return context.machine.root_channels
    configuration = find_configuration(context.machine, flake=flake)
    if configuration.flake is None:
        return context.machine.root_channels
    folder = flake_folder(configuration.flake)
    if folder is None:
        raise NotFound(
            f"The flake {configuration.flake} is not on this machine.",
            "Its inputs are locked where it is kept.",
            ["Name a flake that is in a folder here: --flake PATH."],
        )
    return folder


async def read_source(context: Context, source: str) -> list[Input]:
    """The inputs that are written down there.

    Raises:
        NixError: they cannot be read.
    """
    if source == context.machine.root_channels:
        subscriptions = f"{_home_of_root(context.machine)}/.nix-channels"
        return await asyncio.to_thread(read_channels, source, subscriptions)
    return await asyncio.to_thread(read_inputs, source)


def _home_of_root(machine: Machine) -> str:
    own = machine.playground is not None or os.geteuid() == 0
    return machine.home if own else os.path.expanduser("~root")

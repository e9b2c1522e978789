"""A playground's life: start, reset, stop, and what a kernel that died left behind."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from datetime import datetime

import msgspec

from .. import machine as machines
from ..backend.progress import Progress
from ..errors import NixError, NotFound, Refused
from ..machine import Machine
from . import owner, realise
from .catalogue import MAXIMUM, MINIMUM
from .furnish import furnish
from .steps import Steps, in_thread

_log = logging.getLogger(__name__)


class Playground(msgspec.Struct, frozen=True):
    """The playground that this kernel works on."""

    machine: Machine
    folder: str
    generations: int
    """So many it was made with."""
    simulated: bool
    """Made, and changed, without Nix."""
    made: datetime


def status() -> Playground | None:
    """The playground in use; None where this kernel works on a real machine."""
    machine = machines.current()
    folder = machine.playground
    marker = owner.read_marker(folder) if folder is not None else None
    if folder is None or marker is None:
        return None
    made = os.lstat(f"{folder}/{owner.MARKER}").st_mtime
    return Playground(
        machine=machine,
        folder=folder,
        generations=marker.generations,
        simulated=marker.simulated,
        made=datetime.fromtimestamp(made).astimezone(),
    )


async def start(
    generations: int = MINIMUM, *, real: bool | None = None, progress: Progress | None = None
) -> Machine:
    """Make a playground and let this kernel work on it.

    The newest generation is current, running and booted. What kernels that died left of theirs is
    removed first.

    Args:
        generations: of the system, from 5 to 1000.
        real: build it with Nix (True), or write the same without (False); None: with Nix where
            PATH has it.

    Raises:
        Refused: one is in use already, or so many generations are not offered.
        NotFound: `real` was asked for and PATH has no Nix.
        CommandFailed: a program of Nix failed. Nothing of the playground is left.
        NixError: the temporary folder cannot be written, or is full.
    """
    if (running := status()) is not None:
        raise Refused(
            "A playground is in use already.",
            f"It has {running.generations} generations and is in {running.folder}.",
            ["Make it anew: %nix playground reset", "Remove it: %nix playground stop"],
        )
    machine = await _make(generations, real, progress)
    machines.use(machine)
    return machine


async def reset(
    generations: int | None = None,
    *,
    real: bool | None = None,
    progress: Progress | None = None,
) -> Machine:
    """Make the playground anew and remove the old one, once the new one is there.

    Args: as for `start`; None means as the old one was.

    Raises: as `start`, but NotFound also where no playground is in use.
    """
    old = status()
    if old is None:
        raise _none_in_use()
    machine = await _make(
        old.generations if generations is None else generations,
        not old.simulated if real is None else real,
        progress,
    )
    machines.use(machine)
    await _discard(old.folder)
    return machine


async def stop() -> None:
    """Remove the playground and every trace of it; this kernel works on the real machine again.

    Raises:
        NotFound: no playground is in use.
    """
    folder = machines.current().playground
    if folder is None:
        raise _none_in_use()
    machines.use(None)
    await _discard(folder)


def _none_in_use() -> NotFound:
    return NotFound(
        "No playground is in use.", "There is nothing to remove.", ["%nix playground start"]
    )


async def _make(generations: int, real: bool | None, progress: Progress | None) -> Machine:
    if not MINIMUM <= generations <= MAXIMUM:
        raise Refused(
            f"A playground of {generations} generations is not offered.",
            f"It takes from {MINIMUM}, one for each lesson, to {MAXIMUM}.",
            [f"%nix playground start --generations {max(MINIMUM, min(generations, MAXIMUM))}"],
        )
    if real and not realise.has_nix():
        raise NotFound(
            "There is no Nix to make a playground with.",
            "PATH has no nix, nix-build and nix-env.",
            ["Without Nix: %nix playground start", "Install Nix: https://nixos.org/download"],
        )
    await in_thread(_remove_left_behind)
    simulated = not (realise.has_nix() if real is None else real)
    try:
        return await _make_in_new_folder(generations, simulated, progress)
    except (OSError, sqlite3.Error) as error:
        raise NixError(
            "No playground could be made.",
            f"{error}. Nothing of it is left.",
            [f"Free space in {tempfile.gettempdir()}, or name another folder in TMPDIR."],
        ) from error


async def _make_in_new_folder(
    generations: int, simulated: bool, progress: Progress | None
) -> Machine:
    folder = owner.make_folder(generations, simulated=simulated)
    steps = Steps(progress, "making a playground")
    try:
        machine = await furnish(folder, simulated, generations, steps)
    except BaseException:
        await _discard(folder)
        steps.finish("no playground was made", success=False)
        raise
    steps.finish(f"a playground with {generations} generations is ready")
    return machine


def _remove_left_behind() -> None:
    for folder in owner.left_behind():
        try:
            owner.remove(folder)
        except OSError as error:  # another kernel may be removing it too
            _log.warning("%s could not be removed: %s", folder, error)


async def _discard(folder: str) -> None:
    await in_thread(owner.remove, folder)

"""The configuration of a playground, and the channel that it is built from.

The channel stands in for nixpkgs: it has the system after the newest generation, and its next
version, to which `nix-channel --update` brings it, the one after that. Nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from ..machine import Machine
from ..tools import commands
from ..tools.process import run
from . import realise
from .catalogue import Packages
from .description import Description
from .steps import in_thread
from .systems import add_system, nixos_version

_CONFIGURATION = """\
# The configuration of this playground. What is built from it is decided by its channel alone;
# on a real machine, this file says what the system is made of.
{ }
"""
_TEMPLATE = Path(__file__).with_name("channel.nix")


async def subscribe(machine: Machine, generations: int) -> None:
    """Write the configuration, and make the channel `nixos` of root, for a playground with so many
    generations.

    Raises:
        CommandFailed: a program of Nix failed.
    """
    work = await in_thread(_write, machine, generations)
    added = await run(commands.add_to_store(f"{work}/channels"), machine=machine)
    os.makedirs(os.path.dirname(machine.root_channels), exist_ok=True)
    await run(commands.set_profile(machine.root_channels, added.stdout.strip()), machine=machine)
    await in_thread(shutil.rmtree, work)


def _write(machine: Machine, generations: int) -> str:
    """Write everything; the folder that holds `channels`, what is to be added to the store."""
    etc = Path(machine.etc_dir, "nixos")
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "configuration.nix").write_text(_CONFIGURATION, encoding="utf-8")
    work = Path(tempfile.mkdtemp(dir=machine.env["TMPDIR"]))
    _write_channel(work / "channels/nixos", generations + 1)
    _write_channel(work / "next/nixos", generations + 2)
    archive = Path(machine.etc_dir, "channels", "nixexprs.tar.xz")
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=0) as tar:
        tar.add(work / "next/nixos", "nixos")
    Path(machine.home, ".nix-channels").write_text(f"file://{archive} nixos\n", encoding="utf-8")
    return str(work)


def _write_channel(folder: Path, number: int) -> None:
    """Write a channel that has the system of this number."""
    packages = Packages()
    system = add_system(packages, number, number)
    (folder / "nixos").mkdir(parents=True)
    description = Description(packages.derivations, [system], [], [])
    realise.write_description(str(folder / "description.json"), description)
    shutil.copy(realise.EXPRESSION, folder / "expression.nix")
    stand_in = _TEMPLATE.read_text(encoding="utf-8").replace("@path@", realise.tools())
    (folder / "nixos/default.nix").write_text(stand_in, encoding="utf-8")
    (folder / ".version-suffix").write_text(nixos_version(number, number), encoding="utf-8")

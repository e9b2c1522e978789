"""The program that a playground without Nix has for nix-env."""

from __future__ import annotations

import os
import shlex
import sys

from ..errors import CommandFailed, NixError
from ..machine import Machine
from .layout import machine_in
from .profiles import run_stand_in


def main(folder: str, *arguments: str) -> int:
    """Do what nix-env does in the playground of that folder; the exit code.

    It answers on stderr alone, as nix-env does.
    """
    try:
        told = run_stand_in(machine_in(folder, simulated=True), ("nix-env", *arguments))
    except CommandFailed as error:
        sys.stderr.write(error.stderr)
        return 1
    except (NixError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stderr.write(told)
    return 0


def write_program(machine: Machine) -> None:
    """Make the program, in the folder that comes before those of PATH."""
    folder, programs = machine.playground, machine.programs_dir
    if folder is None or programs is None:
        raise ValueError("only a playground without Nix has a stand-in for nix-env")
    # The package may be loaded from a folder that a new Python does not know.
    above = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    start = f"import sys; from {__name__} import main; sys.exit(main(*sys.argv[1:]))"
    words = shlex.join([sys.executable, "-P", "-c", start, folder])
    os.makedirs(programs)
    path = f"{programs}/nix-env"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nPYTHONPATH={shlex.quote(above)} exec {words} "$@"\n')
    os.chmod(path, 0o755)

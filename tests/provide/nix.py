"""The two Nixes that the tests run on: the one this machine has, and a new one in the cache."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

from .cache import cache_dir

NEW_ENOUGH = (2, 34)
PROGRAMS = (
    "nix",
    "nix-build",
    "nix-channel",
    "nix-collect-garbage",
    "nix-copy-closure",
    "nix-daemon",
    "nix-env",
    "nix-hash",
    "nix-instantiate",
    "nix-prefetch-url",
    "nix-shell",
    "nix-store",
)


@dataclasses.dataclass(frozen=True)
class NixPrograms:
    """One set of Nix's programs."""

    name: str
    """"old" (what this machine has) or "new" (2.34 or later)."""
    bin_dir: str
    version: tuple[int, ...]
    env: dict[str, str]
    """Variables that these programs need beside their store's folders."""


def find(name: str) -> NixPrograms | None:
    """The "old" or "new" Nix where it is installed and runs, else None."""
    if name == "old":
        program = shutil.which("nix-env", path=os.environ.get("PATH", "") + ":/usr/bin")
        bin_dir = os.path.dirname(os.path.realpath(program)) if program else ""
        env: dict[str, str] = {}
    else:
        bin_dir = str(new_nix_dir(cache_dir()) / "bin")
        env = {"NIX_CONFIG": "build-hook ="}
    version = version_of(Path(bin_dir, "nix-env")) if bin_dir else ()
    if not version or (name == "new" and version < NEW_ENOUGH):
        return None
    return NixPrograms(name, bin_dir, version, env)


def new_nix_dir(cache: Path) -> Path:
    """Where the new Nix is, once it was provided: a link to the folder of its version."""
    return cache / "nix-new"


def version_of(program: Path) -> tuple[int, ...]:
    """The version that a program of Nix tells of itself; empty where it does not run."""
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", told)
    return tuple(int(part) for part in found.groups() if part) if found else ()

"""Starting a playground: with each Nix, and without."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luminous_nix_ipy import playground
from tests.provide import nix

from .harness import median_seconds, medians_in_turn, note, report


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as folder:
        _without_nix(Path(folder))
    for name in ("old", "new"):
        programs = nix.find(name)
        if programs is None:
            note(f"No {name} Nix is here: its playground was not measured.")
            continue
        version = ".".join(map(str, programs.version))
        with _first_in_path(programs.bin_dir):
            seconds = median_seconds(lambda: _start(True), 3, before=_stop)
        _stop()
        report(f"5 generations, built by Nix {version}", seconds, limit=15)


def _without_nix(folder: Path) -> None:
    """The files alone: copying a playground is what its disk makes anybody wait for."""
    _start(False)
    running = playground.status()
    assert running is not None
    original = folder / "original"
    shutil.copytree(running.folder, original, symlinks=True)

    def copy() -> None:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(original, folder / "copy", symlinks=True)

    ours, copied = medians_in_turn(lambda: _start(False), copy, before=_stop)
    _stop()
    report("5 generations, without Nix / a copy of their files", ours, copied, limit=1)


def _start(real: bool) -> None:
    asyncio.run(playground.start(real=real))


def _stop() -> None:
    if playground.status() is not None:
        asyncio.run(playground.stop())


@contextmanager
def _first_in_path(folder: str) -> Iterator[None]:
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path

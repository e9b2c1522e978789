"""A playground without Nix for unit tests: made in a second, removed without a trace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from luminous_nix_ipy import machine, playground
from luminous_nix_ipy.machine import Machine


@contextmanager
def simulated(generations: int | None = None) -> Iterator[Machine]:
    """The machine of a playground without Nix, which this process works on meanwhile."""
    made = (
        playground.start(real=False)
        if generations is None
        else (playground.start(generations, real=False))
    )
    found = asyncio.run(made)
    try:
        yield found
    finally:
        machine.use(found)
        asyncio.run(playground.stop())
        machine.use(None)


def path_without_nix(folder: Path) -> str:
    """A PATH with every program of this one but Nix's, made of links in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if os.path.isdir(place) else ():
            link = folder / program.name
            if not program.name.startswith("nix") and not os.path.lexists(link):
                link.symlink_to(program)
    return str(folder)

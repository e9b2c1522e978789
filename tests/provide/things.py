"""Everything a test may require: how to see whether it is there, and how to get it.

A thing with Debian packages is installed by `python -m tests.provide` as root on Debian or Ubuntu.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import shutil
from collections.abc import Callable

from . import nix


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that tests need of the machine."""

    there: Callable[[], bool]
    sentence: str
    """How to provide it, for the one whose test was skipped."""
    packages: tuple[str, ...] = ()
    """Debian's packages that provide it."""


def _program(name: str, *packages: str) -> Thing:
    packages = packages or (name,)
    return Thing(
        there=lambda: shutil.which(name) is not None,
        sentence=f"{name} is not installed: apt-get install {' '.join(packages)}, "
        "or run `make test` as root on Debian or Ubuntu, which does.",
        packages=packages,
    )


def _module(name: str) -> Thing:
    return Thing(
        there=lambda: importlib.util.find_spec(name) is not None,
        sentence=f"The Python module {name} is not installed: pip install -e '.[test,lab]'.",
    )


THINGS: dict[str, Thing] = {
    "nix-old": Thing(
        there=lambda: nix.find("old") is not None,
        sentence="Nix is not installed: apt-get install nix-bin, or run `make test` as root on "
        "Debian or Ubuntu, which does.",
        packages=("nix-bin",),
    ),
    "nix-new": Thing(
        there=lambda: nix.find("new") is not None,
        sentence="No Nix 2.34 or later is in the tests' cache: run `make test` as root on Debian, "
        "which unpacks Debian sid's there.",
    ),
    "tmux": _program("tmux"),
    "ipywidgets": _module("ipywidgets"),
    "jupyterlab": _module("jupyterlab"),
}


@functools.cache
def is_there(name: str) -> bool:
    """Whether the machine has it; looked up once a run.

    Raises:
        KeyError: no such thing is known.
    """
    return THINGS[name].there()

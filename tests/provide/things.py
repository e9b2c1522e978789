"""Everything a test may require: how to see whether it is there, and how to get it."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import shutil
import subprocess
from collections.abc import Callable

from . import apt, browser, debian, nix, sid


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that tests need of the machine."""

    there: Callable[[], bool]
    provide: Callable[[], None]
    """Gets it, or raises `apt.CannotProvide`."""
    sentence: str
    """How to get it, for the one whose test was skipped."""


def _package(there: Callable[[], bool], what: str, *packages: str) -> Thing:
    return Thing(
        there=there,
        provide=lambda: apt.install(packages),
        sentence=f"{what} is not installed: apt-get install {' '.join(packages)}, "
        "or run `make test` as root on Debian or Ubuntu, which does.",
    )


def _module(name: str) -> Thing:
    sentence = f"The Python module {name} is not installed: pip install -e '.[test]'."

    def cannot() -> None:
        raise apt.CannotProvide(sentence)

    return Thing(lambda: importlib.util.find_spec(name) is not None, cannot, sentence)


def _may_make_users() -> bool:
    program = shutil.which("unshare")
    return program is not None and subprocess.run([program, "--mount", "true"]).returncode == 0


THINGS: dict[str, Thing] = {
    "nix-old": _package(lambda: nix.find("old") is not None, "Nix", "nix-bin"),
    "nix-new": Thing(
        there=lambda: nix.find("new") is not None,
        provide=sid.provide,
        sentence="No Nix 2.34 or later is in the tests' cache: run `make test` on Debian, which "
        "unpacks Debian sid's there.",
    ),
    "git": _package(lambda: shutil.which("git") is not None, "git", "git"),
    "sudo": dataclasses.replace(
        _package(
            lambda: _may_make_users() and all(map(shutil.which, ("sudo", "doas"))),
            "sudo or doas",
            "sudo",
            "opendoas",
        ),
        sentence="sudo and doas are not both installed, or this is not root, who alone can make a "
        "user to try them in a mount namespace: run `make test` as root on Debian or Ubuntu.",
    ),
    "tmux": _package(lambda: shutil.which("tmux") is not None, "tmux", "tmux"),
    "machine": Thing(
        there=debian.there,
        provide=debian.provide,
        sentence="No Debian to boot is in the tests' cache, or this user or system cannot boot it: "
        "run `make test` as root on Debian, which makes one with debootstrap, and says why not.",
    ),
    "ipywidgets": _module("ipywidgets"),
    "browser": _package(
        lambda: browser.find() is not None, "Chromium", "chromium", "fonts-dejavu-core"
    ),
}


@functools.cache
def is_there(name: str) -> bool:
    """Whether the machine has it; looked up once a run.

    Raises:
        KeyError: no such thing is known.
    """
    return THINGS[name].there()

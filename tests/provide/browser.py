"""The browser that the tests drive: LUMINOUS_NIX_BROWSER, else the Chromium of this machine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome")


@functools.cache
def find() -> str | None:
    """The program, if there is one that starts: Ubuntu's package is only a stand-in that says to
    install another."""
    for name in (os.environ.get("LUMINOUS_NIX_BROWSER", ""), *NAMES):
        program = shutil.which(name)
        if program is not None and _starts(program):
            return program
    return None


def _starts(program: str) -> bool:
    return subprocess.run([program, "--version"], capture_output=True).returncode == 0

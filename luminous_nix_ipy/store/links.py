"""Where symbolic links lead, as they say it."""

from __future__ import annotations

import os


def read_link(path: str) -> str | None:
    """The text of the link at `path`; None where there is none, or it cannot be read."""
    try:
        return os.readlink(path)
    except (OSError, ValueError):  # ValueError: no path holds a NUL character
        return None

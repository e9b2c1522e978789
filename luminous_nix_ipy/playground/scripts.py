"""The shell scripts that generations carry, filled in from their templates beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def script(template: str, **values: str) -> str:
    """A template with its `@name@` replaced: by the values, and `@guard@` by what refuses to run
    anywhere but in a playground."""
    text = _read(template)
    for name, value in {"guard": _read("guard.sh").rstrip("\n"), **values}.items():
        text = text.replace(f"@{name}@", value)
    return text


@cache
def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")

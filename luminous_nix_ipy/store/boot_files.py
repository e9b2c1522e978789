"""What the readers of boot menus share: their files' text, and which system an entry starts."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..machine import Machine

_MOST_BYTES = 1 << 22
"""Read of one file: a menu of a hundred generations has a hundredth of it."""


def read_text(path: str) -> str:
    """A file's text. Raises: OSError: it is not there, or cannot be read."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read(_MOST_BYTES)


def keys_and_values(text: str) -> list[tuple[str, str]]:
    """The lines `key value` of a file of the Boot Loader Specification, without its comments."""
    pairs = (line.strip().partition(" ") for line in text.replace("\t", " ").splitlines())
    return [(key, value.strip()) for key, _, value in pairs if key and not key.startswith("#")]


def started_system(machine: Machine, parameters: Sequence[str]) -> str | None:
    """The store path whose `init` the kernel's parameters name; None where they name none."""
    for parameter in parameters:
        if parameter.startswith("init=/"):
            path = os.path.realpath(os.path.dirname(parameter.removeprefix("init=")))
            return path if os.path.dirname(path) == machine.store_dir else None
    return None

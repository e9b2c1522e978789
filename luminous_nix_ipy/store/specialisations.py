"""Which specialisation of a system runs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..records import Generation


def running_specialisation(running: str | None, generations: Iterable[Generation]) -> str | None:
    """The name of the specialisation that runs; None where a generation's own system does, or what
    runs is of no generation and does not say.

    Args:
        running: the store path of the system that runs.
        generations: of the system's profile; the current one's names go before the others'.

    A specialisation that was switched to before it was a generation's tells its name where it has
    it in `/etc/specialisation`, as many configurations write it.
    """
    if running is None:
        return None
    known = sorted(generations, key=lambda g: not g.current)
    if any(generation.path == running for generation in known):
        return None
    for generation in known:
        for name in generation.specialisations:
            if os.path.realpath(f"{generation.path}/specialisation/{name}") == running:
                return name
    try:
        with open(f"{running}/etc/specialisation", encoding="utf-8") as file:
            return file.read(256).strip() or None
    except (OSError, UnicodeDecodeError):
        return None

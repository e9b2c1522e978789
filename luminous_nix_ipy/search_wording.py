"""What searches find, as the words that tables and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .backend.search_model import FoundPackage
    from .store.holders import Holder

FLAGS = ("unfree", "broken", "insecure", "unsupported")
"""What a package may be marked as."""

_LONGEST = 60
"""Letters of a type or a default that are shown unasked."""


def held(holders: Sequence[Holder]) -> str:
    """Which generations have something: "5, 4, profile 2"."""
    return ", ".join(
        str(h.generation) if h.profile == "system" else f"{h.profile} {h.generation}"
        for h in holders
    )


def state(found: FoundPackage) -> str:
    """Where a package is installed and what it is marked as: "installed in 5, unfree"."""
    marks = [flag for flag in FLAGS if getattr(found.entry, flag)]
    return ", ".join([*installed(found.installed), *marks])


def installed(holders: Sequence[Holder]) -> list[str]:
    """What is current has it, or the newest that had it."""
    if not holders:
        return []
    current = [holder for holder in holders if holder.current]
    return [f"installed in {held(current)}" if current else f"formerly in {held(holders[:1])}"]


def short(value: str | None) -> str | None:
    """A type or a default on one line."""
    if value is None:
        return None
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def first_sentence(markdown: str) -> str:
    """The beginning of a description, on one line."""
    paragraph = " ".join(markdown.strip().split("\n\n", 1)[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip()

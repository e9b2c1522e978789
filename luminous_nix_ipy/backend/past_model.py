"""What was: versions that generations have, and how long builds took."""

from __future__ import annotations

from datetime import datetime

import msgspec


class HeldVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a package that one generation has, chosen for it or needed by it."""

    number: int
    """Of the generation."""
    date: datetime | None
    name: str
    version: str
    """Empty where its name has none."""


class BuildTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long the builds of one name took on one host; seconds are whole, rounded down."""

    name: str
    host: str
    """Empty: here."""
    builds: int
    """Those that are remembered: at most the last ten."""
    median_seconds: float
    shortest_seconds: float
    longest_seconds: float
    last: datetime
    """When the last of them ended."""

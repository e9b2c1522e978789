"""What searches find: packages, options and commands, with what this machine has of them."""

from __future__ import annotations

from typing import Any

import msgspec

from ..search_records import IndexKind, OptionEntry, PackageEntry
from ..store.holders import Holder


class FoundPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package that answers a query."""

    entry: PackageEntry
    score: float
    matched: str
    """What of it the query met best: "attribute", "program", "name" or "description"."""
    installed: tuple[Holder, ...]
    """The generations that have a package of its name, in whatever version."""


class FoundOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option that answers a query."""

    entry: OptionEntry
    score: float
    matched: str


class PackageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What one index says of a package."""

    index: str
    attribute: str
    version: str
    age_days: float | None
    """Of the index."""


class PackageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One package in full."""

    entry: PackageEntry
    index: str
    versions: tuple[PackageVersion, ...]
    installed: tuple[Holder, ...]


class OptionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One option in full."""

    entry: OptionEntry
    index: str
    links: tuple[tuple[str, str | None], ...]
    """Where it is declared: the name and, where that is known, the address of the file."""
    value: Any = None
    """What this machine's configuration gives it, as JSON has it."""
    has_value: bool = False
    value_problem: str = ""
    """Why there is no value."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A package that has a command."""

    attribute: str
    version: str
    description: str
    source: str
    """"programs" (a channel's database), or "main program" (the index of packages)."""
    installed: tuple[Holder, ...]


OPTION_KINDS: tuple[IndexKind, ...] = ("nixos", "home-manager", "darwin")

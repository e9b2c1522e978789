"""Where lists of packages, options and programs come from, and what of them is known here."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Literal

import msgspec

from ..search_records import IndexFacts

SourceKind = Literal["packages", "nixos", "home-manager", "darwin", "programs"]
"""Packages, the options of one module system, or which package has which command."""

KINDS: tuple[SourceKind, ...] = ("packages", "nixos", "home-manager", "darwin", "programs")

How = Literal["fetch", "evaluate", "place"]
"""fetch: a file is copied or downloaded; evaluate: Nix is asked; place: a file is used where it
is."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One list that is, or can be, searched."""

    name: str
    """What the user calls it, such as "nixos-unstable"; with the kind it names one source."""
    kind: SourceKind
    how: How = "fetch"
    addresses: tuple[str, ...]
    """URLs, of which the first that answers is taken; else a flake reference or a path."""
    channel: str | None = None
    revision: str | None = None
    """The release or commit that it is of, where that is known beforehand."""
    sha256: str | None = None
    added: bool = False
    """By the user; the others are what the machine itself is made from."""

    @property
    def address(self) -> str:
        return self.addresses[0]


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """A source, and what is here of it."""

    source: Source
    path: str
    """The file that is searched, whether it is there or not."""
    facts: IndexFacts | None
    """None where there is no index that can be used, and for programs."""
    checked: datetime | None
    """When it was last known to be the newest; None where there is none."""
    stale: bool
    """It is older than the setting index_days allows, or of another release than the machine."""
    problem: str | None = None
    """Why there is none, or what went wrong when it was last brought up to date."""

    @property
    def there(self) -> bool:
        return self.facts is not None or (
            self.source.kind == "programs" and os.path.exists(self.path)
        )

    @property
    def age_days(self) -> float | None:
        """Days since it was last known to be the newest."""
        if self.checked is None:
            return None
        return (datetime.now().astimezone() - self.checked).total_seconds() / 86400


class Updated(msgspec.Struct, frozen=True):
    """What became of bringing one source up to date."""

    source: Source
    outcome: Literal["built", "unchanged", "busy", "failed"]
    """busy: another process is at it."""
    message: str

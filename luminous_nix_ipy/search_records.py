"""The records of a search: packages, options, the indexes that they are found in.

Frozen and typed, as `records` are; beside them because searching is a thing of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

import msgspec

IndexKind = Literal["packages", "nixos", "home-manager", "darwin"]
"""What an index lists: packages, or the options of one module system."""
OptionKind = Literal["nixos", "home-manager", "darwin"]


class PackageEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One package of a package set, as its list tells of it; empty or None is what it does not."""

    attribute: str
    """Its attribute path, such as "python3Packages.requests"."""
    pname: str
    version: str = ""
    description: str = ""
    """One line."""
    long_description: str | None = None
    """Markdown."""
    main_program: str | None = None
    programs: tuple[str, ...] = ()
    """The commands in its bin, where they are known."""
    licenses: tuple[str, ...] = ()
    """SPDX names where they have one, else the names that nixpkgs gives them."""
    homepages: tuple[str, ...] = ()
    changelog: str | None = None
    position: str | None = None
    """`file:line` of its definition."""
    outputs: tuple[str, ...] = ()
    maintainers: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    unfree: bool = False
    broken: bool = False
    insecure: bool = False
    unsupported: bool = False
    """It does not exist for the system that its list was made for."""
    vulnerabilities: tuple[str, ...] = ()
    """Why it is insecure."""


class Declaration(msgspec.Struct, frozen=True):
    """A file that declares an option."""

    name: str
    """As its list names it: a path in its source, or `<source/path>`."""
    url: str | None = None


class OptionEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One option of a module system; empty or None is what its list does not tell."""

    name: str
    """Its path, such as "services.nginx.virtualHosts.<name>.forceSSL"."""
    kind: OptionKind
    type: str = ""
    """In words, such as "null or absolute path"."""
    default: str | None = None
    """Nix text, or Markdown that tells it in words."""
    example: str | None = None
    description: str = ""
    """Markdown; what was DocBook has been rewritten."""
    declared: tuple[Declaration, ...] = ()
    read_only: bool = False
    related_packages: str | None = None
    """Markdown."""


EntryT = TypeVar("EntryT", PackageEntry, OptionEntry)


class SearchHit(msgspec.Struct, Generic[EntryT], frozen=True):
    """An entry that answers a query."""

    entry: EntryT
    score: float
    """0 to about 2, for one query: more is better."""
    matched: str
    """What of it the query met best: "attribute", "program", "name" or "description"."""


class IndexSource(msgspec.Struct, frozen=True, kw_only=True):
    """What an index was made from."""

    name: str
    """What the user calls it, such as "nixos-unstable"."""
    kind: IndexKind
    origin: str
    """The URL, flake reference or path that its list came from."""
    channel: str | None = None
    revision: str | None = None
    """The commit or release of what is listed."""
    etag: str | None = None


class IndexFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an index file says of itself."""

    source: IndexSource
    built: datetime
    entries: int
    path: str
    bytes: int
    """Size of the file."""

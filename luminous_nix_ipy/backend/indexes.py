"""Open the indexes that a question is about; each file is opened once, until it is another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Sequence

from ..errors import IndexUnusable, NotFound
from ..machine import Machine
from ..store.index import OptionIndex, PackageIndex, open_options, open_packages
from .index_model import Source, SourceKind
from .index_sources import find_sources
from .indexing import index_path

_HOW_TO_GET_ONE = "Get it: %nix index update"

_opened: dict[str, tuple[Hashable, PackageIndex | OptionIndex]] = {}
_lock = threading.Lock()


def package_index(
    machine: Machine, channel: str | None = None, flake: str | None = None
) -> tuple[Source, PackageIndex]:
    """The packages of the machine's own nixpkgs, of a channel, or of what was added as a flake.

    Raises:
        NotFound: there is no index of it yet; says how to get one.
        IndexUnusable: there is one that cannot be read.
    """
    named = channel or flake
    sources = [source for source in find_sources(machine) if source.kind == "packages"]
    if named is not None:
        sources = [s for s in sources if named in (s.name, s.channel, s.address)]
    for source in sources:
        index = opened(machine, source)
        if isinstance(index, PackageIndex):
            return source, index
    if named is not None and not sources:
        raise NotFound(
            f"There is no index of {named}.",
            "",
            [f"Make one: %nix index add {named}", "See which there are: %nix index"],
        )
    raise _none_yet("packages")


def option_indexes(
    machine: Machine, kinds: Sequence[SourceKind] = ()
) -> list[tuple[Source, OptionIndex]]:
    """The indexes of options that there are, of these kinds alone where some are named: one of each
    kind, the machine's own first.

    Raises:
        NotFound: there is none yet; says how to get one.
        IndexUnusable: there is one that cannot be read.
    """
    found: dict[SourceKind, tuple[Source, OptionIndex]] = {}
    for source in find_sources(machine):
        if source.kind in ("packages", "programs") or source.kind in found:
            continue
        if not kinds or source.kind in kinds:
            index = opened(machine, source)
            if isinstance(index, OptionIndex):
                found[source.kind] = source, index
    if not found:
        raise _none_yet(f"{' or '.join(kinds)} options".strip())
    return list(found.values())


def package_indexes(machine: Machine) -> list[tuple[Source, PackageIndex]]:
    """Every index of packages that can be read, the machine's own first."""
    found = []
    for source in find_sources(machine):
        try:
            index = opened(machine, source) if source.kind == "packages" else None
        except IndexUnusable:
            continue
        if isinstance(index, PackageIndex):
            found.append((source, index))
    return found


def completions(machine: Machine, prefix: str, *, options: bool = False) -> list[str]:
    """Names that begin so, the best known first; none where there is no index of them."""
    if not options:
        return [n for _, index in package_indexes(machine)[:1] for n in index.complete(prefix)]
    return [n for _, index in option_indexes(machine) for n in index.complete(prefix)]


def opened(machine: Machine, source: Source) -> PackageIndex | OptionIndex | None:
    """The index of a source; None where there is none yet.

    Raises:
        IndexUnusable: it cannot be read.
    """
    path = index_path(machine, source)
    stamp = _stamp(path)
    if stamp is None:
        return None
    with _lock:
        known = _opened.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        index = open_packages(path) if source.kind == "packages" else open_options(path)
        _opened[path] = stamp, index
        return index


def stamps(machine: Machine) -> Hashable:
    """What answers of all indexes rest on: another value means that they may be others."""
    sources = find_sources(machine)
    return tuple((index_path(machine, s), _stamp(index_path(machine, s))) for s in sources)


def _stamp(path: str) -> Hashable | None:
    """Which file this is: a new index is a new file, since the old one is open here."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_size


def _none_yet(what: str) -> NotFound:
    return NotFound(
        f"There is no index of {what} yet.",
        "It is made of the list that the machine's channel publishes: some megabytes, once.",
        [_HOW_TO_GET_ONE, "Or of your own: %nix index add CHANNEL, URL, FLAKE or PATH"],
    )

"""What the garbage collector would delete, and what keeps a path from it.

A path lives while a gc root needs it (Nix, src/libstore/gc.cc, collectGarbage): through its
references; with `keep-derivations` also through the derivation that it was built by; with
`keep-outputs` also through the outputs of a derivation (nix.conf(5)).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from typing import TypeVar

import msgspec

from ..errors import NotFound
from ..machine import Machine
from .connection import DatabaseConnection
from .nix_conf import read_settings
from .roots import GcRoot

_T = TypeVar("_T")

_COLUMNS = {
    "ValidPaths": ("id", "path", "narSize", "deriver"),
    "Refs": ("referrer", "reference"),
    "DerivationOutputs": ("drv", "path"),
}

# Lists of ids go in as one JSON text; each query gives the edges (from, to) of the nodes in it.
_EACH = " from json_each(?) cross join "
_REFERENCES = "select referrer, reference" + _EACH + "Refs on referrer = value"
_REFERRERS = "select reference, referrer" + _EACH + "Refs on reference = value"
_DERIVERS = (
    "select p.id, d.id"
    + _EACH
    + "ValidPaths p on p.id = value cross join ValidPaths d on d.path = p.deriver"
)
_BUILT = (
    "select d.id, p.id"
    + _EACH
    + "ValidPaths d on d.id = value cross join DerivationOutputs o on o.drv = d.id"
    " cross join ValidPaths p on p.path = o.path where p.deriver = d.path"
)
_OUTPUTS = (
    "select o.drv, p.id"
    + _EACH
    + "DerivationOutputs o on o.drv = value cross join ValidPaths p on p.path = o.path"
)
_BUILDERS = (
    "select p.id, o.drv"
    + _EACH
    + "ValidPaths p on p.id = value cross join DerivationOutputs o on o.path = p.path"
)


class Keeping(msgspec.Struct, frozen=True):
    """Nix's settings of what else lives."""

    derivations: bool = True
    outputs: bool = False


class Garbage(msgspec.Struct, frozen=True):
    """What no gc root keeps."""

    paths: dict[str, int]
    """Store paths -> bytes (NAR sizes, which are somewhat more than files take)."""
    strangers: dict[str, int]
    """Entries of the store's folder that the database does not know -> bytes of their files. Nix
    deletes them too, unless a build under way needs them."""
    live: int
    """How many paths live."""

    @property
    def bytes(self) -> int:
        return sum(self.paths.values()) + sum(self.strangers.values())


def keeping(machine: Machine) -> Keeping:
    """What Nix's settings files say; the old names of the settings count too."""
    told = read_settings(machine)

    def flag(name: str, default: bool) -> bool:
        value = told.get(name, told.get(f"gc-{name}"))
        return default if value is None else value in ("true", "yes", "1")

    return Keeping(flag("keep-derivations", True), flag("keep-outputs", False))


def find_garbage(machine: Machine, roots: Iterable[str], keep: Keeping) -> Garbage:
    """What is garbage while only these store paths are kept.

    Raises:
        DatabaseUnreadable: the store's database cannot be read.
    """
    edges = [_REFERENCES]
    edges += [_DERIVERS] if keep.derivations else []
    edges += [_OUTPUTS] if keep.outputs else []

    def ask(connection: sqlite3.Connection) -> tuple[int, dict[str, int], list[str]]:
        live = set(_reached(connection, _ids(connection, roots), edges))
        dead, valid = {}, []
        for node, path, size in connection.execute(
            "select id, path, coalesce(narSize, 0) from ValidPaths"
        ):
            valid.append(path)
            if node not in live:
                dead[path] = size
        return len(live), dead, valid

    live, dead, valid = _read(machine, ask)
    return Garbage(dead, _strangers(machine, valid), live)


def valid_among(machine: Machine, paths: Collection[str]) -> frozenset[str]:
    """Those of the paths that the store has.

    Raises:
        DatabaseUnreadable: the store's database cannot be read.
    """
    return _read(machine, lambda connection: frozenset(_ids(connection, paths).values()))


def find_keepers(
    machine: Machine, path: str, roots: Collection[GcRoot], keep: Keeping
) -> list[tuple[GcRoot, tuple[str, ...]]]:
    """The gc roots that keep a store path, the nearest first, each with a shortest chain of store
    paths from what the root keeps to `path`.

    Raises:
        NotFound: the path is not valid.
        DatabaseUnreadable: the store's database cannot be read.
    """
    edges = [_REFERRERS]
    edges += [_BUILT] if keep.derivations else []
    edges += [_BUILDERS] if keep.outputs else []

    def ask(connection: sqlite3.Connection) -> list[tuple[GcRoot, tuple[str, ...]]]:
        start = _ids(connection, [path])
        if not start:
            raise NotFound(
                f"{path} is not a valid path of the store.",
                "The store's database does not list it.",
                ["Nothing keeps what is not there: see %nix diff or %nix list for paths."],
            )
        towards = _reached(connection, start, edges)
        kept = {name: node for node, name in _ids(connection, {r.path for r in roots}).items()}
        chains = {}
        for name, node in kept.items():
            if node in towards:
                chains[name] = _names(connection, _chain(towards, node))
        found = [(root, chains[root.path]) for root in roots if root.path in chains]
        return sorted(found, key=lambda each: (len(each[1]), each[0].link))

    return _read(machine, ask)


def _read(machine: Machine, ask: Callable[[sqlite3.Connection], _T]) -> _T:
    connection = DatabaseConnection(machine.database, _COLUMNS)
    with closing(connection):
        return connection.read(ask)


def _ids(connection: sqlite3.Connection, paths: Iterable[str]) -> dict[int, str]:
    """Id -> path, of those that are valid."""
    # The cast makes text of bytes that need not be UTF-8.
    ask = "select id from ValidPaths where path = cast(? as text)"
    found = {}
    for path in paths:
        for (node,) in connection.execute(ask, (os.fsencode(path),)):
            found[node] = path
    return found


def _reached(
    connection: sqlite3.Connection, start: Iterable[int], edges: list[str]
) -> dict[int, int | None]:
    """Every node that is reached, nearest first -> the node that it was reached from."""
    reached: dict[int, int | None] = dict.fromkeys(start)
    new = list(reached)
    while new:
        level, new = str(new), []
        for query in edges:
            for node, other in connection.execute(query, (level,)):
                if other not in reached:
                    reached[other] = node
                    new.append(other)
    return reached


def _chain(towards: dict[int, int | None], node: int) -> list[int]:
    chain = [node]
    while (step := towards[chain[-1]]) is not None:
        chain.append(step)
    return chain


def _names(connection: sqlite3.Connection, nodes: list[int]) -> tuple[str, ...]:
    ask = "select path from ValidPaths where id = ?"
    return tuple(connection.execute(ask, (node,)).fetchone()[0] for node in nodes)


def _strangers(machine: Machine, valid: list[str]) -> dict[str, int]:
    try:
        names = set(os.listdir(machine.store_dir)) - {".links"}
    except OSError:
        return {}
    names.difference_update(map(os.path.basename, valid))
    return {f"{machine.store_dir}/{name}": _bytes(machine, name) for name in sorted(names)}


def _bytes(machine: Machine, name: str) -> int:
    top = f"{machine.store_dir}/{name}"
    files = [top]
    if not os.path.islink(top):
        files += [os.path.join(folder, f) for folder, _, names in os.walk(top) for f in names]
    total = 0
    for file in files:
        try:
            found = os.lstat(file)
        except OSError:
            continue
        total += 0 if os.path.isdir(file) and not os.path.islink(file) else found.st_size
    return total

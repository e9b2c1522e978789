"""The store's SQLite database: closures, sizes, validity.

Sources: Nix, src/libstore/schema.sql (ValidPaths, Refs, DerivationOutputs) and local-store.cc
(a `narSize` that is not known is null). What was read is kept while the database's files are
unchanged: a path that was deleted and came back, or was repaired, is read again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ..errors import NotFound
from ..records import Closure
from .connection import DatabaseConnection, Stamp, settled
from .versions import NameVersionOutput, Packages, split

if TYPE_CHECKING:
    from ..machine import Machine

_T = TypeVar("_T")

_COLUMNS = {
    "ValidPaths": ("id", "path", "narSize"),
    "Refs": ("referrer", "reference"),
    "DerivationOutputs": ("id", "path"),
}

# The cast makes text of bytes that need not be UTF-8.
_ID = "select id from ValidPaths where path = cast(? as text)"
_REFERENCES = (
    "select id, path from Refs cross join ValidPaths on id = reference where referrer = ?"
    " order by path"
)
_TOTALS = "select count(*), coalesce(sum(narSize), 0) from ValidPaths"
# A list of ids goes in as one JSON text, and lists of ids come out as one: a row of Python's costs
# more than finding it.
_CHILDREN = (
    "select json_group_array(reference) from json_each(?) cross join Refs on referrer = value"
)
_PATHS = (
    "select group_concat(coalesce(p.path, ''), char(0)), json_group_array(coalesce(narSize, 0))"
    " from json_each(?) left join ValidPaths p on p.id = value"
)
_NAMES = "select p.id, p.path from json_each(?) cross join ValidPaths p on p.id = value"
_OUTPUTS = (
    "select value, o.id from json_each(?) cross join ValidPaths p on p.id = value"
    " cross join DerivationOutputs o on o.path = p.path"
)
# Every second element of the list is null and meets no row: so null parts the lists that come out.
# A node without references gives itself.
_EDGES = (
    "select json_group_array(coalesce(reference, value)) from json_each(?)"
    " left join Refs on referrer = value"
)
_NODE_SIZES = (
    "select json_group_array(coalesce(narSize, 0)) from json_each(?)"
    " left join ValidPaths p on p.id = value"
)

_numbers = msgspec.json.Decoder(list[int]).decode
_lists = msgspec.json.Decoder(list[list[int]]).decode


class StoreDatabase:
    """Answers from one store's database. Threads may share it.

    Every method raises DatabaseUnreadable when the database cannot be read at that moment.
    """

    def __init__(self, path: str) -> None:
        self._connection = DatabaseConnection(path, _COLUMNS)

    @property
    def source(self) -> str:
        """ "database", or "database (immutable)" where it is read without locks."""
        return "database (immutable)" if self._connection.immutable else "database"

    def close(self) -> None:
        self._connection.close()

    def is_valid(self, path: str) -> bool:
        """Whether the store has this path, whole."""
        return self._connection.read(lambda connection: _id(connection, path)) is not None

    def references(self, path: str) -> list[str]:
        """The paths that `path` refers to, itself among them if it does, sorted.

        Raises:
            NotFound: the path is not valid.
        """
        return self._connection.read(
            lambda connection: [
                reference for _, reference in _references(connection, _valid(connection, path))
            ]
        )

    def closure(self, path: str) -> Closure:
        """Everything that `path` needs.

        Raises:
            NotFound: the path is not valid.
        """
        kept = self._keep(
            "closure", path, lambda connection, nodes: _closure(connection, nodes, path)
        )
        return msgspec.structs.replace(
            kept, sizes=dict(kept.sizes), outputs=dict(kept.outputs), source=self.source
        )

    def graph(self, path: str) -> dict[str, list[str]]:
        """Everything that `path` needs -> what it refers to, itself left out.

        Raises:
            NotFound: the path is not valid.
        """
        return self._connection.read(lambda connection: _graph(connection, path))

    def missing(self, path: str) -> list[str]:
        """The paths of the closure that are not on disk, sorted; `path` itself if not valid."""
        try:
            closure = self.closure(path)
        except NotFound:
            return [path]
        return sorted(part for part in closure.sizes if not os.path.lexists(part))

    def sizes(self, paths: Iterable[str]) -> dict[str, tuple[int, int]]:
        """For each valid path, the bytes of its closure, and those of them that are in no other
        closure of these. A path that is given twice counts once."""
        wanted = frozenset(paths)
        return dict(self._keep("sizes", wanted, lambda connection, _: _sizes(connection, wanted)))

    def packages(self, paths: Iterable[str], names: Collection[str]) -> Packages:
        """What the closures of all valid paths of these have of some names."""
        return self._connection.read(lambda connection: _packages(connection, paths, names))

    def totals(self) -> tuple[int, int]:
        """How many paths the store has, and their bytes."""
        totals: tuple[int, int] = self._keep(
            "totals", None, lambda connection, _: connection.execute(_TOTALS).fetchone()
        )
        return totals

    def _keep(self, kind: str, key: object, work: Callable[[sqlite3.Connection, _Nodes], _T]) -> _T:
        """The result of `work`, read once as long as the database does not change."""
        stamp = self._connection.stamp()
        facts = _facts_of(self._connection.path, stamp)
        found: _T | None = facts.find(kind, key)
        if found is None:
            rests = settled(stamp)
            if rests and not self._connection.immutable:
                found = self._connection.read(lambda connection: work(connection, facts.nodes()))
            if found is None or self._connection.stamp() != stamp:
                # What is known may be of another state than what is read: know nothing.
                found = self._connection.read(lambda connection: work(connection, _Nodes()))
            if rests:
                facts.add(kind, key, found)
        return found


def open_database(machine: Machine) -> StoreDatabase:
    """The store database of a machine, opened read-only, or immutable where that is not permitted.

    Raises:
        DatabaseUnreadable: it is missing, forbidden, busy, damaged, or of an unknown schema; its
            sentence says which. Nix's own programs may still answer.
    """
    return StoreDatabase(machine.database)


class _Nodes:
    """What closures that were read have in common: their members' paths, sizes and outputs."""

    def __init__(self) -> None:
        self.paths: dict[int, tuple[str, int]] = {}
        """Node -> its store path and size."""
        self.outputs: dict[int, str] = {}


class _Facts:
    """What is known of one state of one database; of each kind, the latest few."""

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self._known: dict[str, dict[Any, Any]] = {kind: {} for kind in _MOST_FACTS}
        self._nodes = _Nodes()

    def nodes(self) -> _Nodes:
        if len(self._nodes.paths) > _MOST_NODES:
            self._nodes = _Nodes()
        return self._nodes

    def find(self, kind: str, key: object) -> Any:
        return self._known[kind].get(key)

    def add(self, kind: str, key: object, value: object) -> None:
        known = self._known[kind]
        with _lock:
            known[key] = value
            while len(known) > _MOST_FACTS[kind]:
                del known[next(iter(known))]


_lock = threading.Lock()
_facts: dict[str, _Facts] = {}
_MOST_DATABASES = 4
_MOST_NODES = 20_000
_MOST_FACTS = {"closure": 8, "sizes": 16, "totals": 1}


def _facts_of(path: str, stamp: Stamp) -> _Facts:
    with _lock:
        facts = _facts.get(path)
        if facts is None or facts.stamp != stamp:
            _facts.pop(path, None)
            facts = _facts[path] = _Facts(stamp)
            while len(_facts) > _MOST_DATABASES:
                del _facts[next(iter(_facts))]
        return facts


def _id(connection: sqlite3.Connection, path: str) -> int | None:
    row = connection.execute(_ID, (os.fsencode(path),)).fetchone()
    return None if row is None else row[0]


def _valid(connection: sqlite3.Connection, path: str) -> int:
    found = _id(connection, path)
    if found is None:
        raise NotFound(
            f"{path} is not a valid path of the store.",
            "The store's database does not list it.",
            ["`nix-store --verify-path` tells more; a collected path must be built again."],
        )
    return found


def _references(connection: sqlite3.Connection, node: int) -> list[tuple[int, str]]:
    return connection.execute(_REFERENCES, (node,)).fetchall()


def _closure(connection: sqlite3.Connection, nodes: _Nodes, path: str) -> Closure:
    root = _valid(connection, path)
    members, new = {root}, {root}
    while new:
        (children,) = connection.execute(_CHILDREN, (str(list(new)),)).fetchone()
        new = set(_numbers(children)) - members
        members |= new
    unknown = [node for node in members if node not in nodes.paths]
    if unknown:
        listed = (str(unknown),)
        paths, sizes = connection.execute(_PATHS, listed).fetchone()
        pairs = zip(paths.split("\0"), _numbers(sizes), strict=True)
        nodes.outputs.update(connection.execute(_OUTPUTS, listed))
        nodes.paths.update(zip(unknown, pairs, strict=True))
    return Closure(
        root=path,
        sizes=dict(map(nodes.paths.__getitem__, members)),
        outputs={
            nodes.paths[node][0]: nodes.outputs[node] for node in members if node in nodes.outputs
        },
        selected=_selected(connection, path, root),
        source="database",
    )


def _selected(connection: sqlite3.Connection, path: str, root: int) -> frozenset[str]:
    """The direct references of the root's `sw`: where the link leads, else (the store may be
    elsewhere on disk) the reference that is named as NixOS names it; of the root if it has none."""
    direct = [(node, part) for node, part in _references(connection, root) if node != root]
    try:
        target = os.readlink(os.path.join(path, "sw"))
    except OSError:
        target = None
    chosen = [node for node, part in direct if part == target] or [
        node for node, part in direct if part.endswith("-system-path")
    ]
    if chosen:
        direct = [(n, part) for n, part in _references(connection, chosen[0]) if n != chosen[0]]
    return frozenset(part for _, part in direct)


def _sizes(connection: sqlite3.Connection, paths: frozenset[str]) -> dict[str, tuple[int, int]]:
    """Walk the closures over edges that are read once for all of them."""
    roots = {path: node for path in paths if (node := _id(connection, path)) is not None}
    edges: dict[int, list[int]] = {}
    closures = {path: _walk(connection, edges, root) for path, root in roots.items()}
    once: set[int] = set()
    shared: set[int] = set()
    for members in closures.values():
        shared |= once & members
        once |= members
    nodes = list(once)
    (sizes,) = connection.execute(_NODE_SIZES, (str(nodes),)).fetchone()
    size = dict(zip(nodes, _numbers(sizes), strict=True)).__getitem__
    return {
        path: (sum(map(size, members)), sum(map(size, members - shared)))
        for path, members in closures.items()
    }


def _packages(
    connection: sqlite3.Connection, paths: Iterable[str], names: Collection[str]
) -> Packages:
    """Walk the closures one by one, and read only what none before had."""
    edges: dict[int, list[int]] = {}
    known: set[int] = set()
    named: dict[int, NameVersionOutput] = {}
    all_names: set[str] = set()
    held = {}
    for path in paths:
        root = _id(connection, path)
        if root is None:
            continue
        members = _walk(connection, edges, root)
        unknown = (str(list(members - known)),)
        known |= members
        outputs = dict(connection.execute(_OUTPUTS, unknown))
        for node, part in connection.execute(_NAMES, unknown):
            split_name = split(part, outputs.get(node))
            all_names.add(split_name.name)
            if split_name.name in names:
                named[node] = split_name
        held[path] = frozenset(named[node] for node in named if node in members)
    return Packages(held, frozenset(all_names))


def _graph(connection: sqlite3.Connection, path: str) -> dict[str, list[str]]:
    edges: dict[int, list[int]] = {}
    members = _walk(connection, edges, _valid(connection, path))
    names = dict(connection.execute(_NAMES, (str(list(members)),)))
    return {
        names[node]: [names[other] for other in edges[node] if other != node] for node in members
    }


def _walk(connection: sqlite3.Connection, edges: dict[int, list[int]], root: int) -> set[int]:
    """The nodes that `root` reaches; edges that were not known yet are read and added."""
    members, new = {root}, {root}
    while new:
        unknown = [node for node in new if node not in edges]
        if unknown:
            asked = f"[{',null,'.join(map(str, unknown))},null]"
            (told,) = connection.execute(_EDGES, (asked,)).fetchone()
            lists = _lists(f"[{told.removesuffix(',null]').replace(',null,', '],[')}]]")
            edges.update(zip(unknown, lists, strict=True))
        new = set(chain.from_iterable(map(edges.__getitem__, new))) - members
        members |= new
    return members

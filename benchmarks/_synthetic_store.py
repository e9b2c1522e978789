"""Store databases of real size, with Nix's schema (Nix, src/libstore/schema.sql and
ca-specific-schema.sql) and the shape of a NixOS machine: generations that share most of their
paths, among many paths that belong to none of them.

The numbers are those of a machine in use: 80,590 paths, 773,091 references.
"""

from __future__ import annotations

import os
import random
import sqlite3
from dataclasses import dataclass

SCHEMA = """
create table ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text,
    ca text
);
create table Refs (
    referrer integer not null, reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index IndexReferrer on Refs(referrer);
create index IndexReference on Refs(reference);
create trigger DeleteSelfRefs before delete on ValidPaths begin
    delete from Refs where referrer = old.id and reference = old.id;
end;
create table DerivationOutputs (
    drv integer not null, id text not null, path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index IndexDerivationOutputs on DerivationOutputs(path);
create table SchemaMigrations (migration text primary key not null);
"""

TOTAL_PATHS = 80_590
TOTAL_REFERENCES = 773_091
_BASE32 = "0123456789abcdfghijklmnpqrsvwxyz"
_OUTPUTS = ("", "", "", "-lib", "-dev", "-bin", "-man")


@dataclass
class _Path:
    id: int
    path: str
    size: int
    references: list[int]
    output: str


class _Writer:
    """Paths in the order of their registration; every reference is to an earlier one or to self."""

    def __init__(self, store_dir: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.store_dir = store_dir
        self.paths: list[_Path] = []
        self.edges = 0

    def add(self, name: str, references: list[int], output: str = "out", size: int = 0) -> int:
        number = len(self.paths) + 1
        digest = "".join(self.random.choices(_BASE32, k=32))
        size = size or int(self.random.lognormvariate(11, 2))
        refs = sorted(set(references))
        self.paths.append(_Path(number, f"{self.store_dir}/{digest}-{name}", size, refs, output))
        self.edges += len(refs)
        return number


def _package(slot: int, revision: int) -> tuple[str, str]:
    """A name with its version and, for some, its output."""
    output = _OUTPUTS[slot % len(_OUTPUTS)]
    name = f"package{slot:04d}-{1 + slot % 7}.{revision}.{slot % 10}{output}"
    return name, output.lstrip("-") or "out"


def _family(writer: _Writer, generations: int, size: int, changed: int) -> list[str]:
    """Generations of `size` paths each, the root among them; each rebuilds some `changed` packages
    and whatever depends on them. Returns the roots, oldest first."""
    rng = writer.random
    packages = size - 2
    depends = [
        sorted({int(slot * rng.random() ** 0.5) for _ in range(rng.randint(2, 15))}) if slot else []
        for slot in range(packages)
    ]
    used = {below for slots in depends for below in slots}
    top = [slot for slot in range(packages) if slot not in used or rng.random() < 0.1]
    built: list[int] = []
    revision = [0] * packages
    sizes = [int(rng.lognormvariate(11, 2)) for _ in range(packages)]
    roots = []
    for generation in range(generations):
        rebuilt = set(range(packages))
        if generation:
            # Applications change often, what everything rests on seldom.
            rebuilt = {packages - 1 - int(packages * rng.random() ** 8) for _ in range(changed)}
        ids: list[int] = []
        for slot in range(packages):
            below = [ids[lower] for lower in depends[slot]]
            if slot in rebuilt:
                revision[slot] += 1
                sizes[slot] = int(sizes[slot] * rng.uniform(0.8, 1.3)) + 1
            elif all(lower == built_id for lower, built_id in _pairs(below, depends[slot], built)):
                ids.append(built[slot])
                continue
            name, output = _package(slot, revision[slot])
            own = [len(writer.paths) + 1] if slot % 3 == 0 else []
            ids.append(writer.add(name, below + own, output, sizes[slot]))
        sw = writer.add("system-path", [ids[slot] for slot in top])
        root = writer.add(f"nixos-system-machine-26.11.{generation}", [sw, ids[-1], ids[0]])
        roots.append(writer.paths[root - 1].path)
        built = ids
    return roots


def _pairs(below: list[int], slots: list[int], built: list[int]) -> list[tuple[int, int]]:
    return [(lower, built[slot]) for lower, slot in zip(below, slots, strict=True)]


def create(
    database: str,
    *,
    store_dir: str = "/nix/store",
    families: tuple[tuple[int, int, int], ...] = ((40, 3000, 5), (2, 1500, 8)),
    total_paths: int = TOTAL_PATHS,
    total_references: int = TOTAL_REFERENCES,
    seed: int = 1,
) -> list[list[str]]:
    """Write a database with the given families of generations and unrelated paths up to the totals.

    Args:
        families: for each profile, how many generations, paths in each, packages changed each time.

    Returns:
        For each family the store paths of its generations, oldest first.
    """
    writer = _Writer(store_dir, seed)
    roots = [_family(writer, *family) for family in families]
    _fill(writer, total_paths, total_references)
    os.makedirs(os.path.dirname(database) or ".", exist_ok=True)
    _write(database, writer.paths)
    return roots


def registration(store_dir: str, family: tuple[int, int, int]) -> tuple[str, list[str]]:
    """One profile's generations as `nix-store --load-db` takes them (nix-store(1): path, hash,
    size, deriver, number of references, references, each on a line), and their store paths."""
    writer = _Writer(store_dir, seed=4)
    roots = _family(writer, *family)
    lines = []
    for path in writer.paths:
        references = [writer.paths[reference - 1].path for reference in path.references]
        lines += [path.path, f"{path.id:064x}", str(path.size), "", str(len(references))]
        lines += references
    return "\n".join(lines) + "\n", roots


def _fill(writer: _Writer, total_paths: int, total_references: int) -> None:
    """Unrelated paths, until both totals are met exactly."""
    rng = writer.random
    first = len(writer.paths)
    missing = total_paths - first
    if missing <= 0:
        raise ValueError(f"the families alone have {first} paths")
    for index in range(missing):
        wanted = (total_references - writer.edges) // (missing - index)
        number = len(writer.paths)
        count = min(max(0, wanted + rng.randint(-2, 2)), number)
        if index == missing - 1:
            count = total_references - writer.edges
        name, output = _package(index, 0)
        writer.add(f"other-{name}", rng.sample(range(1, number + 1), count), output)


def _write(database: str, paths: list[_Path]) -> None:
    connection = sqlite3.connect(database)
    try:
        connection.executescript("pragma journal_mode = wal; pragma synchronous = off;" + SCHEMA)
        # Every tenth path was built here: its derivation and outputs are known.
        connection.executemany(
            "insert into ValidPaths (id, path, hash, registrationTime, deriver, narSize, sigs)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (
                (p.id, p.path, f"sha256:{p.id:064x}", 1_700_000_000 + p.id, None, p.size, None)
                for p in paths
            ),
        )
        connection.executemany(
            "insert into Refs values (?, ?)", ((p.id, ref) for p in paths for ref in p.references)
        )
        connection.executemany(
            "insert into DerivationOutputs values (?, ?, ?)",
            ((p.id - 1, p.output, p.path) for p in paths if p.id % 10 == 0),
        )
        connection.commit()
        connection.execute("pragma wal_checkpoint(truncate)")
    finally:
        connection.close()

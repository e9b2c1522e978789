"""Where no Nix is installed: the same store and the same database, written from Python.

The database has the schema of Nix's own (Nix, src/libstore/schema.sql), so the reader that reads a
real one reads this. Sizes and hashes are true, measured on the archive of what was written; only
the hashes in the store paths are made otherwise than Nix makes them, in the same shape.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
import time
from collections.abc import Callable

from ..machine import Machine
from . import nar
from .description import SELF, Derivation, Description, File, Link, Tree, named_in, resolve_tree

_SCHEMA = """
CREATE TABLE ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer,
    sigs             text,
    ca               text
);
CREATE TABLE Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
CREATE INDEX IndexReferrer on Refs(referrer);
CREATE INDEX IndexReference on Refs(reference);
CREATE TRIGGER DeleteSelfRefs before delete on ValidPaths
  begin
    delete from Refs where referrer = old.id and reference = old.id;
  end;
CREATE TABLE DerivationOutputs (
    drv  integer not null,
    id   text not null,
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
CREATE INDEX IndexDerivationOutputs on DerivationOutputs(path);
CREATE TABLE SchemaMigrations (migration text primary key not null);
"""
_BASE32 = "0123456789abcdfghijklmnpqrsvwxyz"


def build(
    machine: Machine, description: Description, on_built: Callable[[str], None]
) -> dict[str, str]:
    """Write everything; the store paths of the description's roots, by key.

    Args:
        on_built: called with the name of each derivation when it is written; what it raises ends
            the writing.
    """
    os.makedirs(machine.store_dir)
    os.makedirs(os.path.dirname(machine.database))
    with sqlite3.connect(machine.database) as database:
        database.executescript("PRAGMA synchronous = off;" + _SCHEMA)
        store = _Store(machine, description, database)
        built = {key: store.add(key)["out"] for key in description.roots}
    database.close()
    for path, contents in store.contents.items():
        if isinstance(contents, File):
            _write_file(path, contents)
            on_built(os.path.basename(path).partition("-")[2].removesuffix(".drv"))
        else:
            _write_tree(path, contents)
    return built


class _Store:
    def __init__(
        self,
        machine: Machine,
        description: Description,
        database: sqlite3.Connection,
    ) -> None:
        self._dir = machine.store_dir
        self._derivations = description.derivations
        self._database = database
        self._now = int(time.time())
        self.contents: dict[str, Tree | File] = {}
        """What is to be written: store path -> its folder or file."""
        self._ids: dict[str, int] = {}
        self._outputs: dict[str, dict[str, str]] = {}
        self._drvs: dict[str, str] = {}

    def add(self, key: str) -> dict[str, str]:
        """Register a derivation, after what it needs; the store path of each output."""
        if key in self._outputs:
            return self._outputs[key]
        derivation = self._derivations[key]
        needed = {name for tree in derivation.outputs.values() for name in named_in(tree)}
        known = {(k, output): self.add(k)[output] for k, output in needed if k != SELF}
        contents = repr([resolve_tree(tree, known) for tree in derivation.outputs.values()])
        outputs = {
            output: self._path(_output_name(derivation, output), contents)
            for output in derivation.outputs
        }
        drv = self._add_drv(derivation, outputs, {self._drvs[k] for k, _ in known})
        known |= {(SELF, output): path for output, path in outputs.items()}
        for output, tree in derivation.outputs.items():
            self._register(outputs[output], resolve_tree(tree, known), drv)
        for output, tree in derivation.outputs.items():
            self._refer(outputs[output], {known[name] for name in named_in(tree)})
        self._database.executemany(
            "INSERT INTO DerivationOutputs VALUES (?, ?, ?)",
            [(self._ids[drv], output, path) for output, path in outputs.items()],
        )
        self._outputs[key] = outputs
        self._drvs[key] = drv
        return outputs

    def _add_drv(self, derivation: Derivation, outputs: dict[str, str], inputs: set[str]) -> str:
        """Register the derivation's own file; its store path."""
        file = File(_aterm(derivation, outputs, inputs))
        path = self._path(f"{derivation.name}.drv", file.text)
        self._register(path, file, None)
        self._refer(path, inputs)
        return path

    def _register(self, path: str, contents: Tree | File, deriver: str | None) -> None:
        self.contents[path] = contents
        archive = nar.serialise(contents)
        digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        self._ids[path] = len(self._ids) + 1
        self._database.execute(
            "INSERT INTO ValidPaths (id, path, hash, registrationTime, deriver, narSize, ultimate)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._ids[path], path, digest, self._now, deriver, len(archive), deriver and 1),
        )

    def _refer(self, path: str, others: set[str]) -> None:
        self._database.executemany(
            "INSERT INTO Refs VALUES (?, ?)",
            [(self._ids[path], self._ids[other]) for other in others],
        )

    def _path(self, name: str, contents: str) -> str:
        digest = hashlib.sha256(f"{self._dir}\0{name}\0{contents}".encode()).digest()
        return f"{self._dir}/{base32(digest[:20])}-{name}"


def base32(data: bytes) -> str:
    """Bytes in Nix's base 32, the last ones first (Nix, src/libutil/hash.cc)."""
    number = int.from_bytes(data, "little")
    length = (len(data) * 8 + 4) // 5
    return "".join(_BASE32[number >> 5 * place & 31] for place in reversed(range(length)))


def _output_name(derivation: Derivation, output: str) -> str:
    return derivation.name if output == "out" else f"{derivation.name}-{output}"


def _aterm(derivation: Derivation, outputs: dict[str, str], inputs: set[str]) -> str:
    """The derivation as Nix writes it (Nix manual, "Derivation"), its script left out."""
    system = f"{platform.machine()}-linux"
    variables = {
        "builder": "/bin/sh",
        "name": derivation.name,
        "outputs": " ".join(outputs),
        "pname": derivation.pname,
        "system": system,
        "version": derivation.version,
        **outputs,
    }
    made = ",".join(f'("{output}","{path}","","")' for output, path in sorted(outputs.items()))
    needed = ",".join(f'("{drv}",["out"])' for drv in sorted(inputs))
    env = ",".join(f'("{name}","{value}")' for name, value in sorted(variables.items()))
    return f'Derive([{made}],[{needed}],[],"{system}","/bin/sh",[],[{env}])'


def _write_tree(root: str, tree: Tree) -> None:
    """Write an output as Nix leaves it: read-only, dated one second into 1970."""
    folders = {root}
    for path, entry in tree.items():
        folders.add(f"{root}/{path}" if entry is None else os.path.dirname(f"{root}/{path}"))
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
    for path, entry in tree.items():
        match entry:
            case File():
                _write_file(f"{root}/{path}", entry)
            case Link():
                os.symlink(entry.target, f"{root}/{path}")
                os.utime(f"{root}/{path}", (1, 1), follow_symlinks=False)
    for folder, _, _ in os.walk(root, topdown=False):
        os.utime(folder, (1, 1))
        os.chmod(folder, 0o555)


def _write_file(path: str, file: File) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(file.text)
    os.utime(path, (1, 1))
    os.chmod(path, 0o555 if file.executable else 0o444)

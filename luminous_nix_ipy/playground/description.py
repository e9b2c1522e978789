"""What a playground's store holds, described once for both builders: real Nix and Python.

A derivation is described by the files of its outputs. Their text may name other outputs with
`token`; a builder puts the store path there, and what is named so is a reference, as Nix itself
finds references by scanning (Nix manual, "Store Path" and "References").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_TOKEN = re.compile(r"<<([^<>:]+):([a-z]+)>>")

Output = tuple[str, str]
"""The key of a derivation, and the name of one of its outputs."""

SELF = "self"
"""Stands in `token` for the derivation whose file it is."""


class File(msgspec.Struct, frozen=True):
    """A regular file."""

    text: str
    executable: bool = False


class Link(msgspec.Struct, frozen=True):
    """A symbolic link."""

    target: str


Tree = dict[str, File | Link | None]
"""Relative path -> what is there; None is a folder. Folders above are made as needed."""


class Derivation(msgspec.Struct, frozen=True):
    """One derivation: its name, and the tree of each of its outputs, "out" always among them."""

    pname: str
    version: str
    outputs: dict[str, Tree]

    @property
    def name(self) -> str:
        return f"{self.pname}-{self.version}" if self.version else self.pname


class Description(msgspec.Struct, frozen=True):
    """Derivations by their keys, and which of them become generations of which profile."""

    derivations: dict[str, Derivation]
    systems: list[str]
    """Keys of the system's generations, the oldest first; so are the next two."""
    user: list[str]
    home: list[str]

    @property
    def roots(self) -> list[str]:
        return [*self.systems, *self.user, *self.home]


def token(key: str, output: str = "out") -> str:
    """The text that stands for the store path of an output."""
    return f"<<{key}:{output}>>"


def named_in(tree: Tree) -> set[Output]:
    """The outputs that the texts of a tree name."""
    return {
        (match[1], match[2])
        for entry in tree.values()
        if entry is not None
        for match in _TOKEN.finditer(entry.text if isinstance(entry, File) else entry.target)
    }


def resolve_tree(tree: Tree, paths: Mapping[Output, str]) -> Tree:
    """The tree with store paths in place of their tokens; those not in `paths` stay."""
    whole: Tree = {}
    for path, entry in tree.items():
        match entry:
            case File():
                whole[path] = File(_resolve(entry.text, paths), entry.executable)
            case Link():
                whole[path] = Link(_resolve(entry.target, paths))
            case None:
                whole[path] = None
    return whole


def _resolve(text: str, paths: Mapping[Output, str]) -> str:
    return _TOKEN.sub(lambda match: paths.get((match[1], match[2]), match[0]), text)

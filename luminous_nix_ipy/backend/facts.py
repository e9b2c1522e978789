"""What a look at a machine found, and facts that a value may have to be the same as.

With a fact an exercise need not say what is right: it says where to look, which is right on every
playground, with Nix and without.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..machine import Machine
from ..records import ChangeKind, Generation
from ..store import closures
from .answers import Unordered
from .context import Context

Mark = Literal["current", "running", "booted"]
_FOLDER = re.compile(r"\{(\w*)\}")
_FOLDERS = {
    "profiles": "profiles_dir",
    "gcroots": "gcroots_dir",
    "store": "store_dir",
    "run": "run_dir",
    "boot": "boot_dir",
    "home": "home",
}
"""What a path may name in braces, with its attribute of a Machine."""


class Seen(msgspec.Struct, frozen=True):
    """What a look found."""

    what: str
    right: bool
    found: str
    """A sentence. It never tells what would be right."""
    begun: bool = True
    """False: what is looked at is still left open, so that it was no try."""


class FactOfGeneration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a column of `%nix list` has for a generation."""

    generation: int | Mark
    column: Literal[
        "number",
        "nixos_version",
        "kernel_version",
        "configuration_revision",
        "description",
        "note",
        "path",
        "link",
        "closure_bytes",
        "unique_bytes",
    ]
    profile: str | None = None

    async def tell(self, context: Context) -> Any:
        profile = context.profile(self.profile)
        one = find_generation(await context.generations(profile, sizes=True), self.generation)
        return None if one is None else getattr(one, self.column)


class FactOfLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a symbolic link says."""

    link: str

    def __post_init__(self) -> None:
        check_path(self.link)

    async def tell(self, context: Context) -> Any:
        try:
            return os.readlink(expand(self.link, context.machine))
        except OSError:
            return None


class FactOfClosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many store paths a generation, a word such as `booted`, or a path needs, itself
    included."""

    closure: int | str

    async def tell(self, context: Context) -> Any:
        from .operations.diff import store_path

        path = await store_path(context, self.closure)
        return len((await context.read(lambda reader: reader.closure(path))).sizes)


class FactOfDiff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the packages that were so changed from the one to the other, in any order."""

    diff: tuple[int | str, int | str]
    change: ChangeKind

    async def tell(self, context: Context) -> Any:
        from .operations.diff import store_path

        old, new = [await store_path(context, side) for side in self.diff]
        before = await context.read(lambda reader: reader.closure(old))
        after = await context.read(lambda reader: reader.closure(new))
        changes = closures.diff(before, after).changes
        return Unordered(each.name for each in changes if each.change == self.change)


Fact = FactOfGeneration | FactOfLink | FactOfClosure | FactOfDiff


FACTS: dict[str, type[Fact]] = {
    "generation": FactOfGeneration,
    "link": FactOfLink,
    "closure": FactOfClosure,
    "diff": FactOfDiff,
}
"""The facts that a value may be the same as."""


def chosen(table: Mapping[str, Any], classes: Mapping[str, Any]) -> Any:
    """The table as the class that one of its keys names.

    Raises:
        ValueError: none or several do, or the others do not fit; with a sentence.
    """
    named = [key for key in table if key in classes]
    if len(named) != 1:
        raise ValueError(f"each needs one of {', '.join(map(repr, classes))}: {dict(table)!r}")
    try:
        return msgspec.convert(dict(table), classes[named[0]])
    except msgspec.ValidationError as error:
        raise ValueError(f"{named[0]} = {table[named[0]]!r}: {error}") from None


def check_path(path: str) -> None:
    """Raises: ValueError: it names a folder that `expand` does not know; with a sentence."""
    for name in _FOLDER.findall(path):
        if name not in _FOLDERS:
            known = ", ".join(f"{{{each}}}" for each in _FOLDERS)
            raise ValueError(f"{path!r} names no folder of a machine; there are {known}")


def expand(path: str, machine: Machine) -> str:
    """The path with the folders of the machine put in for `{profiles}` and the like."""
    return _FOLDER.sub(lambda match: str(getattr(machine, _FOLDERS[match[1]])), path)


def find_generation(found: list[Generation], wanted: int | Mark) -> Generation | None:
    """The generation of that number, or with that mark."""
    if isinstance(wanted, int):
        return next((each for each in found if each.number == wanted), None)
    return next((each for each in found if getattr(each, wanted)), None)

"""What of an entry is searched: its words, field by field, and its keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..search_records import OptionEntry, PackageEntry
from .index_words import key, name_words, simple_words, words

_MOST_TEXT_WORDS = 60
"""Words of a description that are indexed: what a thing is, is told first."""

_PLACEHOLDER = re.compile(r"<[^>]*>|\*|\"")
_HOST = re.compile(r"^[a-z]+://(?:www\.)?([^/:?#]*).*$", re.DOTALL)
_REFERENCE = re.compile(r"\b[a-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)+")
"""What looks like an option's path in running text."""


@dataclass(slots=True, frozen=True)
class Document:
    """An entry as it is searched; words are parted by a space."""

    number: int
    """Its place in the source's list."""
    name: str
    key: str
    leaf: str
    """The key of the last component."""
    pname: str
    """The key of a package's own name where that is another."""
    module: str
    """The key of what an option `….enable` enables."""
    program: str
    """The key of the main program; empty where it has none."""
    commands: tuple[str, ...]
    """Keys of all programs."""
    title: str
    """Words of the last component and the package's name; of an option's last two components."""
    path: str
    """Words of the components before."""
    text: str
    """Words of the description."""
    depth: int
    """How many components the name has."""
    measure: tuple[str, ...]
    """The words that a query must have to have asked for the whole name; of a package those of its
    last component."""
    mentions: tuple[str, ...]
    """What the description speaks of by name: of an option, other options; of a package, the words
    that are capital within a sentence."""
    site: str
    """The host of a package's home page."""
    care: float
    """0 to 1: how much of what is worth telling is told, and nothing speaks against it."""


def package_document(number: int, entry: PackageEntry) -> Document:
    """A package as it is searched."""
    components = entry.attribute.split(".")
    pname = key(entry.pname)
    leaf = key(components[-1])
    title = name_words(components[-1])
    if entry.pname != components[-1]:
        title += [word for word in name_words(entry.pname) if word not in title]
    program = entry.main_program or ""
    return Document(
        number=number,
        name=entry.attribute,
        key=key(entry.attribute),
        leaf=leaf,
        pname="" if pname == leaf else pname,
        module="",
        program=key(program),
        commands=tuple({key(command) for command in entry.programs} - {""}),
        title=" ".join(title),
        path=" ".join(name_words(" ".join(components[:-1]))),
        text=_text(entry.description),
        depth=len(components),
        measure=tuple(simple_words(components[-1])),
        mentions=_proper_names(entry.description),
        site=_site(entry.homepages),
        care=_care(entry),
    )


def option_document(number: int, entry: OptionEntry) -> Document:
    """An option as it is searched."""
    components = [part for part in entry.name.split(".") if not _PLACEHOLDER.fullmatch(part)]
    return Document(
        number=number,
        name=entry.name,
        key=key(entry.name),
        leaf=key(components[-1]) if components else "",
        pname="",
        module=key(components[-2]) if components[-1:] == ["enable"] and components[1:] else "",
        program="",
        commands=(),
        title=" ".join(name_words(" ".join(components[-2:]))),
        path=" ".join(name_words(" ".join(components[:-2]))),
        text=_text(entry.description),
        depth=entry.name.count(".") + 1,
        measure=tuple(simple_words(" ".join(components))),
        mentions=tuple(set(_REFERENCE.findall(entry.description)) - {entry.name}),
        site="",
        care=1.0 if entry.description and not entry.read_only else 0.5,
    )


def _site(homepages: tuple[str, ...]) -> str:
    return _HOST.sub(r"\1", homepages[0]).casefold() if homepages else ""


def _proper_names(description: str) -> tuple[str, ...]:
    return tuple(
        {word.casefold() for word in words(description, fold=False)[1:] if word[0].isupper()}
    )


def _text(description: str) -> str:
    return " ".join(words(description)[:_MOST_TEXT_WORDS])


def _care(entry: PackageEntry) -> float:
    """Packages that people use are described, have a home and a program, and work."""
    told = (
        0.35 * bool(entry.description)
        + 0.35 * bool(entry.main_program)
        + 0.15 * bool(entry.homepages)
        + 0.10 * bool(entry.changelog)
        + 0.05 * (len(entry.outputs) > 1)
    )
    against = entry.broken or entry.insecure or entry.unsupported
    return told * (0.5 if against else 1.0)

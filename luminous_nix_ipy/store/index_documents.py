"""What of an entry is searched: its words, field by field, and its keys."""

from __future__ import annotations

import re
from functools import cache

import msgspec

from ..search_records import OptionEntry, PackageEntry
from .index_words import key, name_words, simple_words, words

_MOST_TEXT_WORDS = 60
"""Words of a description that are indexed: what a thing is, is told first."""

_PLACEHOLDER = re.compile(r"<[^>]*>|\*|\"")
_HOST = re.compile(r"[a-z]+://(?:www\.)?([^/:?#]*)")
_REFERENCE = re.compile(r"\b[a-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)+")
"""What looks like an option's path in running text."""


class Document(msgspec.Struct, frozen=True, gc=False):
    """An entry as it is searched; words are parted by a space.

    A list has a hundred thousand, none of which refers to another: without `gc` they need not be
    gone through, again and again, while they become more.
    """

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


class Reader:
    """Makes documents. Remembers what it has read: a description is often that of many packages
    (of a library for each Python), and every name of a set begins as the others do."""

    def __init__(self) -> None:
        self._described: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._path = cache(_joined_words)
        self._site = cache(_site)

    def package(self, number: int, entry: PackageEntry) -> Document:
        """A package as it is searched."""
        attribute, own = entry.attribute, entry.pname
        path, _, last = attribute.rpartition(".")
        leaf = key(last)
        pname = leaf if own == last else key(own)
        title = name_words(last)
        if own != last:
            title += [word for word in name_words(own) if word not in title]
        text, names = self._description(entry.description)
        return Document(
            number=number,
            name=attribute,
            key=leaf if not path else key(attribute),
            leaf=leaf,
            pname="" if pname == leaf else pname,
            module="",
            program=key(entry.main_program or ""),
            commands=tuple({key(command) for command in entry.programs} - {""}),
            title=" ".join(title),
            path=self._path(path),
            text=text,
            depth=attribute.count(".") + 1,
            measure=tuple(simple_words(last)),
            mentions=names,
            site=self._site(entry.homepages[0]) if entry.homepages else "",
            care=_care(entry),
        )

    def option(self, number: int, entry: OptionEntry) -> Document:
        """An option as it is searched."""
        name = entry.name
        components = [part for part in name.split(".") if not _PLACEHOLDER.fullmatch(part)]
        return Document(
            number=number,
            name=name,
            key=key(name),
            leaf=key(components[-1]) if components else "",
            pname="",
            module=key(components[-2]) if components[-1:] == ["enable"] and components[1:] else "",
            program="",
            commands=(),
            title=_joined_words(" ".join(components[-2:])),
            path=self._path(" ".join(components[:-2])),
            text=self._description(entry.description)[0],
            depth=name.count(".") + 1,
            measure=tuple(simple_words(" ".join(components))),
            mentions=tuple(set(_REFERENCE.findall(entry.description)) - {name}),
            site="",
            care=1.0 if entry.description and not entry.read_only else 0.5,
        )

    def _description(self, description: str) -> tuple[str, tuple[str, ...]]:
        """Its words as they are indexed, and those that are capital within a sentence."""
        if description not in self._described:
            told = words(description, fold=False)
            self._described[description] = (
                " ".join(told[:_MOST_TEXT_WORDS]).casefold(),
                tuple({word.casefold() for word in told[1:] if word[0].isupper()}),
            )
        return self._described[description]


def _joined_words(name: str) -> str:
    return " ".join(name_words(name))


def _site(homepage: str) -> str:
    host = _HOST.match(homepage)
    return (host[1] if host else homepage).casefold()


def _is_later(version: str) -> bool:
    """Whether it is one after version 1, and no date: those have more digits."""
    major = version.partition(".")[0]
    return major.isdecimal() and len(major) < 4 and int(major) > 1


def _care(entry: PackageEntry) -> float:
    """Packages that people use are described, have a home and a program of their name, are large
    enough to be parted into outputs, have got beyond version 0 or 1, and work."""
    program = key(entry.main_program or "")
    of_its_name = program in (key(entry.pname), key(entry.attribute))
    told = (
        0.25 * bool(entry.description)
        + 0.35 * bool(program) * (1.0 if of_its_name else 0.4)
        + 0.10 * bool(entry.homepages)
        + 0.05 * bool(entry.changelog)
        + 0.05 * min(3, max(0, len(entry.outputs) - 1))
        + 0.10 * _is_later(entry.version)
    )
    if entry.version.startswith(("0.", "0-")):
        told -= 0.2
    against = entry.broken or entry.insecure or entry.unsupported
    return max(0.0, told) * (0.5 if against else 1.0)

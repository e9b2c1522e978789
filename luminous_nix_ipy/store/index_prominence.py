"""How well known an entry is likely to be, told from the lists alone.

Nobody's downloads are counted. What speaks for a package: it stands at the top level, or is a
described program of a set, best of a large one; it is complete and grown (`Document.care`: parted
into outputs, in its second version or later, with a program of its name); its attribute is its
plain name, not that of a variant (`nodejs` before `nodejs_22`); and it has a name: packages of many
sets are named after it (`vimPlugins.git-blame-nvim`, `emacsPackages.git-link`), there are variants
and companions of it (`git-lfs`), descriptions speak of it, and its home page is a site of its own.
A name that is an ordinary word (`file`, `tree`) is in many descriptions too, but hardly ever with a
capital letter: it counts for little.

Where the options of a module system are known too, what they name (`index_named`) is better known:
what modules run, configure and show as an example is what people use.

What speaks for an option: other options' descriptions refer to it; it stands high up; it enables
something; its module has many options, as what many people configure has.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import log2
from typing import NamedTuple

from .index_documents import Document
from .index_words import key

_VERSION = re.compile(r"[0-9_]+")
_THINGS = 15
"""Descriptions at the top level from which on a word may be that of a thing."""
_SHARED = 30
"""Packages from which on a site is a place where many keep theirs."""
_LARGE = 5000
"""Packages of the largest sets."""
_OFTEN = 100
"""Descriptions from which on a word may be an ordinary one …"""
_SELDOM_NAMED = 0.2
"""… if fewer of them than this share write it as a name."""


class Prominence(NamedTuple):
    """What is told of one entry."""

    value: float
    """0 to 1."""
    thing: bool = False
    """It is in a set and called as things are called in general (`rPackages.statistics`): who asks
    for the thing without the set may not mean it."""


def package_prominence(
    documents: Sequence[Document], named: Collection[str] = ()
) -> list[Prominence]:
    """That of each package of a list. `named`: those that options speak of."""
    fame = _Fame(documents)
    spoken_of = frozenset(named)
    return [
        Prominence(
            0.30 * _standing(document)
            + 0.19 * document.care
            + 0.08 * fame.has_site(document)
            + 0.03 * (not document.pname)
            + 0.25 * fame.of(document)
            + 0.15 * (document.name in spoken_of)
            + 0.03 * fame.has_large_set(document),
            fame.is_thing(document),
        )
        for document in documents
    ]


def _standing(document: Document) -> float:
    """1 at the top level; in a set, what is an application by itself comes before its parts."""
    if document.depth == 1:
        return 1.0
    return 0.5 if document.program and document.text else 0.0


class _Fame:
    """What other packages' names and descriptions tell of a name."""

    def __init__(self, documents: Sequence[Document]) -> None:
        above = [document for document in documents if document.depth == 1]
        self._told = _told(documents)
        self._told_above = _told(above)
        self._named = Counter(chain.from_iterable(document.mentions for document in documents))
        self._sites = Counter(document.site for document in documents)
        self._companions = Counter(
            document.measure[0] for document in above if len(document.measure) > 1
        )
        self._sizes = Counter(document.name.partition(".")[0] for document in documents)
        self._sets: defaultdict[str, set[str]] = defaultdict(set)
        for document in documents:
            package_set = "" if document.depth == 1 else _set_of(document.name.partition(".")[0])
            for word in document.measure:
                self._sets[word].add(package_set)

    def is_thing(self, document: Document) -> bool:
        """Whether it is in a set, and the top level speaks of what it is called."""
        told = min((self._told_above[word] for word in document.measure), default=0)
        return document.depth > 1 and told > _THINGS

    def has_site(self, document: Document) -> float:
        """1 for a site of its own name, a half for one that it shares with few others."""
        if not document.site or self._sites[document.site] > _SHARED:
            return 0.0
        return 1.0 if document.leaf in key(document.site) else 0.5

    def has_large_set(self, document: Document) -> float:
        """0 to 1: of sets that have the same package, most people look in the largest."""
        if document.depth == 1:
            return 0.0
        return _scaled(self._sizes[document.name.partition(".")[0]], _LARGE)

    def of(self, document: Document) -> float:
        """0 to 1."""
        name = document.leaf
        told = self._told[name]
        ordinary = told > _OFTEN and self._named[name] < _SELDOM_NAMED * told
        return (0.25 if ordinary else 1.0) * (
            0.35 * _scaled(len(self._sets.get(name, ())), 10)
            + 0.25 * _scaled(self._companions[name], 15)
            + 0.40 * _scaled(told, 60)
        )


def option_prominence(documents: Sequence[Document]) -> list[Prominence]:
    """That of each option of a list."""
    mentions: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for document in documents:
        mentions.update(document.mentions)
        modules[_module(document.name)] += 1
    return [
        Prominence(
            0.30 * _scaled(mentions[document.name], 30)
            + 0.25 / max(1, document.depth - 1)
            + 0.15 * (document.leaf == "enable")
            + 0.20 * _scaled(modules[_module(document.name)], 200)
            + 0.10 * document.care
        )
        for document in documents
    ]


def _told(documents: Iterable[Document]) -> Counter[str]:
    """In how many descriptions each word is."""
    return Counter(chain.from_iterable(set(document.text.split()) for document in documents))


@lru_cache(maxsize=1024)
def _set_of(component: str) -> str:
    """A set's name without its version."""
    return _VERSION.sub("", component)


def _module(name: str) -> str:
    return ".".join(name.split(".")[:2])


@lru_cache(maxsize=1024)
def _scaled(count: int, most: int) -> float:
    """0 to 1 as `count` goes from 0 to `most`, by its order of magnitude."""
    return min(1.0, log2(1 + count) / log2(1 + most))

"""How well known an entry is likely to be, told from the list that it is in alone.

Nobody's downloads are counted. What speaks for a package: it stands at the top level and not in a
set; it is complete (`Document.care`); other packages are named after it (`firefox-esr`, `git-lfs`,
`vimPlugins.…-nvim`) or speak of it; its attribute is the package's plain name, not one of its
variants (`nodejs` before `nodejs_22`). What speaks for an option: other options' descriptions refer
to it; it stands high up; it enables something; its module has many options, as what many people
configure has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log2

from .index_documents import Document


def package_prominence(documents: Sequence[Document]) -> list[float]:
    """0 to 1 for each package of a list."""
    named: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for document in documents:
        named.update(set(document.title.split()))
        told.update(set(document.text.split()))
    return [
        0.40 * (document.depth == 1)
        + 0.20 * document.care
        + 0.15 * _scaled(named[document.leaf], 300)
        + 0.10 * _scaled(told[document.leaf], 300)
        + 0.10 * (not document.pname)
        + 0.05 / max(1, len(document.title.split()))
        for document in documents
    ]


def option_prominence(documents: Sequence[Document]) -> list[float]:
    """0 to 1 for each option of a list."""
    mentions: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for document in documents:
        mentions.update(document.mentions)
        modules[_module(document.name)] += 1
    return [
        0.30 * _scaled(mentions[document.name], 30)
        + 0.25 / max(1, document.depth - 1)
        + 0.15 * (document.leaf == "enable")
        + 0.20 * _scaled(modules[_module(document.name)], 200)
        + 0.10 * document.care
        for document in documents
    ]


def _module(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _scaled(count: int, most: int) -> float:
    """0 to 1 as `count` goes from 0 to `most`, by its order of magnitude."""
    return min(1.0, log2(1 + count) / log2(1 + most))

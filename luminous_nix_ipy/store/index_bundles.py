"""Which commands a package brings only because another package is in it.

A wrapper brings the commands of what it runs: `lorri` those of coreutils, `gcc` those of binutils.
Who asks for such a command means the package that it is of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from .index_documents import Document

_FEWEST = 2
"""Commands from which on a package is told by them."""
_NEARLY_ALL = 0.9


def bundled_commands(documents: Iterable[Document]) -> dict[int, set[str]]:
    """`Document.number` -> those of its commands that are of another package, of which it has
    nearly all, beside a main program of its own."""
    owners: defaultdict[str, list[Document]] = defaultdict(list)
    having = [document for document in documents if len(document.commands) >= _FEWEST]
    for document in having:
        if document.depth == 1:
            for command in document.commands:
                owners[command].append(document)
    by_number = {document.number: document for document in having}
    found: dict[int, set[str]] = {}
    for document in having:
        if not document.program:
            continue
        shared = Counter(owner.number for name in document.commands for owner in owners[name])
        for number, count in shared.items():
            owner = by_number[number]
            if count >= _NEARLY_ALL * len(owner.commands) and _is_another(owner, document):
                found.setdefault(document.number, set()).update(owner.commands)
    return found


def _is_another(owner: Document, document: Document) -> bool:
    """Whether it is no variant of the same: neither's name has the other's in it, nor are they
    described alike, nor has it the main program."""
    return not (
        document.program in owner.commands
        or owner.leaf in document.leaf
        or document.leaf in owner.leaf
        or (owner.text and owner.text == document.text)
    )

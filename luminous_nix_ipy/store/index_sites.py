"""What the home page of a project tells of its name.

`signal-desktop` has signal.org, `wireguard-tools` has wireguard.com, `sage` has sagemath.org: where
few packages share a site, its name is what people call them, though no attribute is called so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .index_documents import Document
from .index_words import key

_MOST = 10
"""Packages up to which those of a site are of one project."""
_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "gov", "net", "org"))
"""What stands before a country, as in example.co.uk."""


def project_names(documents: Iterable[Document]) -> dict[str, str]:
    """`Document.site` -> the name of its domain, as a key, where it is a project's own."""
    hosts = Counter(document.site for document in documents)
    names = {host: _name(host) for host in hosts}
    packages: Counter[str] = Counter()
    for host, count in hosts.items():
        packages[names[host]] += count
    return {host: name for host, name in names.items() if name and packages[name] <= _MOST}


def _name(host: str) -> str:
    """The part of a host before its top-level domain: "example" of docs.example.co.uk."""
    labels = host.split(".")[:-1]
    if len(labels) > 1 and labels[-1] in _SECOND_LEVEL:
        labels.pop()
    return key(labels[-1]) if labels else ""

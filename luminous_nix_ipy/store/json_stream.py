"""The members of a large JSON object one by one, without ever holding it whole (ijson)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import ListUnreadable

_HEAD_BYTES = 4096
_FIRST_MEMBERS = rb'\s*\{\s*(?:"[^"]*"\s*:\s*(?:"[^"]*"|[^\s{\["]+)\s*,\s*)*"%s"\s*:\s*\{'
"""The object's beginning up to the member that is meant; those before it are plain values."""


def members(file: BinaryIO, inside: str) -> Iterator[tuple[str, Any]]:
    """Each (name, value) of the object that the file is, in order.

    Args:
        file: what is read, to its end; it need not be able to seek.
        inside: where the object has a member of this name among its first, an object itself, that
            one's members are given.

    Raises:
        ListUnreadable: it is no object, no JSON, not UTF-8, or ends too early. What was given
            before was right as far as it goes.
    """
    import ijson

    head = _read_head(file)
    if head.lstrip()[:1] != b"{":
        raise ListUnreadable(
            "The list cannot be read: it is not a JSON object.", f"It begins with {head[:40]!r}."
        )
    nested = re.match(_FIRST_MEMBERS % re.escape(inside.encode()), head) is not None
    try:
        yield from ijson.kvitems(_Rejoined(head, file), inside if nested else "", use_float=True)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise ListUnreadable(
            "The list cannot be read: it is damaged, or not whole.",
            " ".join(str(error).split()) + ".",
            ["Fetch it anew."],
        ) from error


def _read_head(file: BinaryIO) -> bytes:
    head = b""
    while len(head) < _HEAD_BYTES:
        more = file.read(_HEAD_BYTES - len(head))
        if not more:
            break
        head += more
    return head


class _Rejoined:
    """A file whose beginning has been read already, read from its beginning."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        if self._head:
            taken, self._head = self._head[:size], self._head[size:]
            return taken
        return self._rest.read(size)

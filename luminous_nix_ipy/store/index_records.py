"""Records as they are kept in an index: the values of their fields, in order, as MessagePack."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from ..search_records import EntryT

pack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
"""A value, or a tuple of a record's fields (`msgspec.structs.astuple`), as bytes."""
_unpack: Callable[[bytes], Any] = msgspec.msgpack.Decoder().decode


def record(entry_type: type[EntryT], packed: bytes, platforms: bytes | None) -> EntryT:
    """The record whose fields are packed.

    Args:
        platforms: the packed list of platforms, where it is kept apart.

    Raises:
        msgspec.MsgspecError: it is damaged.
    """
    values = _unpack(packed)
    if not isinstance(values, list):
        raise msgspec.ValidationError("it is no record")
    fields = dict(zip(_fields(entry_type), values, strict=False))
    if platforms is not None:
        fields["platforms"] = _unpack(platforms)
    return msgspec.convert(fields, entry_type)


@cache
def _fields(entry_type: type[EntryT]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(entry_type))

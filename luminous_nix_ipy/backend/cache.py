"""What may be remembered, and what forgets it.

Lists and searches are remembered for some minutes, but only while what they were read from is
unchanged: each entry carries a token of those facts (modification times, links), and an entry with
another token is no answer. The result of a change is never remembered.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Hashable
from typing import Any

from .. import settings
from .model import NixOperation, NixResult

_MOST_ENTRIES = 256


class OperationCache:
    """Results of reads by operation. May be used from several threads."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, Hashable, NixResult]] = {}
        self._lock = threading.Lock()

    def get(self, operation: NixOperation, token: Hashable) -> NixResult | None:
        """A fresh copy of what was remembered, None where nothing was, or it no longer holds."""
        with self._lock:
            entry = self._entries.get(_key(operation))
            if entry is None:
                return None
            made, made_from, result = entry
            if made_from != token or time.monotonic() - made > settings.get("cache_seconds"):
                del self._entries[_key(operation)]
                return None
            return _copy(result)

    def set(self, operation: NixOperation, token: Hashable, result: NixResult) -> None:
        """Remember a successful read; the oldest entry goes when there are too many."""
        with self._lock:
            self._entries.pop(_key(operation), None)
            self._entries[_key(operation)] = (time.monotonic(), token, _copy(result))
            while len(self._entries) > _MOST_ENTRIES:
                del self._entries[next(iter(self._entries))]

    def clear_expired(self) -> int:
        """Forget what is too old; the number of entries that went."""
        with self._lock:
            limit = time.monotonic() - settings.get("cache_seconds")
            old = [key for key, (made, _, _) in self._entries.items() if made < limit]
            for key in old:
                del self._entries[key]
            return len(old)

    def clear(self) -> int:
        """Forget everything; the number of entries that went."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            return count


def _key(operation: NixOperation) -> str:
    return json.dumps(
        [operation.type.value, operation.packages, operation.options], sort_keys=True, default=repr
    )


def _copy(result: NixResult) -> NixResult:
    """A result that shares no container with the other: the records inside are frozen."""
    return NixResult(
        success=result.success,
        message=result.message,
        data={key: _copy_value(value) for key, value in result.data.items()},
        error=result.error,
        duration=result.duration,
        suggestions=list(result.suggestions),
    )


def _copy_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy_value(item) for key, item in value.items()}
    return value

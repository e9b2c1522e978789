"""What `get_metrics()` counts: every operation, refused ones and cached ones included."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Count:
    completed: int = 0
    failed: int = 0
    seconds: float = 0.0
    hits: int = 0
    misses: int = 0

    def as_dict(self) -> dict[str, Any]:
        total = self.completed + self.failed
        looked_up = self.hits + self.misses
        return {
            "total_operations": total,
            "success_rate": self.completed / total if total else 0.0,
            "average_duration": self.seconds / total if total else 0.0,
            "cache_hit_rate": self.hits / looked_up if looked_up else 0.0,
            "details": {
                "operations_completed": self.completed,
                "operations_failed": self.failed,
                "total_duration": self.seconds,
                "cache_hits": self.hits,
                "cache_misses": self.misses,
            },
        }


@dataclass
class Metrics:
    """Counts of one backend. Rates are fractions from 0 to 1, 0 where nothing was counted;
    durations are seconds. May be used from several threads."""

    _overall: _Count = field(default_factory=_Count)
    _by_operation: dict[str, _Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(
        self, operation: str, *, success: bool, seconds: float, cached: bool | None = None
    ) -> None:
        """Count one operation; `cached` is None for operations that are never cached."""
        with self._lock:
            for count in (self._overall, self._by_operation.setdefault(operation, _Count())):
                count.completed += success
                count.failed += not success
                count.seconds += seconds
                count.hits += cached is True
                count.misses += cached is False

    def as_dict(self) -> dict[str, Any]:
        """Totals as the migration guide names them, and the same per operation in
        `by_operation`."""
        with self._lock:
            return {
                **self._overall.as_dict(),
                "by_operation": {
                    name: count.as_dict() for name, count in sorted(self._by_operation.items())
                },
            }

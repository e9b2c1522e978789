"""What the backends of this process have changed, for whoever keeps a record of it."""

from __future__ import annotations

from typing import Any

from ..records import Check

_ids: list[str] = []
_verified: dict[str, tuple[Check, ...]] = {}


def begun(change: str) -> None:
    """A change of this id is about to be journalled; it may still be refused."""
    _ids.append(change)


def reported(report: Any) -> None:
    """Keep what was verified after a change, where its report tells it."""
    change, verified = getattr(report, "journal_id", None), getattr(report, "verified", None)
    if change is not None and verified:
        _verified[change] = tuple(verified)


def count() -> int:
    """How many changes were begun."""
    return len(_ids)


def since(mark: int) -> list[str]:
    """The ids of the changes that were begun since `count` said so."""
    return _ids[mark:]


def verified(change: str) -> tuple[Check, ...]:
    """What was verified after a change; empty where nothing is known of it."""
    return _verified.get(change, ())

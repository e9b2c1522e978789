"""Journals for tests: entries, and lines as every writer of them leaves them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from luminous_nix_ipy.records import JournalEntry

START = datetime(2026, 1, 2, 3, 4, 5).astimezone()


def entry(change: str, minutes: float = 0, **fields: Any) -> JournalEntry:
    """An entry that began so many minutes after START."""
    values = {
        "id": change,
        "started": START + timedelta(minutes=minutes),
        "user": "somebody",
        "host": "somewhere",
        "operation": "rollback",
        "profile": "/nix/var/nix/profiles/system",
        **fields,
    }
    return JournalEntry(**values)


def ended(change: str, outcome: str = "done", **fields: Any) -> dict[str, Any]:
    """The object with which a supervisor ends a change, a minute after START."""
    seconds = int(START.timestamp()) + 60
    return {"id": change, "ended": seconds, "outcome": outcome, "ran": [], **fields}


def add_line(path: str, told: dict[str, Any]) -> None:
    """Add any object to a journal, as `supervisor.sh` does."""
    file = Path(path)
    lines = file.read_bytes().splitlines() if file.exists() else []
    previous = hashlib.sha256(lines[-1]).hexdigest() if lines else None
    with file.open("ab") as out:
        out.write(json.dumps({"previous": previous, **told}).encode() + b"\n")

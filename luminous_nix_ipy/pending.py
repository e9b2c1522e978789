"""Whether a change of the system was cut off: looked at when the extension is loaded, so that it
must cost next to nothing. `backend/cut_off.py` tells all of it."""

from __future__ import annotations

import fcntl
import json
import os

_LOOKED_AT = 1 << 20
"""Bytes of the journal's end that are looked at."""


def cut_off() -> list[str]:
    """Ids of changes whose intent has no outcome, while nobody is at work. Empty where the journal
    cannot be read."""
    folder = os.environ.get("LUMINOUS_NIX_SYSTEM_STATE_DIR") or "/var/lib/luminous-nix"
    if not _without_outcome(folder) or _is_held(f"{folder}/change.lock"):
        return []
    # Once more: the one who held the lock may have written the outcome between the two looks.
    return _without_outcome(folder)


def _without_outcome(folder: str) -> list[str]:
    """Ids of the intents without outcome."""
    try:
        with open(f"{folder}/journal.jsonl", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOKED_AT))
            lines = file.read().splitlines()
    except OSError:
        return []
    outcomes: dict[str, object] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            outcomes[entry["id"]] = entry["outcome"]
        except (ValueError, KeyError, TypeError):  # half a line; the journal's reader tells of it
            continue
    return [change for change, outcome in outcomes.items() if outcome is None]


def notice() -> str | None:
    """The sentence to be shown when the extension is loaded."""
    found = cut_off()
    if not found:
        return None
    which = found[-1] if len(found) == 1 else f"{len(found)} changes"
    return f"A change of the system was cut off ({which}): see it with %nix recover."


def _is_held(lock: str) -> bool:
    try:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False

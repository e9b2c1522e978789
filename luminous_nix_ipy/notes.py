"""Notes on generations, kept in the user's state folder as one JSON file.

A note is keyed by profile, number and store path, since Nix reuses numbers: a note of a deleted
generation never shows on a later one of the same number.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from .machine import Machine


def notes_file(machine: Machine) -> str:
    """Path of the notes' file of this machine and user."""
    return os.path.join(machine.user_state_dir, "notes.json")


def read_notes(machine: Machine, profile_path: str) -> dict[tuple[int, str], str]:
    """The notes of one profile: (number, store path) -> text. Empty where none was written."""
    return {
        (entry["number"], entry["path"]): entry["note"]
        for entry in _load(notes_file(machine))
        if entry["profile"] == profile_path
    }


def write_note(
    machine: Machine, profile_path: str, number: int, path: str, note: str | None
) -> None:
    """Write, replace or (None or "") remove the note of one generation; the file changes at once or
    not at all."""
    import fcntl

    target = notes_file(machine)
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    with open(target + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        key = (profile_path, number, path)
        kept = [e for e in _load(target) if (e["profile"], e["number"], e["path"]) != key]
        if note:
            kept.append({"profile": profile_path, "number": number, "path": path, "note": note})
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".notes-")
        with os.fdopen(descriptor, "w") as file:
            json.dump(kept, file, indent=1, ensure_ascii=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)


def _load(path: str) -> list[dict[str, Any]]:
    from .errors import NixError

    try:
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)
        if all({"profile", "number", "path", "note"} <= entry.keys() for entry in entries):
            return list(entries)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError, TypeError) as error:
        reason = str(error)
    else:
        reason = "an entry lacks profile, number, path or note"
    raise NixError(
        f"The notes in {path} cannot be read.", f"{reason}.", ["Mend the file, or move it away."]
    )

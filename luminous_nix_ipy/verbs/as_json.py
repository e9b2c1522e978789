"""Records as JSON text, for programs that read what a verb found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from ..records import Generation

if TYPE_CHECKING:
    from ..widgets.show import Text


def as_json(records: Any) -> Text:
    """Records, dicts and lists of them as indented JSON. Bytes that are not UTF-8 are `\\udcXX`."""
    from ..widgets.show import Text

    text = json.dumps(msgspec.to_builtins(records), indent=2, ensure_ascii=False)
    return Text(text.encode("utf-8", "backslashreplace").decode())


def generation_keys(generation: Generation, sizes: bool, all_columns: bool) -> dict[str, Any]:
    """One generation with the keys of `nixos-rebuild list-generations --json`, which writes local
    times and "Unknown"; further keys in the same style are its own in the record."""
    g = generation
    keys: dict[str, Any] = {
        "generation": g.number,
        "date": f"{g.date:%Y-%m-%d %H:%M:%S}" if g.date else "Unknown",
        "nixosVersion": g.nixos_version or "Unknown",
        "kernelVersion": g.kernel_version or "Unknown",
        "configurationRevision": g.configuration_revision or "Unknown",
        "specialisations": list(g.specialisations),
        "current": g.current,
    }
    if sizes:
        keys |= {"closureBytes": g.closure_bytes, "uniqueBytes": g.unique_bytes}
    if all_columns:
        keys |= {
            "running": g.running,
            "booted": g.booted,
            "kept": g.kept,
            "description": g.description,
            "note": g.note,
            "path": g.path,
            "link": g.link,
            "problem": g.problem,
        }
    return keys

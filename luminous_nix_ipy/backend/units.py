"""What switch-to-configuration says about systemd units, as records.

The lines are those that it prints (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng): `would
restart the following units: a, b` under dry-activate, `restarting the following units: a, b`
otherwise.
"""

from __future__ import annotations

import re

from ..records import UnitAction, UnitChange

_LINE = re.compile(
    r"(?:would )?(?P<verb>stop|start|restart|reload|NOT restart)(?:p?ing)? "
    r"the following (?:changed )?units: (?P<units>.+)"
)
_STARTED = re.compile(r"the following new units were started: (?P<units>.+)")
_FAILED = re.compile(r"warning: the following units failed: (?P<units>.+)")


def unit_changes(output: str) -> tuple[UnitChange, ...]:
    """The units that an activation's output names, in its order, each once an action."""
    changes: dict[UnitChange, None] = {}
    for line in output.splitlines():
        if match := _STARTED.fullmatch(line.strip()):
            changes.update((UnitChange(u, "start"), None) for u in _names(match["units"]))
        if match := _LINE.fullmatch(line.strip()):
            action: UnitAction
            match match["verb"]:
                case "stop":
                    action = "stop"
                case "start":
                    action = "start"
                case "restart":
                    action = "restart"
                case "reload":
                    action = "reload"
                case _:
                    action = "not restarted"
            for unit in _names(match["units"]):
                changes[UnitChange(unit, action)] = None
    return tuple(changes)


def failed_units(output: str) -> tuple[str, ...]:
    """The units that an activation reports as failed."""
    return tuple(
        unit
        for line in output.splitlines()
        if (match := _FAILED.fullmatch(line.strip()))
        for unit in _names(match["units"])
    )


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]

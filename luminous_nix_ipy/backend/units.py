"""What switch-to-configuration says about systemd units, as records.

The lines are those that it prints (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng): `would
restart the following units: a, b` under dry-activate, `restarting the following units: a, b`
otherwise; those of users' sessions say `user units`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from ..machine import Machine
from ..records import UnitAction, UnitChange
from ..tools import systemd

_LINE = re.compile(
    r"(?P<verb>(?:would )?(?:NOT )?(?:stop|start|restart|reload)(?:p?ing)?)"
    r"(?: \(post-activation\))? "
    r"the following (?P<whose>user |changed )?units(?: as well)?: (?P<units>.+)"
)
_ACTIONS: dict[str, UnitAction] = {
    "would stop": "stop",
    "would start": "start",
    "would restart": "restart",
    "would reload": "reload",
    "would NOT stop": "not restarted",
    "would NOT restart": "not restarted",
    "stopping": "stopped",
    "starting": "started",
    "restarting": "restarted",
    "reloading": "reloaded",
    "NOT restarting": "not restarted",
}
_STARTED = re.compile(r"the following new units were started: (?P<units>.+)")
_FAILED = re.compile(r"warning: the following units failed: (?P<units>.+)")


def unit_changes(output: str) -> tuple[UnitChange, ...]:
    """The units that a preview or an activation names, in its order, each once an action."""
    changes: dict[UnitChange, None] = {}
    for line in map(str.strip, output.splitlines()):
        action: UnitAction | None
        reason = ""
        if match := _STARTED.fullmatch(line):
            action = "started"
        elif match := _FAILED.fullmatch(line):
            action = "failed"
        elif match := _LINE.fullmatch(line):
            action = _ACTIONS.get(match["verb"])
            reason = "in the session of a user" if match["whose"] == "user " else ""
        if match and action:
            for unit in _names(match["units"]):
                changes[UnitChange(unit, action, reason)] = None
    return tuple(changes)


def failed_units(output: str) -> tuple[str, ...]:
    """The units that an activation reports as failed."""
    return tuple(change.unit for change in unit_changes(output) if change.action == "failed")


async def with_logs(machine: Machine, changes: Iterable[UnitChange]) -> tuple[UnitChange, ...]:
    """The same, the failed ones with the last lines of their journal where systemd runs."""
    if not systemd.runs(machine):
        return tuple(changes)
    return tuple(
        [
            replace(change, log=await systemd.last_lines(machine, change.unit))
            if change.action == "failed"
            else change
            for change in changes
        ]
    )


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]

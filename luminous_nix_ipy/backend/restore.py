"""What is left to be run by hand where a supervisor could not put everything back: to the exact
generation, the exact system that ran, and the boot entry of the generation that was current."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..machine import Machine
from ..records import Command
from ..store.generations import current_number
from ..store.system import running_path
from ..tools import commands
from .model import Plan

_UNTOUCHED = (1, 100)
"""Exit codes with which switch-to-configuration ends before it touches anything: checks or usage,
and an init that cannot take over (nixpkgs, switch-to-configuration-ng)."""


@dataclass
class Touched:
    """What ran before a change, and how far the change came."""

    running: str | None
    """The system that ran before; None for a profile that is not a system's."""
    activation: int | None = None
    """The exit code of the activation, None while there was none."""
    boot_entry: bool = False
    """The boot loader's entries were, or may have been, written."""


def restoring_commands(machine: Machine, plan: Plan, touched: Touched) -> list[Command]:
    """What is to be run now to put everything back; empty where nothing differs."""
    profile, before, needed = plan.profile, plan.before, []
    if profile.kind == "home-manager" and touched.activation is not None and before is not None:
        needed.append(Command((f"{before.path}/activate",), "put back the home's files"))
    if before is not None and before.path and current_number(profile) != before.number:
        if os.path.lexists(before.link):
            move = commands.switch_generation(profile.path, before.number)
        else:
            move = commands.set_profile(profile.path, before.path)
        needed.append(Command(move, "put back the profile's generation"))
    activated = touched.activation is not None and touched.activation not in _UNTOUCHED
    if touched.running is not None and (activated or running_path(machine) != touched.running):
        argv = commands.switch_to_configuration(touched.running, "test", no_check=True)
        needed.append(Command(argv, "put back the system that ran"))
    if touched.boot_entry and before is not None and before.path is not None:
        argv = commands.switch_to_configuration(before.path, "boot")
        needed.append(Command(argv, "put back what the boot loader starts"))
    return needed

"""Fills a playground's folder: store, profiles, what runs and was booted, boot menu."""

from __future__ import annotations

import os
from datetime import datetime, time, timedelta

from ..machine import Machine
from ..tools import commands
from ..tools.process import run
from . import channel, layout, nix_env, realise, simulate
from .contents import describe
from .lists import write_lists
from .profiles import run_stand_in
from .steps import Steps, in_thread

_DAYS_APART = 3


async def furnish(folder: str, simulated: bool, generations: int, steps: Steps) -> Machine:
    """Fill the folder: store, profiles, running system, boot menu."""
    description = await in_thread(describe, generations)
    steps.total = len(description.derivations) + len(description.roots) + 1
    machine = layout.machine_in(folder, simulated=simulated)
    layout.make_folders(machine)
    if simulated:
        nix_env.write_program(machine)
        paths = await in_thread(
            simulate.build, machine, description, steps.step, on_cancel=steps.end
        )
    else:
        realise.configure(machine)
        config = await realise.needed_config(machine)
        machine = layout.machine_in(folder, simulated=False, nix_config=config)
        paths = await realise.build(machine, description, steps.step)
    profiles = {
        machine.system_profile: description.systems,
        layout.user_profile(machine): description.user,
        layout.home_profile(machine): description.home,
    }
    for profile, keys in profiles.items():
        for number, key in enumerate(keys, 1):
            await _set(machine, profile, paths[key])
            steps.step(f"{os.path.basename(profile)}-{number}-link")
        await in_thread(_date, profile, len(keys))
    if not simulated:
        await channel.subscribe(machine, generations)
    await in_thread(write_lists, machine, generations)
    newest = paths[description.systems[-1]]
    _link_running(machine, newest)
    steps.step("boot menu")
    await run(commands.switch_to_configuration(newest, "boot"), machine=machine)
    os.unlink(layout.activations_log(machine))
    return machine


async def _set(machine: Machine, profile: str, path: str) -> None:
    argv = commands.set_profile(profile, path)
    if machine.simulated:
        await in_thread(run_stand_in, machine, argv)
    else:
        await run(argv, machine=machine)


def _date(profile: str, generations: int) -> None:
    """Date the links as if they had been made over the last weeks: the newest now, each one before
    it three days earlier, by daylight."""
    today = datetime.now().astimezone().date()
    for number in range(1, generations):
        day = today - timedelta(days=_DAYS_APART * (generations - number))
        clock = time(8 + number * 5 % 11, number * 37 % 60, number * 23 % 60)
        moment = datetime.combine(day, clock).astimezone().timestamp()
        os.utime(f"{profile}-{number}-link", (moment, moment), follow_symlinks=False)


def _link_running(machine: Machine, system: str) -> None:
    """Link what runs and what was booted, and keep both as NixOS does (nixpkgs,
    nixos/modules/services/system/nix-daemon.nix): by gc roots that lead to these links."""
    for link in (machine.current_system, machine.booted_system):
        os.symlink(system, link)
        os.symlink(link, f"{machine.gcroots_dir}/{os.path.basename(link)}")
    os.symlink(layout.user_profile(machine), f"{machine.home}/.nix-profile")

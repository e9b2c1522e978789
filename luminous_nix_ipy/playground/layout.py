"""Where a playground keeps everything, all of it below its own folder."""

from __future__ import annotations

import os
import pwd

from ..machine import Machine


def machine_in(folder: str, *, simulated: bool, nix_config: str = "") -> Machine:
    """The machine of a playground.

    Its `env` turns Nix's programs, and the scripts of its generations, to this folder alone: also
    what this process's own variables say of stores, profiles, homes and settings is overruled.
    """
    home = f"{folder}/home"
    nix = f"{folder}/nix"
    machine = Machine(
        store_dir=f"{nix}/store",
        state_dir=f"{nix}/var/nix",
        log_dir=f"{nix}/var/log/nix",
        conf_dir=f"{folder}/etc/nix",
        run_dir=f"{folder}/run",
        boot_dir=f"{folder}/boot",
        etc_dir=f"{folder}/etc",
        home=home,
        user_state_dir=f"{home}/.local/state/luminous-nix",
        system_journal_dir=f"{folder}/var/lib/luminous-nix",
        programs_dir=f"{folder}/bin" if simulated else None,
        playground=folder,
        simulated=simulated,
    )
    machine.env.update(
        {
            "HOME": home,
            "USER": _user(),
            "TMPDIR": f"{folder}/tmp",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "NIX_STORE_DIR": machine.store_dir,
            "NIX_STATE_DIR": machine.state_dir,
            "NIX_LOG_DIR": machine.log_dir,
            "NIX_CONF_DIR": machine.conf_dir,
            "NIX_CONFIG": nix_config,
            "NIX_USER_CONF_FILES": "",
            "NIX_REMOTE": "",
            "NIX_PATH": "",
            "NIX_PROFILE": "",
            "LUMINOUS_PLAYGROUND_ROOT": folder,
            "LUMINOUS_PLAYGROUND_RUN_DIR": machine.run_dir,
            "LUMINOUS_PLAYGROUND_BOOT_DIR": machine.boot_dir,
            "LUMINOUS_PLAYGROUND_PROFILE": machine.system_profile,
            "LUMINOUS_PLAYGROUND_HOME": home,
            "LUMINOUS_PLAYGROUND_LOG": activations_log(machine),
        }
    )
    return machine


def user_profile(machine: Machine) -> str:
    """The profile of the playground's user, to which ~/.nix-profile leads."""
    return f"{machine.profiles_dir}/per-user/{machine.env['USER']}/profile"


def home_profile(machine: Machine) -> str:
    """home-manager's profile of the playground's user."""
    return f"{machine.profiles_dir}/per-user/{machine.env['USER']}/home-manager"


def activations_log(machine: Machine) -> str:
    """The file to which switch-to-configuration adds a line each time that it is run."""
    return f"{machine.state_dir}/activations.log"


def make_folders(machine: Machine) -> None:
    """Make the folders that nothing else makes."""
    for path in (
        machine.run_dir,
        machine.boot_dir,
        machine.gcroots_dir,
        machine.conf_dir,
        machine.env["TMPDIR"],
        os.path.dirname(user_profile(machine)),
        os.path.dirname(machine.store_dir),
        machine.user_state_dir,
        machine.system_journal_dir,
    ):
        os.makedirs(path, exist_ok=True)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())

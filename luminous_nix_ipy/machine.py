"""Where the Nix of one machine keeps its things, and which machine this kernel works on.

A real machine is described by Nix's own environment variables (nix-env(1): NIX_STORE_DIR,
NIX_STATE_DIR, NIX_LOG_DIR, NIX_CONF_DIR) and their defaults; a playground by folders of its own. No
other module names /nix/store, /nix/var or /run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

_NIX_VARIABLES = ("NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR", "NIX_CONF_DIR")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The folders of one Nix, all absolute, and what its programs must be told."""

    store_dir: str = "/nix/store"
    state_dir: str = "/nix/var/nix"
    log_dir: str = "/nix/var/log/nix"
    conf_dir: str = "/etc/nix"
    run_dir: str = "/run"
    """Holds current-system and booted-system."""
    boot_dir: str = "/boot"
    etc_dir: str = "/etc"
    """Holds nixos, the folder of NixOS's configuration."""
    home: str = ""
    """The home folder whose user profiles are meant."""
    user_state_dir: str = ""
    """Where our notes, journal and log of this user live."""
    system_journal_dir: str = "/var/lib/luminous-nix"
    """Where the journal of changes of the system lives."""
    programs_dir: str | None = None
    """A folder of programs that come before those of PATH."""
    env: dict[str, str] = {}
    """Variables that Nix's programs need to find these folders; for our children only."""
    playground: str | None = None
    """The playground's folder, or None for a real machine."""
    simulated: bool = False
    """A playground without Nix: our own stand-in for nix-env moves its profile links."""

    @property
    def database(self) -> str:
        return f"{self.state_dir}/db/db.sqlite"

    @property
    def profiles_dir(self) -> str:
        return f"{self.state_dir}/profiles"

    @property
    def system_profile(self) -> str:
        return f"{self.state_dir}/profiles/system"

    @property
    def current_system(self) -> str:
        return f"{self.run_dir}/current-system"

    @property
    def booted_system(self) -> str:
        return f"{self.run_dir}/booted-system"

    @property
    def root_channels(self) -> str:
        """The profile of root's channels, from which NixOS is built where it is no flake."""
        return f"{self.state_dir}/profiles/per-user/root/channels"

    @property
    def gcroots_dir(self) -> str:
        return f"{self.state_dir}/gcroots"

    def child_environment(self) -> dict[str, str]:
        """The whole environment for a program of ours: this process's, then the machine's own."""
        environment = {**os.environ, **self.env}
        if self.programs_dir is not None:
            path = environment.get("PATH")
            environment["PATH"] = f"{self.programs_dir}:{path}" if path else self.programs_dir
        return environment


def local(environ: Mapping[str, str] | None = None) -> Machine:
    """This machine, as the environment describes it.

    LUMINOUS_NIX_RUN_DIR, LUMINOUS_NIX_BOOT_DIR and LUMINOUS_NIX_ETC_DIR name other folders than
    /run, /boot and /etc, for systems that are mounted elsewhere; the store's folder may be
    NIX_STORE too, as Nix allows.
    """
    from platformdirs import user_state_dir

    env = os.environ if environ is None else environ
    state_dir = env.get("NIX_STATE_DIR") or "/nix/var/nix"
    return Machine(
        store_dir=_clean(env.get("NIX_STORE_DIR") or env.get("NIX_STORE") or "/nix/store"),
        state_dir=_clean(state_dir),
        log_dir=_clean(env.get("NIX_LOG_DIR") or "/nix/var/log/nix"),
        conf_dir=_clean(env.get("NIX_CONF_DIR") or "/etc/nix"),
        run_dir=_clean(env.get("LUMINOUS_NIX_RUN_DIR") or "/run"),
        boot_dir=_clean(env.get("LUMINOUS_NIX_BOOT_DIR") or "/boot"),
        etc_dir=_clean(env.get("LUMINOUS_NIX_ETC_DIR") or "/etc"),
        home=_clean(env.get("HOME") or os.path.expanduser("~")),
        user_state_dir=env.get("LUMINOUS_NIX_STATE_DIR") or user_state_dir("luminous-nix"),
        system_journal_dir=env.get("LUMINOUS_NIX_SYSTEM_STATE_DIR") or "/var/lib/luminous-nix",
        env={name: env[name] for name in _NIX_VARIABLES if env.get(name)},
    )


_in_use: Machine | None = None


def current() -> Machine:
    """The machine that this kernel works on: the one given to `use`, else the local one."""
    return local() if _in_use is None else _in_use


def use(machine: Machine | None) -> None:
    """Make `machine` the one this kernel works on; None means the local one again."""
    global _in_use
    _in_use = machine


def _clean(path: str) -> str:
    return os.path.normpath(path)

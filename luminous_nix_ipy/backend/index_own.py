"""The lists of what the machine itself is made from.

NixOS keeps the options of the running system in `share/doc/nixos`, and home-manager those of its
own in `share/doc/home-manager`, where documentation is enabled (nixpkgs,
nixos/modules/misc/documentation.nix). A release's folder is named as its version is
(nixos-channel-scripts, mirror-nixos-branch.pl).
"""

from __future__ import annotations

import os
import re

from msgspec.structs import replace

from .. import settings
from ..errors import NixError
from ..machine import Machine
from ..records import Input
from ..store.channels import read_channels
from ..store.flake_lock import read_inputs
from .index_channels import CHANNEL, FILES, channel_sources, file_url
from .index_model import Source, SourceKind

DEFAULT_CHANNEL = "nixos-unstable"

_VERSION = re.compile(r"(?P<branch>\d\d\.\d\d)(?P<pre>pre|beta)?\.?\d+\.[0-9a-f]{7,40}")


def own_sources(machine: Machine) -> list[Source]:
    """Packages first; nothing that is listed need be there."""
    if machine.playground is not None:
        return _playground(machine)
    found = _of_release(machine)
    options = f"{machine.current_system}/sw/share/doc/nixos/options.json"
    if os.path.exists(options):
        system = os.path.basename(os.path.realpath(machine.current_system))
        running = Source(
            name="running-system", kind="nixos", addresses=(file_url(options),), revision=system
        )
        found = [running, *(source for source in found if source.kind != "nixos")]
    for home in _homes(machine):
        options = f"{home}/home-path/share/doc/home-manager/options.json"
        if os.path.exists(options):
            url = file_url(options)
            found.append(Source(name="home-manager", kind="home-manager", addresses=(url,)))
            break
    programs = programs_database(machine)
    if programs is not None:
        place = Source(name="channel", kind="programs", how="place", addresses=(programs,))
        found.append(place)
    return found


def programs_database(machine: Machine) -> str | None:
    """The database of commands of a channel that the machine has (nixpkgs, command-not-found)."""
    for profile in (machine.root_channels, *_own_channel_profiles(machine)):
        for channel in ("nixos", "nixpkgs"):
            path = f"{profile}/{channel}/programs.sqlite"
            if os.path.exists(path):
                return path
    return None


def _of_release(machine: Machine) -> list[Source]:
    """The lists of the nixpkgs that the machine is made from; of the newest where it is not made
    from one."""
    made_from = _nixpkgs(machine)
    if made_from is None:
        return channel_sources(DEFAULT_CHANNEL, DEFAULT_CHANNEL, None, added=False)
    named = CHANNEL.search(made_from.url)
    version = _VERSION.search(made_from.version or "")
    channel = named[0] if named else DEFAULT_CHANNEL
    if not named and version and not version["pre"]:
        channel = f"nixos-{version['branch']}"
    sources = channel_sources(channel, channel, None, added=False)
    if version is None:
        return sources
    return [_of_exact_release(source, channel, version) for source in sources]


def _of_exact_release(source: Source, channel: str, version: re.Match[str]) -> Source:
    """The same of the very release; where that is kept no more, the channel's newest."""
    project, _, rest = channel.partition("-")
    small = "-small" if rest.endswith("-small") else ""
    branch = f"{project}/{'unstable' if version['pre'] else version['branch']}{small}"
    if project == "nixpkgs":
        branch = "nixpkgs"
    if source.kind == "nixos" and project == "nixpkgs":
        return source
    exact = f"{settings.get('releases_url')}/{branch}/{project}-{version[0]}"
    url = f"{exact}/{FILES[source.kind]}"
    return replace(source, addresses=(url, *source.addresses), revision=version[0])


def _nixpkgs(machine: Machine) -> Input | None:
    """The nixpkgs of the machine's configuration: its flake's input, else root's or the user's own
    channel."""
    flake = f"{machine.etc_dir}/nixos/flake.nix"
    try:
        if os.path.exists(flake):
            inputs = read_inputs(os.path.dirname(os.path.realpath(flake)))
            named = [i for i in inputs if i.name == "nixpkgs" and i.follows is None]
            alike = [i for i in inputs if "/" not in i.name and "nixpkgs" in i.url.lower()]
            return next(iter(named + alike), None)
    except NixError:
        return None
    subscriptions = f"{machine.home}/.nix-channels"
    for profile in (machine.root_channels, *_own_channel_profiles(machine)):
        channels = {channel.name: channel for channel in read_channels(profile, subscriptions)}
        for name in ("nixos", "nixpkgs"):
            if name in channels:
                return channels[name]
    return None


def _own_channel_profiles(machine: Machine) -> tuple[str, ...]:
    """Where Nix keeps a user's own channels (Nix, src/libstore/profiles.cc; 2.14 moved them)."""
    environment = machine.child_environment()
    state = environment.get("XDG_STATE_HOME") or f"{machine.home}/.local/state"
    user = environment.get("USER", "")
    return (f"{state}/nix/profiles/channels", f"{machine.profiles_dir}/per-user/{user}/channels")


def _homes(machine: Machine) -> tuple[str, ...]:
    environment = machine.child_environment()
    state = environment.get("XDG_STATE_HOME") or f"{machine.home}/.local/state"
    user = environment.get("USER", "")
    return (
        f"{state}/nix/profiles/home-manager",
        f"{machine.profiles_dir}/per-user/{user}/home-manager",
    )


def _playground(machine: Machine) -> list[Source]:
    """What a playground has written down of itself."""
    folder = f"{machine.etc_dir}/channels"
    files: tuple[tuple[SourceKind, str], ...] = (
        ("packages", f"{folder}/packages.json"),
        ("nixos", f"{folder}/options.json"),
    )
    found = [
        Source(name="playground", kind=kind, addresses=(file_url(file),))
        for kind, file in files
        if os.path.exists(file)
    ]
    programs = f"{folder}/programs.sqlite"
    if os.path.exists(programs):
        place = Source(name="playground", kind="programs", how="place", addresses=(programs,))
        found.append(place)
    return found

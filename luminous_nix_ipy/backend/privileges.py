"""What of a machine needs root, and whether it can be had. Looks at files only.

Root is for what changes a profile, a store or a journal that the user may not write; what reads,
evaluates or builds never gets it.
"""

from __future__ import annotations

import os

from .. import settings
from ..machine import Machine
from ..records import Profile, ProfileKind
from ..tools import elevation
from .journal import journal_file


def is_root(machine: Machine) -> bool:
    """Whether nothing stands in the way: a playground belongs to whoever made it."""
    return machine.playground is not None or os.geteuid() == 0


def needs_root(machine: Machine, profile: Profile) -> bool:
    """Whether changing a profile needs root that this process does not have.

    A system does, though its profile be the user's, but where LUMINOUS_NIX_ALLOW_UNPRIVILEGED
    permits that.
    """
    if is_root(machine):
        return False
    if profile.kind == "system":
        return not (settings.get("allow_unprivileged") and _owner(profile.path) == os.geteuid())
    return not os.access(os.path.dirname(profile.path), os.W_OK)


def may_change(machine: Machine, profile: Profile) -> tuple[bool, str]:
    """Whether a profile may be changed from here, and why (not)."""
    system = profile.kind == "system"
    if needs_root(machine, profile):
        if not system and _owner(os.path.dirname(profile.path)) != 0:
            return False, f"{profile.path} is not yours to change"
        ways = list(elevation.installed(machine))
        what = "the system" if system else profile.path
        if not ways:
            return False, f"changing {what} needs root, and {elevation.why_none()}"
        return True, f"changing {what} needs root, which is had through {elevation.listed(ways)}"
    if not system:
        mine = os.access(os.path.dirname(profile.path), os.W_OK)
        return mine, f"{profile.path} is {'' if mine else 'not '}yours to change"
    if machine.playground is not None:
        return True, "a playground belongs to whoever made it"
    if os.geteuid() == 0:
        return True, "running as root"
    return True, "LUMINOUS_NIX_ALLOW_UNPRIVILEGED permits it on a profile that you own"


def repair_needs_root(machine: Machine) -> bool:
    """Whether repairing store paths does: Nix's daemon does not offer it."""
    return not is_root(machine) and not os.access(os.path.dirname(machine.database), os.W_OK)


def collection_needs_root(machine: Machine) -> bool:
    """Whether collecting garbage and optimising do: Nix's daemon does both for every user."""
    daemon = f"{machine.state_dir}/daemon-socket/socket"
    return repair_needs_root(machine) and not os.path.exists(daemon)


def source_needs_root(machine: Machine, source: str) -> bool:
    """Whether bringing the inputs of a flake's folder, or root's channels, to their newest does."""
    if is_root(machine):
        return False
    if source == machine.root_channels:
        return True
    return not os.access(source, os.W_OK) and _owner(source) == 0


def gc_root_needs_root(machine: Machine, link: str) -> bool:
    """Whether taking a gc root away does: root may have made it."""
    return not is_root(machine) and not os.access(os.path.dirname(link), os.W_OK)


def journal_needs_root(machine: Machine, kind: ProfileKind) -> bool:
    """Whether writing the journal of changes of such profiles does."""
    if is_root(machine):
        return False
    path = journal_file(machine, kind)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return not os.access(path, os.W_OK)


def _owner(path: str) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None

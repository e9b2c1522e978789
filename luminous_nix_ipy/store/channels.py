"""The channels of a profile: what each is, and when it was fetched (nix-channel(1)).

A channel of NixOS or nixpkgs says its version in `.version` and `.version-suffix`, and its commit
in `.git-revision` (nixpkgs, nixos/release.nix and lib/trivial.nix).
"""

from __future__ import annotations

import os

from ..records import Input
from .generations import local_date


def read_channels(profile: str, subscriptions: str) -> list[Input]:
    """The channels of a profile by name; none where there is no such profile.

    Args:
        profile: the profile's link.
        subscriptions: the file of URLs and names, ~/.nix-channels.
    """
    urls = _urls(subscriptions)
    try:
        names = sorted(os.listdir(profile))
        generation = os.path.join(os.path.dirname(profile), os.readlink(profile))
        date = local_date(os.lstat(generation).st_mtime)
    except OSError:
        return []
    return [
        Input(
            name=name,
            type="channel",
            url=urls.get(name, ""),
            revision=_read(f"{profile}/{name}/.git-revision"),
            version=_version(f"{profile}/{name}"),
            date=date,
            digest=os.path.realpath(f"{profile}/{name}"),
        )
        for name in names
        if os.path.isdir(f"{profile}/{name}")
    ]


def _urls(file: str) -> dict[str, str]:
    """Name → URL; a line without a name is named after its URL, as nix-channel does."""
    found = {}
    for line in (_read(file) or "").splitlines():
        url, *name = line.split()[:2] or ("#",)
        if not url.startswith("#"):
            found[name[0] if name else os.path.basename(url)] = url
    return found


def _version(folder: str) -> str | None:
    suffix = _read(f"{folder}/.version-suffix") or _read(f"{folder}/svn-revision") or ""
    whole = (_read(f"{folder}/.version") or "") + suffix
    return whole or None


def _read(file: str) -> str | None:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16).strip() or None
    except OSError:
        return None

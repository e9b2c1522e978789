"""Where a channel has its lists of packages and options.

They are `packages.json.br` and `options.json.br` of its newest release, beside `nixexprs.tar.xz`,
which holds the database of programs (nixos-channel-scripts, mirror-nixos-branch.pl).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from .. import settings
from ..errors import Refused
from .index_model import KINDS, Source, SourceKind

CHANNEL = re.compile(r"(?:nixos|nixpkgs)-(?:unstable|\d\d\.\d\d)(?:-small|-darwin|-aarch64)?")
"""The name of a channel."""

FILES: dict[SourceKind, str] = {
    "packages": "packages.json.br",
    "nixos": "options.json.br",
    "programs": "nixexprs.tar.xz",
}
"""What the file of each kind of list is called in a release."""


def channel_sources(
    channel: str, name: str, kind: str | None, *, added: bool = True
) -> list[Source]:
    """The lists of a channel; nixpkgs' own have no options, which NixOS' of the same date have.

    Args:
        name: what to call them.
        kind: one alone; None: packages and options.

    Raises:
        Refused: a channel has none of this kind.
    """
    kinds: tuple[SourceKind, ...] = ("packages", "nixos")
    if kind is not None:
        kinds = tuple(known for known in KINDS if known == kind)
    found = []
    for wanted in kinds:
        if wanted not in FILES:
            raise Refused(
                f"A channel has no list of {wanted} options.",
                "It has packages, nixos and programs.",
                [f"Give the URL or path of one: %nix index add URL --kind {wanted}"],
            )
        of = channel
        if wanted != "packages" and channel.startswith("nixpkgs-"):
            of = "nixos-" + channel.removeprefix("nixpkgs-").removesuffix("-darwin")
        url = f"{settings.get('channels_url')}/{of}/{FILES[wanted]}"
        found.append(Source(name=name, kind=wanted, addresses=(url,), channel=channel, added=added))
    return found


def file_url(path: str) -> str:
    """The address of a file of this machine."""
    return f"file://{quote(path)}"

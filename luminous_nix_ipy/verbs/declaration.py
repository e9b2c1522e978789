"""Packages as lines of a configuration: what NixOS people write instead of installing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import Refused

if TYPE_CHECKING:
    from ..widgets.show import Text

_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*")
_PLACES = (
    ("For everybody on a NixOS machine, {verb} configuration.nix", "environment.systemPackages"),
    ("For yourself, {verb} home-manager's home.nix", "home.packages"),
)
_WHY = (
    "Why so: a configuration says what is installed, so it can be read, kept in version control,\n"
    "built again on another machine and rolled back with the rest of it. What is installed into a\n"
    "profile is known to that profile alone. What is declared comes with the next\n"
    "nixos-rebuild switch or home-manager switch."
)


def declaration(packages: Sequence[str], verb: Literal["write into", "take out of"]) -> Text:
    """The lines for these packages of nixpkgs.

    Raises:
        Refused: one is no attribute of nixpkgs.
    """
    from ..widgets.show import Text

    names = [_attribute(package) for package in packages]
    lines = "\n".join(f"  {name}" for name in names)
    parts = [
        f"# {place.format(verb=verb)}:\n{option} = with pkgs; [\n{lines}\n];"
        for place, option in _PLACES
    ]
    return Text("\n\n".join([*parts, _WHY]))


def _attribute(package: str) -> str:
    for prefix in ("nixpkgs#", "nixpkgs.", "nixos."):
        package = package.removeprefix(prefix)
    if _ATTRIBUTE.fullmatch(package):
        return package
    raise Refused(
        f"{package} is no attribute of nixpkgs.",
        "A package of another flake is declared through that flake's input.",
        ["Give an attribute of nixpkgs, such as hello or python3Packages.requests."],
    )

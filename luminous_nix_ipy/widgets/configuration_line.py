"""The line that a configuration takes to have a package, or to set an option."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..backend.option_value import parts_of
from ..search_records import OptionEntry, PackageEntry

FILES = {
    "nixos": "configuration.nix",
    "home-manager": "home.nix",
    "darwin": "darwin-configuration.nix",
}
"""Whose options are written into which file."""

_LONGEST_EXAMPLE = 2000
"""Letters; what is longer may have been cut off, and is no help."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_KEYWORDS = frozenset(["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"])
_EMPTY = (
    ("null or ", "null"),
    ("list of", "[ ]"),
    ("attribute set", "{ }"),
    ("lazy attribute set", "{ }"),
    ("submodule", "{ }"),
    ("boolean", "true"),
    ("package", "pkgs.hello"),
    ("path", "./file"),
    ("absolute path", "/path"),
    ("signed integer", "0"),
    ("unsigned integer", "0"),
    ("positive integer", "1"),
    ("16 bit unsigned integer", "0"),
    ("floating point", "0.0"),
)
"""How a type's description begins -> a value of it that can be written down."""


def line_of_package(entry: PackageEntry) -> str:
    """What gives everybody on a NixOS machine the package."""
    return f"environment.systemPackages = [ pkgs.{_path(parts_of(entry.attribute))} ];"


def line_of_option(entry: OptionEntry) -> str:
    """What sets the option: a boolean to what it is not by default, any other to its example, else
    to its default, else to some value of its type. A placeholder of its name stays, in quotes; for
    an element of a list there is a list of one."""
    parts = parts_of(entry.name)
    if "*" not in parts:
        return f"{_path(parts)} = {_value(entry)};"
    *outer, first = _between_stars(parts)
    inside = f"{_path(first)} = {_value(entry)};" if first else _value(entry)
    for path in reversed(outer):
        value = f"[ {{ {inside} }} ]" if inside.endswith(";") else f"[ {inside} ]"
        inside = f"{_path(path)} = {value};"
    return inside


def _between_stars(parts: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for part in parts:
        if part == "*":
            found.append([])
        else:
            found[-1].append(part)
    return found


def _value(entry: OptionEntry) -> str:
    if entry.type == "boolean":
        return "false" if entry.default == "true" else "true"
    for given in (entry.example, entry.default):
        if given is not None and given.strip() and len(given) < _LONGEST_EXAMPLE:
            return given.strip()
    return next((value for begin, value in _EMPTY if entry.type.startswith(begin)), '""')


def _path(parts: Sequence[str]) -> str:
    return ".".join(part if _is_plain(part) else _quoted(part) for part in parts)


def _is_plain(part: str) -> bool:
    return _PLAIN.fullmatch(part) is not None and part not in _KEYWORDS


def _quoted(part: str) -> str:
    return json.dumps(part, ensure_ascii=False).replace("${", "\\${")

"""The arguments with which Nix's programs install, remove and resolve packages, and the programs
themselves: every Nix that a machine has, and which of them reads a manifest.

Sources: nix-env(1), nix-build(1), nix3-profile(1), nix3-build(1); Nix, src/nix/profile.cc.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ..errors import CommandFailed
from ..machine import Machine
from ..records import Manifest
from .commands import Argv, Release, parse_release
from .process import run

Kind = Literal["nix profile", "nix-env"]

NIXPKGS = "<nixpkgs>"
"""Where nix-env's packages come from: an entry of Nix's search path."""

_FEATURES = ("--extra-experimental-features", "nix-command flakes")
_NIX_PROFILE = (2, 4)
_NAMED_ELEMENTS = (2, 20)
"""Since this Nix, `nix profile` reads and writes version 3 of its manifest."""
_ADD = (2, 34)
"""In this Nix `install` is a deprecated alias of `add` (which an earlier one brought)."""

# Constant; what is asked for comes as data. It tells the names and paths of packages without
# building them, and of an attribute that is missing the names that are there.
_DESCRIBE = r"""{ nixpkgs, request }:
let
  inherit (builtins) attrNames filter fromJSON head isAttrs isFunction isString;
  imported = import nixpkgs;
  pkgs = if isFunction imported then imported { } else imported;
  walk = set: keys:
    if keys == [ ] then { found = set; }
    else if isAttrs set && set ? ${head keys} then walk set.${head keys} (builtins.tail keys)
    else { missing = head keys; among = if isAttrs set then attrNames set else [ ]; };
  describe = attribute:
    let
      walked = walk pkgs (filter isString (builtins.split "\\." attribute));
      package = walked.found;
      outputs = package.meta.outputsToInstall or [ (package.outputName or "out") ];
    in
    if walked ? missing then { inherit attribute; inherit (walked) missing among; }
    else if isAttrs package && package.type or null == "derivation" then {
      inherit attribute;
      paths = map (output: (package.${output} or package).outPath) outputs;
    }
    else {
      inherit attribute;
      missing = attribute;
      among = if isAttrs package then map (name: "${attribute}.${name}") (attrNames package)
        else [ ];
    };
in map describe (fromJSON request)
"""


class Installation(msgspec.Struct, frozen=True):
    """One Nix: the folder of its programs ("" where it is the first in PATH) and its release."""

    folder: str
    release: Release

    def program(self, name: str) -> str:
        return os.path.join(self.folder, name)


class PackageTool(msgspec.Struct, frozen=True):
    """The tool that keeps a profile, of one Nix."""

    kind: Kind
    nix: Installation


_known: dict[str, Release | None] = {}


async def installations(machine: Machine) -> list[Installation]:
    """Every Nix in the machine's PATH, the newest first; each is asked for its version once."""
    found = []
    for program, real, folder in _programs(machine):
        if real not in _known:
            try:
                told = await run((program, "--version"), machine=machine)
            except CommandFailed:
                continue
            _known[real] = parse_release(told.stdout)
        release = _known[real]
        if release is not None:
            found.append(Installation(folder, release))
    return sorted(found, key=lambda nix: nix.release.version, reverse=True)


def _programs(machine: Machine) -> list[tuple[str, str, str]]:
    """Each `nix` in PATH: itself, where its links lead, and its folder ("" for the first)."""
    path = machine.child_environment().get("PATH", os.defpath)
    first = shutil.which("nix", path=path)
    found: dict[str, tuple[str, str, str]] = {}
    for folder in filter(None, path.split(os.pathsep)):
        program = os.path.join(folder, "nix")
        if os.access(program, os.X_OK):
            real = os.path.realpath(program)
            found.setdefault(real, (program, real, "" if program == first else folder))
    return list(found.values())


def reads(nix: Installation, manifest: Manifest) -> bool:
    """Whether this Nix reads such a manifest."""
    if manifest.tool != "nix profile":
        return True
    needed = _NAMED_ELEMENTS if (manifest.version or 0) >= 3 else _NIX_PROFILE
    return nix.release.version >= needed


def install(
    tool: PackageTool, profile: str, packages: Sequence[str], priority: int | None = None
) -> Argv:
    """Installs attribute paths of nixpkgs (nix-env), installables (nix profile) or store paths.

    Args:
        priority: the lower one wins; nix-env takes it for attribute paths alone.
    """
    if tool.kind == "nix profile":
        verb = "add" if _is_nix(tool) and tool.nix.release.version >= _ADD else "install"
        first = () if priority is None else ("--priority", str(priority))
        return (*_nix(tool.nix), "profile", verb, *_profile(profile), *first, *packages)
    argv = (*_nix_env(tool, profile), "--install")
    if _are_paths(packages):
        return (*argv, *packages)
    if priority is None:
        return (*argv, "--file", NIXPKGS, "--attr", *packages)
    wrapped = (_with_priority(package, priority) for package in packages)
    return (*argv, "--file", NIXPKGS, "--from-expression", *wrapped)


def _with_priority(attribute: str, priority: int) -> str:
    """A function of nixpkgs: its package, with another priority."""
    keys = " ".join(map(_nix_string, attribute.split(".")))
    return (
        "set: let nixpkgs = if builtins.isFunction set then set { } else set; "
        f"package = builtins.foldl' (at: key: at.${{key}}) nixpkgs [ {keys} ]; "
        f"in package // {{ meta = package.meta or {{ }} // {{ priority = {priority}; }}; }}"
    )


def _nix_string(text: str) -> str:
    for special in ("\\", '"', "${"):
        text = text.replace(special, f"\\{special}")
    return f'"{text}"'


def dry_install(
    tool: PackageTool, profile: str, packages: Sequence[str], priority: int | None = None
) -> Argv:
    """Tells on stderr what `install` would build and fetch."""
    if tool.kind == "nix profile":
        return build(tool.nix, packages, dry_run=True)
    return (*install(tool, profile, packages, priority), "--dry-run")


def remove(tool: PackageTool, profile: str, selectors: Sequence[str]) -> Argv:
    """Removes what these select: names of version 3 of the manifest, or store paths."""
    if tool.kind == "nix profile":
        return (*_nix(tool.nix), "profile", "remove", *_profile(profile), *selectors)
    return (*_nix_env(tool, profile), "--uninstall", *selectors)


def build(
    nix: Installation,
    installables: Sequence[str],
    *,
    dry_run: bool = False,
    link: str | None = None,
) -> Argv:
    """Builds; prints as JSON what `built_paths` reads.

    Args:
        link: what is built is kept by this link, `<link>-1` and so on; None: by nothing.
    """
    only = ("--dry-run",) if dry_run else ()
    linked = ("--no-link",) if link is None else ("--out-link", link)
    return (*_nix(nix), "build", *linked, "--json", *only, *installables)


def build_attributes(nix: Installation, attributes: Sequence[str], link: str | None = None) -> Argv:
    """Builds attributes of nixpkgs; prints the store paths, or the links that keep them, one a
    line."""
    chosen = [part for name in attributes for part in ("--attr", name)]
    linked = ("--no-out-link",) if link is None else ("--out-link", link)
    return (nix.program("nix-build"), NIXPKGS, *linked, *chosen)


def realise(nix: Installation, paths: Sequence[str], link: str | None = None) -> Argv:
    """Fetches store paths; prints them, or the links that keep them, one a line."""
    linked = () if link is None else ("--add-root", link, "--indirect")
    return (nix.program("nix-store"), "--realise", *paths, *linked)


def find_nixpkgs(nix: Installation) -> Argv:
    """Prints the folder that <nixpkgs> stands for."""
    return (nix.program("nix-instantiate"), "--find-file", "nixpkgs")


def describe(nix: Installation, nixpkgs: str, attributes: Sequence[str]) -> Argv:
    """Prints, as JSON, for each attribute its store `paths`, or the part that is `missing` and the
    names it could be `among`."""
    arguments = ("--argstr", "nixpkgs", nixpkgs, "--argstr", "request", json.dumps([*attributes]))
    evaluate = ("--eval", "--strict", "--json", "--expr", _DESCRIBE)
    return (nix.program("nix-instantiate"), *evaluate, *arguments)


def flake_metadata(nix: Installation, flake: str) -> Argv:
    """Prints, as JSON, which revision of a flake is meant."""
    return (*_nix(nix), "flake", "metadata", "--json", flake)


def built_paths(text: str) -> list[tuple[str, ...]]:
    """The store paths of each installable, in the order asked for, of what `build` printed."""
    return [_paths(item) for item in json.loads(text)]


def _paths(item: Any) -> tuple[str, ...]:
    if isinstance(item, str):
        return (item,)
    outputs = item.get("outputs") or {"out": item.get("path")}
    return tuple(path for path in outputs.values() if path)


def _nix(nix: Installation) -> Argv:
    return (nix.program("nix"), *_FEATURES)


def _nix_env(tool: PackageTool, profile: str) -> Argv:
    return (tool.nix.program("nix-env"), *_profile(profile))


def _profile(profile: str) -> Argv:
    return ("--profile", profile)


def _is_nix(tool: PackageTool) -> bool:
    # Lix counts on from 2.90 and has kept the older word.
    return tool.nix.release.name != "Lix"


def _are_paths(packages: Sequence[str]) -> bool:
    return all(package.startswith("/") for package in packages)

"""The arguments with which Nix lists packages and makes lists of options (nix-env(1), "Query";
nix3-search(1); nixpkgs, nixos/doc/manual/default.nix, `optionsJSON`)."""

from __future__ import annotations

from .commands import FLAKE_COMMAND, Argv
from .configuration import TOPLEVEL, Configuration
from .packages import Installation

OPTIONS_FILE = "share/doc/nixos/options.json"
"""Where what `options_list` builds has its list."""

_MANUAL = "config.system.build.manual.optionsJSON"


def is_flake(address: str) -> bool:
    """Whether a place that Nix evaluates is a flake; else it is a path or `<name>`."""
    return not address.startswith(("/", "<"))


def list_packages(nix: Installation, address: str) -> Argv:
    """Prints, as JSON, every package of a Nix file, or of a flake (with less of each)."""
    if is_flake(address):
        return (nix.program("nix"), *FLAKE_COMMAND[1:], "search", address, "^", "--json")
    query = ("--query", "--available", "--attr-path", "--json", "--meta")
    return (nix.program("nix-env"), "--file", address, *query)


def options_list(nix: Installation, configuration: Configuration) -> Argv:
    """Builds the list of a configuration's options, linking nothing; of a flake it prints JSON, of
    a file the store path."""
    attr = configuration.attr.removesuffix(TOPLEVEL) + _MANUAL
    if configuration.flake is not None:
        installable = f"{configuration.flake}#{attr}"
        build = ("build", "--no-link", "--no-write-lock-file", "--json")
        return (nix.program("nix"), *FLAKE_COMMAND[1:], *build, installable)
    includes = (word for entry in configuration.includes for word in ("-I", entry))
    file = (configuration.file, "--attr", attr, *includes)
    return (nix.program("nix-build"), "--no-out-link", *file)


def option_value(nix: Installation, configuration: Configuration, option: str) -> Argv:
    """Prints, as JSON, the value that a configuration gives to an option."""
    attr = f"{configuration.attr.removesuffix(TOPLEVEL)}config.{option}"
    if configuration.flake is not None:
        evaluate = ("eval", "--no-write-lock-file", "--json")
        return (
            nix.program("nix"),
            *FLAKE_COMMAND[1:],
            *evaluate,
            f"{configuration.flake}#{attr}",
        )
    includes = (word for entry in configuration.includes for word in ("-I", entry))
    evaluate = ("--eval", "--strict", "--json")
    return (
        nix.program("nix-instantiate"),
        *evaluate,
        configuration.file,
        "--attr",
        attr,
        *includes,
    )

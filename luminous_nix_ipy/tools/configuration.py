"""Which configuration of NixOS is meant, and the arguments that build it (nixos-rebuild(8)).

Without any word it is the flake in /etc/nixos where there is a flake.nix, else what nixpkgs'
`<nixpkgs/nixos>` builds from NIXOS_CONFIG or `<nixos-config>`. What NIX_PATH does not name is where
NixOS itself would name it (nixpkgs, nixos/modules/config/nix-channel.nix): the channel `nixos` of
root, and /etc/nixos/configuration.nix.
"""

from __future__ import annotations

import os
import re
import socket
from typing import Any

import msgspec

from ..errors import NotFound, Refused
from ..machine import Machine
from .commands import FLAKE_COMMAND, Argv

TOPLEVEL = "config.system.build.toplevel"
"""The attribute of the system, at the end of `Configuration.attr`."""
_FLAKE = re.compile(r'(?P<reference>[^#"]+)(?:#(?P<host>[^#"]*))?')
_NOT_A_FILE = re.compile(r"<.*>|channel:.*|[a-z+]+://.*")


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be built: the system of one flake, or of one Nix file."""

    flake: str | None = None
    """A flake reference without its attribute; None: `file` is meant."""
    file: str = ""
    attr: str
    """The attribute path of the system's toplevel."""
    includes: tuple[str, ...] = ()
    """Entries for NIX_PATH that it lacks."""

    def __str__(self) -> str:
        if self.flake is not None:
            return f"{self.flake}#{self.attr.removesuffix('.' + TOPLEVEL)}"
        return self.file if self.attr == TOPLEVEL else f"{self.file}, {self.attr}"

    def build(self, flags: Flags, link: str) -> Argv:
        """Builds it; `link` will be a link to it, and its gc root."""
        return (*self._argv(flags), "--out-link", link)

    def dry_build(self, flags: Flags) -> Argv:
        """Tells what would be built and fetched; may write derivations and sources to the store."""
        if self.flake is None:
            return (*self._argv(flags), "--dry-run")
        return (*self._argv(flags), "--dry-run", "--no-link", "--no-write-lock-file")

    def instantiate(self, flags: Flags, link: str, *, dry: bool = False) -> Argv:
        """Writes its derivation to the store, and prints its path; of a file's, `link` will be a
        link to it and its gc root, and is what is printed. `dry`: locks nothing."""
        if self.flake is not None:
            attribute = f"{self.flake}#{self.attr}.drvPath"
            unlocked = ("--no-write-lock-file",) if dry else ()
            return (*FLAKE_COMMAND, "eval", "--raw", attribute, *flags.evaluating(), *unlocked)
        root = ("--add-root", link, "--indirect")
        return ("nix-instantiate", *self._file_argv(), *flags.evaluating(), *root)

    def _argv(self, flags: Flags) -> Argv:
        if self.flake is not None:
            return (*FLAKE_COMMAND, "build", f"{self.flake}#{self.attr}", *flags.argv())
        return ("nix-build", *self._file_argv(), *flags.argv())

    def _file_argv(self) -> Argv:
        includes = (word for entry in self.includes for word in ("-I", entry))
        return (self.file, "--attr", self.attr, *includes)


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """What is passed through to Nix."""

    impure: bool = False
    override_inputs: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    show_trace: bool = False
    max_jobs: str | None = None

    def argv(self) -> Argv:
        """For what evaluates and builds."""
        return (*self.evaluating(), *self._jobs())

    def evaluating(self) -> Argv:
        """For what only evaluates."""
        argv: list[str] = []
        argv += ["--impure"] if self.impure else []
        argv += ["--show-trace"] if self.show_trace else []
        for name, reference in self.override_inputs:
            argv += ["--override-input", name, reference]
        return (*argv, *self._settings())

    def building(self) -> Argv:
        """For what only builds."""
        return (*self._settings(), *self._jobs())

    def _settings(self) -> Argv:
        return tuple(word for pair in self.options for word in ("--option", *pair))

    def _jobs(self) -> Argv:
        return ("--max-jobs", self.max_jobs) if self.max_jobs is not None else ()


def parse_flags(options: dict[str, Any], configuration: Configuration) -> Flags:
    """The flags among an operation's options.

    Raises:
        Refused: one is malformed, or means something to flakes alone.
    """
    flags = Flags(
        impure=bool(options.get("impure")),
        override_inputs=_pairs("override_input", options.get("override_input")),
        options=_pairs("option", options.get("option")),
        show_trace=bool(options.get("show_trace")),
        max_jobs=_max_jobs(options.get("max_jobs")),
    )
    if configuration.flake is None and (flags.impure or flags.override_inputs):
        raise Refused(
            "--impure and --override-input mean something to a flake alone.",
            f"This configuration is no flake: {configuration}.",
            ["Leave them out, or name a flake with --flake."],
        )
    return flags


def find_configuration(
    machine: Machine,
    *,
    flake: str | None = None,
    file: str | None = None,
    attr: str | None = None,
) -> Configuration:
    """The configuration that is meant.

    Args:
        flake: a flake reference, with `#HOST` where the host is not this one's name.
        file: a Nix file or folder (./default.nix where only `attr` is given).
        attr: the attribute path of the system in that file.

    Raises:
        Refused: the words contradict each other or are malformed.
        NotFound: there is no such file, or no configuration where NixOS has it.
    """
    if flake is not None and (file is not None or attr is not None):
        raise Refused(
            "A configuration is a flake or a file, not both.",
            "--flake names the one, --file and --attr the other.",
            ["Leave one of them out."],
        )
    if flake is not None:
        return _flake(flake)
    if file is not None or attr is not None:
        return _file(file or "default.nix", attr)
    flake_file = f"{machine.etc_dir}/nixos/flake.nix"
    if os.path.exists(flake_file):
        # It may be a link to where the flake really is.
        return _flake(os.path.dirname(os.path.realpath(flake_file)))
    return _installed(machine)


def _flake(words: str) -> Configuration:
    match = _FLAKE.fullmatch(words)
    if match is None or words.startswith("-"):
        raise Refused(
            f"{words!r} is no flake.",
            'A flake is REFERENCE or REFERENCE#HOST, without another # or any ".',
            ["For example: --flake /etc/nixos, --flake .#laptop, --flake github:OWNER/REPO#HOST"],
        )
    host = match["host"] or socket.gethostname() or "default"
    return Configuration(flake=match["reference"], attr=f'nixosConfigurations."{host}".{TOPLEVEL}')


def _file(file: str, attr: str | None) -> Configuration:
    if not _NOT_A_FILE.fullmatch(file):
        file = os.path.abspath(os.path.expanduser(file))
        if not os.path.exists(file):
            raise NotFound(
                f"There is no configuration {file}.",
                "No such file or folder.",
                ["Name the file with --file, or a flake with --flake."],
            )
    if attr is not None and (attr.startswith("-") or not attr.strip()):
        raise Refused(f"{attr!r} is no attribute path.", "", ["For example: --attr machines.web"])
    return Configuration(file=file, attr=f"{attr}.{TOPLEVEL}" if attr else TOPLEVEL)


def _installed(machine: Machine) -> Configuration:
    """The configuration of this NixOS without flakes."""
    environment = machine.child_environment()
    named = {entry.partition("=")[0] for entry in environment.get("NIX_PATH", "").split(":")}
    includes = []
    standard = f"{machine.etc_dir}/nixos/configuration.nix"
    if not environment.get("NIXOS_CONFIG") and "nixos-config" not in named:
        if not os.path.exists(standard):
            raise NotFound(
                "There is no configuration to build.",
                f"There is no flake.nix and no configuration.nix in {machine.etc_dir}/nixos, and "
                "neither NIXOS_CONFIG nor NIX_PATH names one.",
                ["Name it: --flake REF#HOST, or --file FILE --attr ATTR."],
            )
        includes.append(f"nixos-config={standard}")
    channel = f"{machine.root_channels}/nixos"
    if "nixpkgs" not in named and os.path.exists(channel):
        includes.append(f"nixpkgs={channel}")
    return Configuration(file="<nixpkgs/nixos>", attr=TOPLEVEL, includes=tuple(includes))


def _pairs(name: str, given: Any) -> tuple[tuple[str, str], ...]:
    pairs = []
    for pair in given or ():
        words = tuple(pair) if isinstance(pair, (list, tuple)) else ()
        if len(words) != 2 or not all(isinstance(word, str) and word for word in words):
            raise Refused(f"{name!r} takes pairs of two texts, not {pair!r}.")
        if words[0].startswith("-"):
            raise Refused(f"{words[0]!r} is no name: it starts with a dash.")
        pairs.append((words[0], words[1]))
    return tuple(pairs)


def _max_jobs(given: Any) -> str | None:
    if given is None:
        return None
    words = str(given)
    if words == "auto" or (words.isdecimal() and len(words) < 10):
        return words
    raise Refused(f"--max-jobs takes a whole number or auto, not {given!r}.")

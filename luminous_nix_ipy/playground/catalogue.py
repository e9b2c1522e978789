"""Which packages a playground has, and in which versions over its generations.

The story has five stages, from NixOS 25.05 to a pre-release of 26.05. The newest generation is the
last stage; all others share the four before it, so that the newest change always has something of
everything. Between stages one of the rolling packages moves with every generation, so hundreds of
generations are as many as are asked for.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec

from .description import SELF, Derivation, File, Link, Tree, token

MINIMUM = 5
MAXIMUM = 1000
STAGES = 5


class Release(msgspec.Struct, frozen=True):
    """A release of NixOS."""

    number: str
    codename: str
    prerelease: bool = False


RELEASES = (
    Release("25.05", "Warbler"),
    Release("25.05", "Warbler"),
    Release("25.11", "Xantusia"),
    Release("25.11", "Xantusia"),
    Release("26.05", "Yarara", prerelease=True),
)


class Package(msgspec.Struct, frozen=True):
    """A package: its version in each stage (None: not there), its outputs beside "out"."""

    versions: tuple[str | None, ...]
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("glibc",)
    selected: bool = True
    """In the system's own packages, not only needed by one of them."""
    lines: int = 8
    """Lines of filler, at least, in its library or program, so that sizes differ."""


PACKAGES: dict[str, Package] = {
    "glibc": Package(
        ("2.40-66", "2.40-66", "2.40-218", "2.40-218", "2.40-218"),
        ("bin", "dev"),
        needs=(),
        lines=60,
    ),
    "zlib": Package(("1.3.1",) * STAGES, selected=False),
    "openssl": Package(("3.4.1", "3.4.1", "3.6.0", "3.6.0", "3.6.1"), ("lib", "dev"), lines=40),
    "bash-interactive": Package(("5.2p37", "5.2p37", "5.3p3", "5.3p3", "5.3p9"), ("man",)),
    "curl": Package(
        ("8.13.0", "8.14.1", "8.16.0", "8.17.0", "8.18.0"),
        ("lib", "man"),
        ("glibc", "openssl", "zlib"),
    ),
    "systemd": Package(("257.5", "257.6", "258.2", "258.2", "258.3"), ("lib",), lines=50),
    "openssh": Package(("10.0p2", "10.0p2", "10.2p1", "10.2p1", "10.2p1"), (), ("openssl",)),
    "nginx": Package(
        ("1.28.0", "1.28.0", "1.29.3", "1.29.4", "1.28.1"), (), ("openssl", "zlib"), lines=20
    ),
    "postgresql": Package(
        ("16.9", "16.9", "17.6", "17.7", "17.7"), ("lib",), ("openssl", "zlib"), lines=45
    ),
    "prometheus-node-exporter": Package((None, None, "1.9.1", "1.9.1", "1.10.2")),
    "docker": Package(("28.1.1", "28.1.1", "28.5.1", "28.5.1", None), lines=55),
    "podman": Package((None, None, None, None, "5.7.0"), ("man",), lines=35),
    "git": Package(("2.49.0", "2.50.1", "2.51.2", "2.52.0", "2.52.0"), (), ("curl", "zlib")),
    "python3": Package(
        ("3.12.10", "3.12.11", "3.13.9", "3.13.9", "3.13.11"), (), ("openssl", "zlib"), lines=70
    ),
    "nodejs": Package(
        ("22.16.0", "22.17.0", "24.11.0", "24.12.0", "22.22.0"), (), ("openssl",), lines=65
    ),
    "vim": Package(("9.1.1336", "9.1.1336", "9.1.1869", None, None)),
    "helix": Package((None, None, None, "25.07.1", "25.07.1"), lines=25),
    "fastfetch": Package((None, None, None, None, "2.56.0")),
    "neofetch": Package(("7.1.0", "7.1.0", "7.1.0", "7.1.0", None), (), ()),
}

_LIBRARIES = {need for package in PACKAGES.values() for need in package.needs} | {
    name for name, package in PACKAGES.items() if "lib" in package.outputs
}

ROLLING: dict[str, tuple[str, int]] = {
    "firefox": ("{}.0", 139),
    "tzdata": ("2025.{}", 1),
    "yt-dlp": ("2025.10.{}", 14),
}
"""Packages that move between stages: name -> form of the version, and what its count starts at."""

KERNELS = ("6.6.92", "6.6.92", "6.12.58", "6.12.58", "6.12.63")


FAILING_UNIT = "postgresql.service"


class Lesson(enum.Enum):
    """What is wrong with a generation on purpose."""

    ACTIVATION_FAILS = "its activation fails on purpose"
    UNIT_FAILS = f"its {FAILING_UNIT} fails on purpose"
    NEEDS_REBOOT = "it asks for a reboot first"


def lesson(number: int, generations: int) -> Lesson | None:
    """What is wrong with a generation; the newest two and the first are always well."""
    middle = generations // 2
    if number in (middle, middle + 1):
        return Lesson.ACTIVATION_FAILS if number == middle else Lesson.UNIT_FAILS
    return Lesson.NEEDS_REBOOT if number == 2 else None


def stage(number: int, generations: int) -> int:
    """The stage of a generation, 0 to 4: the newest alone is the last."""
    if number == generations:
        return STAGES - 1
    return (number - 1) * (STAGES - 1) // (generations - 1)


def versions(number: int, generations: int) -> dict[str, str]:
    """The packages of a generation and their versions."""
    at = stage(number, generations)
    chosen = {
        name: version
        for name, package in PACKAGES.items()
        if (version := package.versions[at]) is not None
    }
    for place, (name, (form, count)) in enumerate(ROLLING.items()):
        chosen[name] = form.format(count + (number + place) // len(ROLLING))
    return chosen


def is_selected(name: str) -> bool:
    """Whether a package is one of the system's own."""
    return _package(name).selected


class Packages:
    """The derivations of packages, each made once however many generations have it."""

    def __init__(self) -> None:
        self.derivations: dict[str, Derivation] = {}

    def add(self, name: str, version: dict[str, str]) -> str:
        """Make sure of a package of a generation, given all its versions; its key.

        What it needs is part of the key: with another glibc it is another derivation, of the same
        name and version.
        """
        package = _package(name)
        needs = {need: self.add(need, version) for need in package.needs}
        digest = hashlib.sha256("\n".join(needs.values()).encode()).hexdigest()[:8]
        key = f"{name}-{version[name]}+{digest}"
        if key in self.derivations:
            return key
        return self.include(key, _derivation(name, version[name], package, needs))

    def include(self, key: str, derivation: Derivation) -> str:
        """Add something that is put together from packages; its key."""
        self.derivations[key] = derivation
        return key

    def environment(self, keys: list[str]) -> Tree:
        """The links of an environment (system-path, a user's profile) with these packages."""
        tree: Tree = {}
        for key in keys:
            for output, files in self.derivations[key].outputs.items():
                for path in files:
                    if path.startswith(("bin/", "include/", "share/")):
                        tree[path] = Link(f"{token(key, output)}/{path}")
        return tree


def _derivation(name: str, version: str, package: Package, needs: dict[str, str]) -> Derivation:
    """A package of a few bytes whose outputs reference each other as real ones do."""
    body = "".join(f"needs {_library(need, key)}\n" for need, key in needs.items())
    lines = package.lines + hashlib.sha256(f"{name} {version}".encode()).digest()[0] % 9
    body += "".join(f"{name} {version} section {line}\n" for line in range(lines))
    library = _library(name, SELF)
    outputs: dict[str, Tree] = {output: {} for output in ("out", *package.outputs)}
    if name in _LIBRARIES:
        outputs["lib" if "lib" in outputs else "out"][f"lib/lib{name}.so"] = File(body)
        body = f"needs {library}\n"
    program = f'#!/bin/sh\necho "{name} {version}"\nexit\n{body}'
    outputs["out"][f"bin/{name}"] = File(program, executable=True)
    if "bin" in outputs:
        config = f'#!/bin/sh\necho "{library}"\n'
        outputs["bin"][f"bin/{name}-config"] = File(config, executable=True)
    if "dev" in outputs:
        outputs["dev"][f"include/{name}.h"] = File(f"/* {name} {version}: {library} */\n")
    if "man" in outputs:
        outputs["man"][f"share/man/man1/{name}.1"] = File(f'.TH {name} 1 "" "{version}"\n')
    return Derivation(name, version, outputs)


def _library(name: str, key: str) -> str:
    outputs = _package(name).outputs
    return f"{token(key, 'lib' if 'lib' in outputs else 'out')}/lib/lib{name}.so"


def _package(name: str) -> Package:
    return Package(()) if name in ROLLING else PACKAGES[name]

"""Names and versions, split and ordered as Nix does.

Sources: Nix, src/libstore/names.cc (`DrvName`, `nextComponent`, `componentsLT`, `compareVersions`),
the algorithms behind `builtins.parseDrvName` and `builtins.compareVersions`; and
src/libstore/path.cc for the 32 characters of the digest in a store path.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# fmt: off
OUTPUTS = frozenset(
    (
        # What at least seven packages of nixpkgs call an output (26.11, packages.json) …
        "apparmor", "bin", "client", "cxxdev", "data", "debug", "dev", "devdoc", "devtools",
        "dist", "doc", "examples", "firmware", "include", "info", "installedTests", "jit", "jre",
        "lib", "lib32", "man", "modsrc", "modules", "out", "package_tests", "plperl", "plpython3",
        "pltcl", "pubcache", "py", "python", "scripts", "static", "stubs", "symbols", "terminfo",
        "test", "testout", "testsout", "tex", "texdoc", "texsource", "tlpkg", "tools", "udev",
        "webfont",
        # … and the rarer ones that are in most NixOS systems, or that Nix's own diff knows.
        "devman", "dnsutils", "getent", "host", "lib64", "libgcc", "login", "mount", "su", "swap",
        "xxd",
    )
)
# fmt: on
"""The output names that are recognised at the end of a name whose derivation is not known."""

_BEFORE_VERSION = re.compile(r"-(?=[^A-Za-z])", re.DOTALL)
_COMPONENT = re.compile(r"[0-9]+|[^0-9.\-]+")
_DIGEST_LENGTH = 32
_LARGEST_INT = 2**31 - 1

VersionKey = tuple[tuple[int, int | bytes], ...]
_END = (1, 0)


class NameVersionOutput(NamedTuple):
    """A store path's name taken apart. `version` is "" where it has none."""

    name: str
    version: str
    output: str


class Packages(NamedTuple):
    """What some closures have of packages of some names."""

    held: dict[str, frozenset[NameVersionOutput]]
    """The path of a closure -> those of its paths' names that were asked for."""
    names: frozenset[str]
    """The names of all that is in the closures."""


def parse_name(whole: str) -> tuple[str, str]:
    """Split a name at the first dash that no letter follows, as `builtins.parseDrvName` does.

    Args:
        whole: a full name, such as "hello-2.12.1".

    Returns:
        (name, version); version is "" where there is none.
    """
    dash = _BEFORE_VERSION.search(whole)
    if dash is None:
        return whole, ""
    return whole[: dash.start()], whole[dash.end() :]


def full_name(path: str) -> str:
    """The last part of a store path without its digest: name, version and output in one."""
    base = path[path.rfind("/") + 1 :]
    if base[_DIGEST_LENGTH : _DIGEST_LENGTH + 1] == "-":
        return base[_DIGEST_LENGTH + 1 :]
    return base


def split(path: str, output: str | None = None) -> NameVersionOutput:
    """Take a store path apart into name, version and output ("out" where none is told).

    Args:
        path: a whole store path, or its last part.
        output: the output that the store database says it is, or None. What is known is believed;
            otherwise one of `OUTPUTS` behind a version is taken for the output. A name without a
            version stays whole ("hello-doc"): there the last word is more often the name's own.
    """
    return _split_name(full_name(path), output)


@lru_cache(maxsize=2**14)
def _split_name(whole: str, output: str | None) -> NameVersionOutput:
    # Kept, since what is rebuilt keeps its name: generations share nearly all of theirs.
    if output is not None and output != "out":
        whole = whole.removesuffix("-" + output)
    name, version = parse_name(whole)
    if output is None:
        output = "out"
        head, _, last = version.rpartition("-")
        if head and last in OUTPUTS:
            version, output = head, last
    return NameVersionOutput(name, version, output)


def version_key(version: str) -> VersionKey:
    """A key that sorts versions as `compare_versions` does.

    A version is a row of components; "pre" comes before the end of the row, the end before text,
    text before numbers. A number that does not fit a C int counts as text.
    """
    return (*map(_component_key, _COMPONENT.findall(version)), _END)


def compare_versions(first: str, second: str) -> int:
    """-1, 0 or 1 as `first` is older than, the same as, or newer than `second`
    (`builtins.compareVersions`)."""
    one, other = version_key(first), version_key(second)
    return (one > other) - (one < other)


def _component_key(component: str) -> tuple[int, int | bytes]:
    if component == "pre":
        return (0, 0)
    if "0" <= component[0] <= "9":
        digits = component.lstrip("0")
        if len(digits) <= len(str(_LARGEST_INT)):
            number = int(digits or "0")
            if number <= _LARGEST_INT:
                return (3, number)
    return (2, component.encode("utf-8", "surrogateescape"))

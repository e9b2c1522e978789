"""Lists of packages, as channels and Nix's programs write them, read as a stream.

Three shapes are known and told apart by themselves: a channel's packages.json (nixpkgs,
pkgs/top-level/make-tarball and nixos-channel-scripts: `{"version": 2, "packages": {attribute:
{name, pname, version, system, outputs, meta}}}`), what `nix-env -qaP --json --meta` prints (the
inner object alone), and what `nix search --json` prints (attribute -> {pname, version,
description}, its attributes behind `legacyPackages.<system>.` or `packages.<system>.`). The
meanings of `meta` are those of nixpkgs' manual, chapter "Meta-attributes".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from ..errors import ListUnreadable
from ..search_records import PackageEntry
from .json_stream import members
from .versions import parse_name

_FLAKE_PREFIX = re.compile(r"(?:legacyPackages|packages)\.[a-z0-9_]+-[a-z0-9_]+\.")


def read_packages(
    file: BinaryIO, *, prefix: str = "", programs: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[PackageEntry]:
    """Every package of a list, in its order. Only one entry is held at a time.

    Args:
        file: the list, as bytes of JSON; it need not be able to seek.
        prefix: what every attribute has in front that users do not write, such as "nixpkgs.".
        programs: attribute -> the commands that it brings (`program_list.read_programs`), where
            they are known: with them a command finds its package.

    Raises:
        ListUnreadable: it is not such a list, or it ends too early.
    """
    for attribute, value in members(file, "packages"):
        if isinstance(value, dict):
            if "declarations" in value and "meta" not in value:
                raise ListUnreadable(
                    "The list cannot be read: it is one of options, not of packages.",
                    f"{attribute} is declared, as options are: --kind nixos, home-manager or "
                    "darwin says whose they are.",
                )
            name = _FLAKE_PREFIX.sub("", attribute.removeprefix(prefix), count=1)
            yield package_entry(name, value, (programs or {}).get(name, ()))


def package_entry(
    attribute: str, value: dict[str, Any], programs: tuple[str, ...] = ()
) -> PackageEntry:
    """One package, from what such a list says of it. What is not of the type that it should be is
    taken for not told."""
    meta = value.get("meta")
    if not isinstance(meta, dict):
        meta = value
    pname, version = _text(value.get("pname")), _text(value.get("version"))
    if not (pname and version):
        named, numbered = parse_name(_text(value.get("name")))
        pname, version = pname or named or attribute.rpartition(".")[2], version or numbered
    unfree = meta.get("unfree") is True
    broken = meta.get("broken") is True
    insecure = meta.get("insecure") is True
    unavailable = meta.get("available") is False
    return PackageEntry(
        attribute=attribute,
        pname=pname,
        version=version,
        description=" ".join(_text(meta.get("description")).split()),
        long_description=_text(meta.get("longDescription")).strip() or None,
        main_program=_text(meta.get("mainProgram")) or None,
        programs=programs,
        licenses=_each(_license, meta.get("license")),
        homepages=_texts(meta.get("homepage")),
        changelog=next(iter(_texts(meta.get("changelog"))), None),
        position=_text(meta.get("position")) or None,
        outputs=_texts(value.get("outputs")),
        maintainers=_each(_maintainer, meta.get("maintainers")),
        platforms=_texts(meta.get("platforms")),
        unfree=unfree,
        broken=broken,
        insecure=insecure,
        unsupported=meta.get("unsupported") is True
        or (unavailable and not (unfree or broken or insecure)),
        vulnerabilities=_texts(meta.get("knownVulnerabilities")),
    )


def _license(value: Any) -> str:
    if isinstance(value, dict):
        names = (value.get("spdxId"), value.get("shortName"), value.get("fullName"))
        return next((name for name in names if isinstance(name, str) and name), "")
    return _text(value)


def _maintainer(value: Any) -> str:
    if isinstance(value, dict):
        return _text(value.get("github")) or _text(value.get("name"))
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _listed(value: Any) -> list[Any]:
    """A value that may be one or several; keys of a set are what it lists ("outputs")."""
    if isinstance(value, dict) and not {"spdxId", "shortName", "fullName"} & value.keys():
        return list(value)
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> tuple[str, ...]:
    return _each(_text, value)


def _each(read: Callable[[Any], str], value: Any) -> tuple[str, ...]:
    """What is read of each of what may be one or several, where that is not empty."""
    # Most are told as one text, or not at all.
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    return tuple(filter(None, map(read, _listed(value))))

"""What is installed in a user's profile, read from the manifest that its tool keeps there.

`nix profile` keeps manifest.json (Nix, src/nix/profile.cc, `ProfileManifest`): version 1 names the
sources `originalUri` and `uri`, versions 2 and 3 `originalUrl` and `url`; up to version 2 the
elements are a list, from 3 on a set by name. `nix-env` keeps manifest.nix, a list of derivations
(Nix, src/nix-env/user-env.cc). A profile has one of the two, or neither while nothing is in it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from ..errors import ManifestUnreadable
from ..records import InstalledPackage, Manifest
from .nix_data import parse
from .versions import parse_name, split

_KNOWN_VERSIONS = (1, 2, 3)


def read_manifest(profile: str) -> Manifest:
    """What is installed in the profile whose link, or store path, this is.

    Raises:
        ManifestUnreadable: its manifest is damaged, or of a version that is not known.
    """
    for tool, name, read in _KINDS:
        path = os.path.join(profile, name)
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ManifestUnreadable(f"{path} cannot be read.", f"{error.strerror}.") from error
        try:
            version, packages = read(text)
            named = tuple(_with_unique_names(packages))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ManifestUnreadable(
                f"{path} is not a manifest that can be understood.",
                f"{error}" if isinstance(error, ValueError) else f"{error!r}",
                ["Put an earlier generation back: %nix rollback --profile profile"],
            ) from error
        return Manifest(tool=tool, version=version, packages=named)
    return Manifest(tool=None, version=None, packages=())


def _read_json(text: str) -> tuple[int, list[InstalledPackage]]:
    manifest = json.loads(text)
    version = manifest["version"]
    if version not in _KNOWN_VERSIONS:
        raise ValueError(f"It is of version {version}; versions 1 to 3 are known.")
    key = "Uri" if version == 1 else "Url"
    elements = manifest["elements"]
    rows = elements.items() if isinstance(elements, dict) else [(None, e) for e in elements]
    return version, [_from_json(name, element, key) for name, element in rows]


def _from_json(name: str | None, element: dict[str, Any], key: str) -> InstalledPackage:
    paths = tuple(sorted(map(str, element["storePaths"])))
    attribute = element.get("attrPath") or None
    named, version, _ = split(paths[0]) if paths else ("", "", "")
    outputs = element.get("outputs")
    return InstalledPackage(
        name=name or _last_part(attribute) or named,
        version=version,
        attribute=attribute,
        origin=element.get(f"original{key}") or None,
        locked=element.get(key.lower()) or None,
        paths=paths,
        outputs=tuple(map(str, outputs)) if isinstance(outputs, list) else (),
        priority=element.get("priority"),
        active=bool(element.get("active", True)),
    )


def _last_part(attribute: str | None) -> str | None:
    """`hello` of `legacyPackages.x86_64-linux.hello`; a flake's `default` names nothing."""
    last = (attribute or "").rpartition(".")[2]
    return last if last not in ("", "default") else None


def _read_nix(text: str) -> tuple[None, list[InstalledPackage]]:
    elements = parse(text)
    if not isinstance(elements, list):
        raise ValueError("It is no list of packages.")
    return None, [_from_nix(element) for element in elements]


def _from_nix(element: dict[str, Any]) -> InstalledPackage:
    name, version = parse_name(element["name"])
    outputs = tuple(map(str, element.get("outputs", ())))
    paths = [element[output]["outPath"] for output in outputs if output in element]
    priority = element.get("meta", {}).get("priority")
    return InstalledPackage(
        name=name,
        version=version,
        attribute=None,
        origin=None,
        locked=None,
        paths=tuple(map(str, paths or [element["outPath"]])),
        outputs=outputs,
        priority=int(priority) if priority is not None else None,
        active=True,
    )


_Read = Callable[[str], tuple[int | None, list[InstalledPackage]]]
_KINDS: tuple[tuple[Literal["nix profile", "nix-env"], str, _Read], ...] = (
    ("nix profile", "manifest.json", _read_json),
    ("nix-env", "manifest.nix", _read_nix),
)


def _with_unique_names(packages: Iterable[InstalledPackage]) -> Iterator[InstalledPackage]:
    """Each package with a name of its own: a second `hello` is `hello-1`, as `nix profile` does."""
    from msgspec.structs import replace

    seen: Counter[str] = Counter()
    for package in packages:
        count = seen[package.name]
        seen[package.name] += 1
        yield replace(package, name=f"{package.name}-{count}") if count else package

"""The inputs of a flake, read from its flake.lock (nix3-flake(1), "Lock files")."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec

from ..errors import NixError, NotFound
from ..records import Input
from .generations import local_date

_VERSIONS = range(5, 8)
"""Of lock files; Nix has written 7 since 2020."""
_FORGES = ("github", "gitlab", "sourcehut")
_FOLLOWED = 64
"""Names followed before a chain of `follows` counts as a loop."""

_Nodes = dict[str, dict[str, Any]]


def flake_folder(reference: str) -> str | None:
    """The folder of a flake that is on this machine; None for any other.

    A path without a scheme means the nearest flake.nix in it or above, as Nix takes it.
    """
    bare, _, query = reference.partition("?")
    for scheme in ("path:", "git+file://", "git+file:"):
        if bare.startswith(scheme):
            folder = bare.removeprefix(scheme)
            subfolder = next((w[4:] for w in query.split("&") if w.startswith("dir=")), "")
            return os.path.realpath(os.path.join(folder or ".", subfolder))
    if not bare.startswith((".", "/", "~")):
        return None
    folder = start = os.path.realpath(os.path.expanduser(bare))
    while not os.path.exists(f"{folder}/flake.nix"):
        above = os.path.dirname(folder)
        if above == folder:
            return start
        folder = above
    return folder


def read_inputs(folder: str) -> list[Input]:
    """The inputs of the flake in `folder`, each followed by its own; none where nothing is locked.

    Raises:
        NotFound: there is no flake.
        NixError: its flake.lock cannot be read.
    """
    if not os.path.exists(f"{folder}/flake.nix"):
        raise NotFound(
            f"There is no flake in {folder}.",
            "It has no flake.nix.",
            ["Name the flake: --flake REF."],
        )
    file = f"{folder}/flake.lock"
    try:
        with open(file, "rb") as stream:
            lock = msgspec.json.decode(stream.read())
        if lock["version"] not in _VERSIONS:
            raise ValueError(f"version {lock['version']} is none that is known")
        nodes: _Nodes = lock["nodes"]
        return list(_inputs(nodes, lock["root"], lock["root"], "", {lock["root"]}))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(file, str(error.strerror)) from error
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(file, f"it is no lock file: {error or type(error).__name__}") from error


def _inputs(nodes: _Nodes, root: str, key: str, prefix: str, seen: set[str]) -> Iterator[Input]:
    """The inputs of one node; each node's own are listed once, so that loops end."""
    for name, target in sorted(nodes[key].get("inputs", {}).items()):
        node_key = _resolve(nodes, root, target)
        follows = "/".join(target) if isinstance(target, list) else None
        yield _input(prefix + name, nodes[node_key] if node_key else {}, follows)
        if isinstance(target, str) and target not in seen:
            seen.add(target)
            yield from _inputs(nodes, root, target, f"{prefix}{name}/", seen)


def _resolve(nodes: _Nodes, root: str, target: str | list[str], depth: int = 0) -> str | None:
    """The key of the node that an input means; None for one that follows nothing."""
    if isinstance(target, str):
        return target
    if depth > _FOLLOWED:
        raise ValueError(f"{'/'.join(target)} follows itself")
    key: str | None = root
    for name in target:
        if key is None:
            return None
        key = _resolve(nodes, root, nodes[key]["inputs"][name], depth + 1)
    return key if target else None


def _input(name: str, node: dict[str, Any], follows: str | None) -> Input:
    locked, original = node.get("locked", {}), node.get("original", {})
    seconds = locked.get("lastModified")
    return Input(
        name=name,
        type=str(original.get("type") or locked.get("type") or "none"),
        url=_url(original or locked),
        revision=locked.get("rev"),
        date=None if seconds is None else local_date(seconds),
        follows=follows,
        digest=locked.get("narHash"),
    )


def _url(reference: dict[str, Any]) -> str:
    """A reference in attributes as one in words (nix3-flake(1), "Flake reference attributes")."""
    kind = reference.get("type", "")
    words: tuple[str, ...]
    extra: tuple[str, ...] = ("dir",)
    at = "/".join(str(reference[word]) for word in ("ref", "rev") if word in reference)
    if kind in _FORGES:
        words = (f"{kind}:{reference['owner']}/{reference['repo']}", at)
        extra = ("dir", "host")
    elif kind == "indirect":
        words = (f"flake:{reference['id']}", at)
    elif kind == "path":
        words = (f"path:{reference['path']}",)
    elif kind in ("git", "hg"):
        words = (f"{kind}+{reference['url']}",)
        extra = ("ref", "rev", "dir")
    else:
        words = (str(reference.get("url", "")),)
    query = urlencode({word: reference[word] for word in extra if word in reference}, safe="/:")
    return "/".join(word for word in words if word) + (f"?{query}" if query else "")


def _unreadable(file: str, why: str) -> NixError:
    return NixError(
        f"{file} cannot be read.",
        f"{why}.",
        ["Make it anew from flake.nix: nix flake lock"],
    )

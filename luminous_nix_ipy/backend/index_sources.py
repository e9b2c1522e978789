"""Which lists there are: those of what the machine is made from, and those that a user added."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

import msgspec

from .. import settings
from ..errors import NixError, NotFound, Refused
from ..machine import Machine
from .index_channels import CHANNEL, channel_sources, file_url
from .index_model import KINDS, Source, SourceKind
from .index_own import own_sources

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LIST = re.compile(r"\.json(?:\.(?:br|xz|gz|bz2|zst))?$")
_DATABASE = re.compile(r"\.sqlite(?:\.(?:br|xz|gz|bz2|zst))?$|\.tar\.xz$")


def index_folder(machine: Machine) -> str:
    """Where indexes are kept: a playground has its own."""
    if machine.playground is not None:
        return f"{machine.home}/.cache/luminous-nix/indexes"
    chosen: str = settings.get("index_folder")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("luminous-nix"), "indexes")


def find_sources(machine: Machine) -> list[Source]:
    """Every source of the machine, its own first; one that was added stands in for its own of the
    same name and kind.

    Raises:
        NixError: what was added cannot be read.
    """
    added = _added(machine)
    keys = {(source.name, source.kind) for source in added}
    own = [source for source in own_sources(machine) if (source.name, source.kind) not in keys]
    return [*own, *added]


def add_sources(machine: Machine, sources: list[Source]) -> None:
    """Remember these; one of the same name and kind is replaced.

    Raises:
        NixError: that cannot be written.
    """
    keys = {(source.name, source.kind) for source in sources}
    others = [s for s in _added(machine) if (s.name, s.kind) not in keys]
    _write(machine, [*others, *sources])


def forget_sources(machine: Machine, sources: list[Source]) -> None:
    """Forget these, where they were added."""
    _write(machine, [source for source in _added(machine) if source not in sources])


def parse_source(
    words: str, name: str | None, kind: str | None, sha256: str | None = None
) -> list[Source]:
    """The sources that a user means.

    Args:
        words: a channel's name, the URL or path of a list, a flake reference, or a path or
            `<nixpkgs>` that Nix evaluates.
        name: what to call it; None takes it from the words.
        kind: of what it lists; None for a channel is packages and options, for a database its
            programs, else packages.

    Raises:
        Refused: they are none of these.
    """
    if kind is not None and kind not in KINDS:
        raise Refused(f"There is no kind {kind!r} of list.", f"There is {', '.join(KINDS)}.")
    if not words.strip() or words.startswith("-") or not words.isprintable():
        raise Refused(f"{words!r} is no source.", "", ["For example: nixos-unstable"])
    if CHANNEL.fullmatch(words):
        return channel_sources(words, _checked(name or words), kind)
    likely: SourceKind = "programs" if ".sqlite" in os.path.basename(words) else "packages"
    chosen: SourceKind = next((k for k in KINDS if k == kind), likely)
    source = _located(words, chosen)
    called = name or _called(words)
    return [
        msgspec.structs.replace(source, name=_checked(called), sha256=sha256, added=True),
    ]


def _located(words: str, kind: SourceKind) -> Source:
    """A list at an address, or what Nix is to evaluate; its name is not given yet."""
    pattern = _DATABASE if kind == "programs" else _LIST
    if urlsplit(words).scheme in ("http", "https", "file"):
        if not pattern.search(urlsplit(words).path):
            raise Refused(
                f"{words} is no address of a list.",
                "Lists end in .json, packed or not; databases of programs in .sqlite.",
                ["Name a channel (nixos-unstable), a flake (github:NixOS/nixpkgs) or a folder."],
            )
        return Source(name="", kind=kind, addresses=(words,))
    path = os.path.abspath(os.path.expanduser(words))
    if pattern.search(words):
        if not os.path.isfile(path):
            raise NotFound(f"There is no file {path}.")
        return Source(name="", kind=kind, addresses=(file_url(path),))
    if kind not in ("packages", "nixos"):
        raise Refused(
            f"Lists of kind {kind} are not evaluated.",
            "They are files, here or elsewhere.",
            [f"%nix index add URL --kind {kind}"],
        )
    if words.startswith(("/", ".", "~")):
        if not os.path.exists(path):
            raise NotFound(f"There is nothing at {path}.")
        flake = os.path.isdir(path) and not os.path.exists(f"{path}/default.nix")
        words = f"path:{path}" if flake and "#" not in words else path
    elif not re.fullmatch(r"<[^<>]+>|[a-z+]+:\S+|[A-Za-z][\w-]*(?:/\S+)?(?:#\S+)?", words):
        raise Refused(
            f"{words!r} is no source.",
            "It is no channel, address, flake or path.",
            ["For example: nixos-unstable, github:NixOS/nixpkgs, ~/nixpkgs"],
        )
    return Source(name="", kind=kind, how="evaluate", addresses=(words,))


def _called(words: str) -> str:
    """A name for what a user gave none to."""
    last = words.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    for pattern in (_LIST, _DATABASE):
        last = pattern.sub("", last)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "list"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Refused(
            f"{name!r} cannot be the name of a source.",
            "It takes letters, digits and ._- and begins with a letter or digit.",
        )
    return name


def _sources_file(machine: Machine) -> str:
    return os.path.join(index_folder(machine), "sources.json")


def _added(machine: Machine) -> list[Source]:
    path = _sources_file(machine)
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=list[Source])
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise NixError(
            f"{path} cannot be read.", f"{error}.", ["Remove it, and add your sources anew."]
        ) from error


def _write(machine: Machine, sources: list[Source]) -> None:
    path = _sources_file(machine)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(sources), indent=1))
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise NixError(f"{path} cannot be written.", f"{error.strerror}.") from error

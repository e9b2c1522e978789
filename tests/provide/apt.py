"""Debian's packages: whether they can be installed here, and which mirror this machine uses.

The formats of the package sources are told in sources.list(5), of /etc/os-release in os-release(5).
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from .cache import cache_dir, locked

_ROLLING = {"stable", "testing", "unstable", "sid", "oldstable"}


class CannotProvide(Exception):
    """A sentence that says what is missing and what to do about it."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One archive that apt is configured for."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """What the system tells of itself (ID, VERSION_CODENAME...); empty where it does not."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def why_not(release: dict[str, str], user: int, apt_get: str | None) -> str:
    """Why packages cannot be installed here, in a sentence; empty where they can."""
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if not family & {"debian", "ubuntu"} or apt_get is None:
        return f"This is {release.get('NAME', 'a system')} without apt-get: install it by hand."
    if user != 0:
        return "Only root can install packages here: run it as root, or install it by hand."
    return ""


def install(packages: Sequence[str]) -> None:
    """Install packages with apt-get; its lists are fetched only where they do not do.

    Raises:
        CannotProvide: this machine or user cannot, or apt-get failed.
    """
    if reason := why_not(os_release(), os.geteuid(), shutil.which("apt-get")):
        raise CannotProvide(reason)
    command = ["install", "--yes", "--no-install-recommends", *packages]
    with locked(cache_dir(), "apt"):
        try:
            apt_get(*command)
        except CannotProvide:
            apt_get("update")
            apt_get(*command)


def apt_get(*arguments: str) -> str:
    """Run apt-get without questions; what it printed.

    Raises:
        CannotProvide: it failed; the sentence ends with what it said last.
    """
    argv = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        argv,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = " ".join(done.stdout.splitlines()[-3:])
        raise CannotProvide(f"`{shlex.join(argv)}` gave {done.returncode}: {said}")
    return done.stdout


def debian_archive(sources: Sequence[Source], codename: str) -> Source | None:
    """The source that is Debian's own archive, not one of its security or a third party's."""
    for source in sources:
        if "main" in source.components and {codename, *_ROLLING} & set(source.suites):
            return source
    return None


def read_sources(folder: Path = Path("/etc/apt")) -> list[Source]:
    """Every archive that apt is configured for, in both of its formats."""
    found: list[Source] = []
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]:
        if path.suffix in (".list", ".sources") and path.is_file():
            parse = _one_line if path.suffix == ".list" else _deb822
            found += parse(path.read_text(errors="replace"))
    return found


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        words = line.split("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if not words or words[0] != "deb":
            continue
        options: list[str] = []
        if words[1:2] == ["["] and "]" in words:
            end = words.index("]")
            options, words = words[2:end], [words[0], *words[end + 1 :]]
        if len(words) >= 3:
            signed_by = [option[10:] for option in options if option.startswith("signed-by=")]
            yield Source(words[1], (words[2],), tuple(words[3:]), "".join(signed_by))


def _deb822(text: str) -> Iterator[Source]:
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[name] = fields.get(name, "") + "\n" + line.strip()
            elif ":" in line and not line.startswith("#"):
                name, value = line.split(":", 1)
                name = name.lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        for uri in fields.get("uris", "").split():
            yield Source(uri, tuple(suites), tuple(components), fields.get("signed-by", ""))

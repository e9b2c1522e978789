"""Where a configuration says which hash it expects: the line to change when it got another."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import msgspec

from ..store.hashes import spellings, sri

_ENDINGS = (".nix", ".json", ".toml")
"""Of files in which people or their tools write hashes; flake.lock is Nix's own."""
_SKIPPED = {".git", ".hg", ".direnv", "node_modules"}
_MOST_FILES = 20_000
_MOST_BYTES = 1 << 20
_SECONDS = 3.0
_SHOWN = 10

_FAKE = ("lib.fakeHash", "lib.fakeSha256", "lib.fakeSha512", "fakeHash", "fakeSha256", "fakeSha512")
_EMPTY = ('hash = ""', 'sha256 = ""', 'hash=""', 'sha256=""')


class Place(msgspec.Struct, frozen=True):
    """A line that names the expected hash."""

    file: str
    """Absolute, or what it is called where it is no file."""
    line: int
    changed: str
    """The line as it must be."""


def find_places(folders: Sequence[str], expected: str, got: str) -> list[Place]:
    """The lines of the files in these folders that name `expected`, in any spelling.

    Files of one name in subfolders count, links do not; it ends after some seconds.

    Args:
        expected, got: each with its kind, as Nix tells them.
    """
    found = []
    for file in _files(folders):
        try:
            with open(file, encoding="utf-8", errors="replace") as stream:
                text = stream.read(_MOST_BYTES)
        except OSError:
            continue
        found += places_in(text, file, expected, got)
        if len(found) >= _SHOWN:
            break
    return found[:_SHOWN]


def places_in(text: str, name: str, expected: str, got: str) -> list[Place]:
    """As `find_places`, in one text."""
    old, new = spellings(expected), sri(got)
    if not old:
        return []
    written = dict.fromkeys(old, new)
    kind = expected.partition("-" if "-" in expected else ":")[0]
    written = {f"{kind}:{each}": new for each in old} | written
    if set(old[0]) == {"0"}:
        # It was left open: nixpkgs' stand-ins are that hash, and so is an empty text.
        written |= dict.fromkeys(_FAKE, f'"{new}"')
        written |= {empty: empty.replace('""', f'"{new}"') for empty in _EMPTY}
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        spelled = next((each for each in written if each in line), None)
        if spelled is not None:
            changed = line.replace(spelled, written[spelled], 1).strip()
            found.append(Place(name, number, changed))
    return found


def _files(folders: Sequence[str]) -> Iterator[str]:
    """The files of the folders that may name hashes, those nearest to the top first."""
    end = time.monotonic() + _SECONDS
    count = 0
    waiting = list(dict.fromkeys(map(os.path.abspath, folders)))
    for folder in waiting:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            count += 1
            if count > _MOST_FILES or time.monotonic() > end:
                return
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED and entry.path not in waiting:
                    waiting.append(entry.path)
            elif entry.is_file(follow_symlinks=False) and entry.name.endswith(_ENDINGS):
                yield entry.path

"""The lines of Nix's internal-json log, and what its numbers mean.

Records and numbers are those of Nix's src/libutil/logging.hh and logging.cc. A record is a line:
`@nix ` and one JSON object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

COPY_PATH, FILE_TRANSFER, COPY_PATHS, BUILDS, BUILD, QUERY_PATH_INFO = 100, 101, 103, 104, 105, 109
KINDS = {
    0: "unknown",
    100: "copyPath",
    101: "fileTransfer",
    102: "realise",
    103: "copyPaths",
    104: "builds",
    105: "build",
    106: "optimiseStore",
    107: "verifyPaths",
    108: "substitute",
    109: "queryPathInfo",
    110: "postBuildHook",
    111: "buildWaiting",
    112: "fetchTree",
    113: "fetchToStore",
}
"""Types of activities. A newer Nix has more."""

LOG_LINE, SET_PHASE, PROGRESS, SET_EXPECTED, POST_BUILD_LINE = 101, 104, 105, 106, 107
"""Types of results that change what is shown; others are left alone."""

_PREFIX = b"@nix {"
_LONGEST = 8 << 20
"""Bytes of a line; what a longer one has more is dropped."""


class Record(msgspec.Struct, gc=False):
    """A line, its keys in the order in which Nix writes them."""

    action: str = ""
    column: Any = None
    fields: list[Any] | None = None
    file: Any = None
    id: int = 0
    level: int = 0
    line: Any = None
    msg: str = ""
    parent: int = 0
    raw_msg: str | None = None
    text: str = ""
    type: int = 0


def make_decoder() -> Callable[[bytes], Record | None]:
    """A function of a line: its record, or None where it is none."""
    decode = msgspec.json.Decoder(Record).decode

    def record(line: bytes) -> Record | None:
        if line[:6] != _PREFIX:
            return None
        try:
            return decode(line[5:])
        except ValueError:
            return again(line)

    def again(line: bytes) -> Record | None:
        try:
            return decode(line.decode("utf-8", "replace")[5:])
        except ValueError:
            return None

    return record


class LineSplitter:
    """Whole lines of what comes in pieces."""

    def __init__(self) -> None:
        self._partial: list[bytes] = []
        self._room = _LONGEST

    def split(self, data: bytes) -> list[bytes]:
        """The lines that end in these bytes, without their ends."""
        lines = data.split(b"\n")
        if len(lines) == 1:
            self._keep(data)
            return []
        self._keep(lines[0])
        lines[0] = b"".join(self._partial)
        self._partial, self._room = [], _LONGEST
        self._keep(lines.pop())
        return lines

    def rest(self) -> list[bytes]:
        """The last line, where it has no end."""
        lines = self.split(b"\n")
        return lines if any(lines) else []

    def _keep(self, data: bytes) -> None:
        if self._room > 0:
            self._partial.append(data[: self._room])
            self._room -= len(data)

"""Where a downloaded file came from: noted beside it, as `<file>.origin`."""

from __future__ import annotations

import contextlib
import os
from urllib.parse import unquote, urlsplit

import msgspec


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file came from, as its note has it."""

    url: str
    etag: str = ""
    modified: str = ""
    """Its Last-Modified, as the server wrote it."""
    encoding: str = ""
    """Its Content-Encoding: how it is packed, whatever its name says."""
    size: int | None = None
    checked: float = 0.0
    """When the server last said that it is the newest; seconds since 1970."""

    @property
    def validator(self) -> str:
        """What tells this state of the file from another, byte by byte; "" where nothing does."""
        return self.modified if self.etag.startswith("W/") else self.etag or self.modified


def origin_of(file: str) -> Origin | None:
    """Where a downloaded file came from; None where that is not noted, or the file is gone."""
    return read_note(f"{file}.origin") if os.path.exists(file) else None


def state_of_file(url: str) -> str | None:
    """The ETag that a file of this machine has by its `file:` address; None where it is gone."""
    try:
        return state(unquote(urlsplit(url).path))
    except OSError:
        return None


def remove_download(file: str) -> None:
    """Remove a file with its note, and what came of a newer one."""
    for name in (file, f"{file}.origin", f"{file}.part", f"{file}.part.origin"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def state(path: str) -> str:
    """What tells this state of a file of this machine from others, as an ETag."""
    facts = os.stat(path)
    return f'"{facts.st_mtime_ns}-{facts.st_size}"'


def read_note(file: str) -> Origin | None:
    """What a note says; None where there is none that can be read."""
    try:
        with open(file, "rb") as stream:
            return msgspec.json.decode(stream.read(), type=Origin)
    except (OSError, msgspec.MsgspecError):
        return None


def write_note(file: str, origin: Origin) -> None:
    """Write a note, at once or not at all."""
    with open(f"{file}.new", "wb") as stream:
        stream.write(msgspec.json.encode(origin))
    os.replace(f"{file}.new", file)

"""What a program of Nix says while it works: its messages, and in them what it is about to do.

Levels are those of Nix's src/libutil/logging.hh; the announcements those of printMissing in
src/libmain/shared.cc.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

import msgspec

from ..records import Message

INFORMATION = 3
"""Messages to this level are shown without `-v` (Nix, lvlInfo)."""
_WARNING = 1

_KEPT = 200
_LONGEST = 60_000
"""Characters of one message that are kept."""

_TO_BUILD = re.compile(r"(?:these \d+ derivations|this derivation) will be built:")
_TO_FETCH = re.compile(
    r"(?:these \d+ paths|this path) will be fetched"
    r"(?: \(([\d.]+) (\w+) download, ([\d.]+) (\w+) unpacked\))?:"
)
_UNITS = {"bytes": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}


class Planned(msgspec.Struct):
    """What Nix has announced. The dictionaries are ordered sets of store paths."""

    builds: dict[str, None] = {}
    """Derivations."""
    fetches: dict[str, None] = {}
    download_bytes: int = 0
    unpacked_bytes: int = 0


class Messages:
    """The last messages, the last warnings and errors, and what was planned.

    Args:
        on_message: called with every message, of any level.
    """

    def __init__(self, on_message: Callable[[Message], None] | None = None) -> None:
        self.planned = Planned()
        self._on_message = on_message
        self._count = 0
        self._latest: deque[tuple[int, Message]] = deque(maxlen=_KEPT)
        # A flood of information must not wash the errors away.
        self._gravest: deque[tuple[int, Message]] = deque(maxlen=_KEPT)
        self._section: dict[str, None] | None = None

    def clear(self) -> None:
        """Forget all of it: the program is run again."""
        self.planned = Planned()
        self._latest.clear()
        self._gravest.clear()
        self._section = None

    def add(self, message: Message) -> None:
        self._count += 1
        # A dry run of `nix build` announces as errors what others announce as information.
        if message.level in (0, INFORMATION):
            self._plan(message.text)
        if len(message.text) > _LONGEST:
            message = msgspec.structs.replace(message, text=message.text[:_LONGEST] + " …")
        if message.level <= INFORMATION:
            kept = self._gravest if message.level <= _WARNING else self._latest
            kept.append((self._count, message))
        if self._on_message is not None:
            self._on_message(message)

    def kept(self) -> list[Message]:
        """In their order, none below information."""
        return [message for _, message in sorted([*self._gravest, *self._latest], key=_number)]

    def errors(self) -> list[Message]:
        return [message for _, message in self._gravest if message.level == 0]

    def _plan(self, text: str) -> None:
        if self._section is not None and text.startswith("  "):
            self._section[text.strip()] = None
        elif _TO_BUILD.fullmatch(text):
            self._section = self.planned.builds
        elif found := _TO_FETCH.fullmatch(text):
            self._section = self.planned.fetches
            if found[1] is not None:
                self.planned.download_bytes += _bytes(found[1], found[2])
                self.planned.unpacked_bytes += _bytes(found[3], found[4])
        else:
            self._section = None


def _number(item: tuple[int, Message]) -> int:
    return item[0]


def _bytes(amount: str, unit: str) -> int:
    try:
        return int(float(amount) * (1 << _UNITS.get(unit, 0)))
    except ValueError:
        return 0

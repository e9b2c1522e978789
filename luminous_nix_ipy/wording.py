"""Values as the words that views show: sizes, times, durations, counts, and other people's text.

Only for showing: records and DataFrames keep bytes, datetimes and seconds.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import ClosureDiff

_JOINERS = {"\u200c", "\u200d"}
"""Invisible, but ordinary spelling of some scripts and of emoji; they cannot hide or reorder."""

_TERMINAL = re.compile(
    r"""\x1b \[ [0-?]* [ -/]* [@-~]             # control sequences, such as colours
      | \x1b [\]PX^_] .*? (?: \x07 | \x1b\\ )   # strings for the terminal, such as titles
      | \x1b [ -/]* [0-Z\\^-~]                  # two-character sequences""",
    re.VERBOSE | re.DOTALL,
)
"""ECMA-48, 5.3 to 5.6."""


def printable(text: str) -> str:
    r"""One line of text in which nothing acts on a terminal, a browser or an encoder.

    A byte that was not UTF-8 (a surrogate escape of `os.fsdecode`) becomes `\xe9`, a control or a
    character that reorders its line `\x1b` or `\u202e`, a special space a plain one. Two different
    texts stay different, but for spaces and for texts that hold such backslashes themselves.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def without_terminal_codes(text: str) -> str:
    """What a program printed, less its colours, titles and cursor movements (ECMA-48)."""
    return _TERMINAL.sub("", text)


def size(count: int | None) -> str:
    """Bytes as "312 bytes" or "3.1 GiB"; "unknown" for None."""
    if count is None:
        return "unknown"
    sign = "−" if count < 0 else ""
    amount = float(abs(count))
    if amount < 1024:
        return f"{sign}{plural(int(amount), 'byte')}"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 1023.95:
            return f"{sign}{amount:.1f} {unit}"
    return f"{sign}{amount / 1024:,.1f} PiB"


def size_change(count: int) -> str:
    """A difference of bytes with its sign: "+54.4 MiB", "−1.2 KiB", "±0"."""
    if count == 0:
        return "±0"
    return size(count) if count < 0 else f"+{size(count)}"


def moment(date: datetime | None) -> str:
    """A time as its local day and minute, "2026-11-22 21:14"; "unknown" for None."""
    return "unknown" if date is None else f"{date.astimezone():%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Seconds as "12 ms", "3.2 s", "41 s", "2 min 5 s" or "1 h 3 min"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plural(count: int, noun: str) -> str:
    """A count with its noun, which takes an s: "1 path", "1,523 paths"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def diff_summary(diff: ClosureDiff) -> str:
    """A whole comparison in a line: its paths and bytes, before and after, and what was rebuilt."""
    parts = [
        f"paths {diff.paths_before:,} → {diff.paths_after:,} "
        f"(+{diff.paths_added:,} −{diff.paths_removed:,})",
        f"{size(diff.bytes_before)} → {size(diff.bytes_after)} "
        f"({size_change(diff.bytes_after - diff.bytes_before)})",
    ]
    if diff.rebuilt:
        parts.append(f"{diff.rebuilt:,} rebuilt at the same version")
    return ", ".join(parts)


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return capital(text) if text.endswith((".", "!", "?")) else f"{capital(text)}."


def columns(text: str) -> int:
    """How many columns of a terminal the text takes (Unicode, annex 11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or c in _JOINERS
        else 2 if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )  # fmt: skip


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

"""What Nix says when an expression cannot be evaluated, in parts: the sentence, where, and how it
came there.

Both orders are read: the error and then "… while evaluating" (Nix 2.4 to 2.11, and 2.3 without the
dots, in one line each), and the traces first (2.12 and later: src/libutil/error.cc).
"""

from __future__ import annotations

import difflib
import re

import msgspec

_GIVEN = {"«stdin»", "(stdin)", "«string»", "(string)"}
_PLACE = re.compile(r"\bat:?\s+(?P<source>\S.*?):(?P<line>\d+):(?P<column>\d+):?$")
_EXCERPT = re.compile(r"\d*\|")
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*")
_UNKNOWN = re.compile(r"^(?:attribute|undefined variable) '(?P<name>[^']+)'")


class Place(msgspec.Struct, frozen=True):
    """A place in Nix text, counted from 1; columns count bytes, as Nix counts them."""

    source: str | None
    """A file, or what Nix calls it; None: the expression that was given."""
    line: int
    column: int


class Trace(msgspec.Struct, frozen=True):
    """A sentence of an error, and where it happened."""

    text: str
    place: Place | None = None


class EvaluationError(msgspec.Struct, frozen=True):
    """One error of an evaluation."""

    error: Trace
    traces: tuple[Trace, ...]
    """What was being done, in Nix's order."""
    hints: tuple[str, ...]
    """Nix's own guesses, each a sentence."""


def parse(text: str) -> EvaluationError | None:
    """The parts of a message of Nix, without colours; None where it holds no error."""
    parts: list[tuple[str, list[str], Place | None]] = []
    hints = []
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("(") or _EXCERPT.match(line):
            continue
        if line.startswith("Did you mean"):
            hints.append(line)
            continue
        kind, rest = _beginning(line)
        if kind:
            parts.append((kind, [], None))
        elif not parts:
            continue
        kind, words, place = parts[-1]
        if found := _PLACE.search(rest):
            source = found["source"]
            place = Place(
                None if source in _GIVEN else source, int(found["line"]), int(found["column"])
            )
            rest = rest[: found.start()].rstrip(", ")
        parts[-1] = (kind, [*words, rest] if rest else words, place)
    said = [(kind, Trace("\n".join(words), place)) for kind, words, place in parts if words]
    errors = [trace for kind, trace in said if kind == "error"]
    if not errors:
        return None
    traces = tuple(trace for kind, trace in said if kind == "trace")
    return EvaluationError(errors[-1], traces, tuple(hints))


def excerpt(source: str, place: Place) -> list[str]:
    """The line that a place is in and the one before it, with a caret below."""
    lines = source.split("\n")
    if not 0 < place.line <= len(lines):
        return []
    line = lines[place.line - 1]
    before = line.encode("utf-8", "surrogateescape")[: place.column - 1]
    reach = len(before.decode("utf-8", "ignore"))
    blank = "".join("\t" if c == "\t" else " " for c in line[:reach])
    width = len(str(place.line))
    shown = [f"{place.line:>{width}} | {line}", f"{'':{width}} | {blank}^"]
    if place.line > 1 and lines[place.line - 2].strip():
        shown.insert(0, f"{place.line - 1:>{width}} | {lines[place.line - 2]}")
    return shown


def closest(error: EvaluationError, source: str) -> list[str]:
    """Names that are meant where one is unknown: Nix's own guesses, else names of the text that are
    spelled almost like it."""
    if error.hints:
        return list(error.hints)
    unknown = _UNKNOWN.match(error.error.text)
    if unknown is None:
        return []
    names = {name for name in _IDENTIFIER.findall(source) if name != unknown["name"]}
    found = difflib.get_close_matches(unknown["name"], sorted(names), n=3)
    return [f"Did you mean {' or '.join(found)}?"] if found else []


def _beginning(line: str) -> tuple[str, str]:
    """ "error" or "trace" where a line begins such a part, else "", and the rest of the line."""
    if line.startswith("error:"):
        return "error", line.removeprefix("error:").strip()
    if line.startswith(("…", "while ")):
        return "trace", line.removeprefix("…").strip()
    return "", line

"""Plain data written in the Nix language: lists, attribute sets, strings, numbers and words.

This is what Nix prints of evaluated values (Nix, src/libexpr/print.cc), as in the manifest of
nix-env. Nothing is evaluated: whatever is no data is refused.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

_SPACE = re.compile(r"(?:\s+|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PATH = re.compile(r"/[0-9A-Za-z+._?=/-]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}

_DEEPEST = 100
"""Lists and sets within one another that are followed; a package's description has about three."""


def parse(text: str) -> Any:
    """The value that `text` spells: list, dict, str, int, float, bool or None.

    Raises:
        ValueError: it is no data, with the place.
    """
    reader = _Reader(text)
    value = reader.value(_DEEPEST)
    if reader.place != len(text):
        reader.refuse("one value")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self._skip()

    def value(self, depth: int) -> Any:
        if depth == 0:
            self.refuse("fewer lists and sets within one another")
        if self._take("["):
            items = []
            while not self._take("]"):
                items.append(self.value(depth - 1))
            return items
        if self._take("{"):
            return self._attributes(depth)
        for pattern, read in ((_STRING, _string), (_NUMBER, _number), (_PATH, str)):
            found = self._match(pattern)
            if found is not None:
                return read(found[0])
        word = _NAME.match(self.text, self.place)
        if word is None or word[0] not in _WORDS:
            self.refuse("a value")
        self._take(word[0])
        return _WORDS[word[0]]

    def _attributes(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._take("}"):
            name = self._match(_STRING) or self._match(_NAME)
            if name is None:
                self.refuse("a name")
            if not self._take("="):
                self.refuse("'='")
            key = _string(name[0]) if name[0].startswith('"') else name[0]
            found[key] = self.value(depth - 1)
            if not self._take(";"):
                self.refuse("';'")
        return found

    def refuse(self, wanted: str) -> NoReturn:
        line = self.text.count("\n", 0, self.place) + 1
        raise ValueError(f"line {line}: {wanted} was expected at {self.text[self.place :][:20]!r}")

    def _take(self, token: str) -> bool:
        if not self.text.startswith(token, self.place):
            return False
        self.place += len(token)
        self._skip()
        return True

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found is not None:
            self.place = found.end()
            self._skip()
        return found

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.place)
        if space is not None:
            self.place = space.end()


def _string(token: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), token[1:-1])


def _number(token: str) -> int | float:
    return int(token) if token.lstrip("-").isdecimal() else float(token)

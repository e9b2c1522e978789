"""Derivations as their files tell them, and the graph that they make.

The format is ATerm as Nix writes it (src/libstore/derivations.cc): `Derive(` outputs, input
derivations, input sources, system, builder, arguments, environment `)`, strings in quotes with
backslashes. With dynamic derivations it is `DrvWithVersion("xp-dyn-drv",` and the same, where an
input is a pair of outputs and further inputs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ..errors import NotFound, Refused

_TOKEN = re.compile(r',?(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([\[(])|([\])]))', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class Derivation(msgspec.Struct, frozen=True):
    """What is built, from what, and how."""

    path: str
    outputs: dict[str, str]
    """Name of the output -> its path; empty where that is known only once it is built."""
    inputs: dict[str, tuple[str, ...]]
    """Derivation -> the outputs of it that are used."""
    sources: tuple[str, ...]
    system: str
    builder: str
    args: tuple[str, ...]
    env: dict[str, str]
    fixed: bool
    """Its output's hash is known before it is built, as of what is fetched."""

    @property
    def name(self) -> str:
        """The name, with its version."""
        return self.env.get("name") or derivation_name(self.path)


def derivation_name(path: str) -> str:
    """The name in a derivation's path, without its hash and ".drv"."""
    return os.path.basename(path).partition("-")[2].removesuffix(".drv")


def read_derivation(path: str) -> Derivation:
    """Read one derivation's file.

    Raises:
        NotFound: it cannot be read.
        Refused: it is not a derivation.
    """
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise NotFound(f"The derivation {path} cannot be read.", f"{error.strerror}.") from None
    return parse_derivation(path, text)


def parse_derivation(path: str, text: str) -> Derivation:
    """The derivation that an ATerm text tells.

    Raises:
        Refused: it is not a derivation.
    """
    constructor, bracket, rest = text.partition("(")
    try:
        if not bracket:
            raise ValueError
        fields = _terms("(" + rest)
        if constructor == "DrvWithVersion":
            fields = fields[1:]
        elif constructor != "Derive":
            raise ValueError
        outputs, inputs, sources, system, builder, args, env = fields
        return Derivation(
            path=path,
            outputs={name: output for name, output, _, _ in outputs},
            inputs={drv: _used(outputs_of) for drv, outputs_of in inputs},
            sources=tuple(sources),
            system=system,
            builder=builder,
            args=tuple(args),
            env=dict(env),
            fixed=any(digest for _, _, _, digest in outputs),
        )
    except (ValueError, TypeError, IndexError):
        raise Refused(f"{path} is not a derivation.", "Its text is not what Nix writes.") from None


def graph(paths: Iterable[str]) -> dict[str, Derivation]:
    """The derivations of these paths that can be read, by path. Inputs outside are not followed."""
    found = {}
    for path in paths:
        try:
            found[path] = read_derivation(path)
        except (NotFound, Refused):
            continue
    return found


def _terms(text: str) -> list[Any]:
    """The list that a bracketed text is, brackets of both kinds as lists.

    Raises:
        ValueError: the brackets do not match, or something else is between them.
    """
    stack: list[list[Any]] = [[]]
    end = 0
    for found in _TOKEN.finditer(text):
        if found.start() != end:
            raise ValueError
        end = found.end()
        kind = found.lastindex
        if kind == 1:
            string = found[1]
            stack[-1].append(_ESCAPE.sub(_unescape, string) if "\\" in string else string)
        elif kind == 2:
            stack.append([])
        elif kind == 3:
            closed = stack.pop()
            stack[-1].append(closed)
    if text[end:].strip() or len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError
    terms: list[Any] = stack[0][0]
    return terms


def _used(outputs: list[Any]) -> tuple[str, ...]:
    """Names of outputs, or with dynamic derivations ([names], [inputs]) -> names."""
    names = outputs[0] if outputs and isinstance(outputs[0], list) else outputs
    return tuple(names)


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])

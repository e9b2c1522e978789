"""What is refused before anything is run, and the sentence that says why.

No text of a user ever becomes shell text, so nothing needs to be guessed from suspicious letters:
a package is refused when Nix itself would not take it as a name, attribute path or installable, or
when a program would take it for an option.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from .model import NixOperation, OperationType

# What may stand in a package or installable: the letters of store path names (Nix,
# src/libstore/path.cc: 0-9 a-z A-Z + - . _ ? =), and those that attribute paths, flake references
# and output selections add.
_PACKAGE = re.compile(r"[0-9A-Za-z+._?=/:#@&%~,^*\"'!-]{1,2000}")

_OF_WORDS = {OperationType.SEARCH, OperationType.SEARCH_OPTIONS}
"""Their `packages` are words to search for, which may be any text."""

Options = Mapping[str, type | tuple[type, ...]]


def validate(operation: NixOperation, options: Options) -> None:
    """Refuse an operation whose shape is wrong.

    Args:
        operation: what was asked for.
        options: the options that the operation takes, each with the types of its value; None is
            always allowed and means the default.

    Raises:
        Refused: with what is wrong and what would be right.
    """
    if not isinstance(operation.type, OperationType):
        raise Refused(
            f"{operation.type!r} is not an operation.",
            "The type of an operation is a member of OperationType.",
            ["For example: NixOperation(type=OperationType.LIST_GENERATIONS)."],
        )
    for package in operation.packages:
        if operation.type in _OF_WORDS:
            check_value("packages", package, str)
        else:
            check_package(package)
    if not isinstance(operation.dry_run, bool):
        raise Refused(f"dry_run is True or False, not {operation.dry_run!r}.")
    for name, value in operation.options.items():
        if name not in options:
            raise Refused(
                f"{operation.type.value} takes no option {name!r}.",
                _near(name, options),
            )
        if value is not None:
            check_value(name, value, options[name])


def check_package(package: object) -> None:
    """Refuse what cannot be a package's name, attribute path or installable.

    Raises:
        Refused: with the reason.
    """
    if not isinstance(package, str) or not package.strip():
        raise Refused(f"{package!r} is not a package name.", "A name is text that is not empty.")
    if package.startswith("-"):
        raise Refused(
            f"{package!r} is not a package name.",
            "Nix would take it for an option, since it starts with a dash.",
        )
    if not _PACKAGE.fullmatch(package):
        odd = sorted({c for c in package if not _PACKAGE.fullmatch(c)})
        raise Refused(
            f"{package!r} is not a package name.",
            f"Names of packages never contain {' '.join(map(repr, odd))}."
            if odd
            else "It is too long.",
            [
                "Give names or attribute paths, such as hello, python3Packages.requests, "
                "nixpkgs#hello or .#host."
            ],
        )


def check_value(name: str, value: Any, expected: type | tuple[type, ...]) -> None:
    """Refuse a value that is not of the type, or of one of the types, that an option takes.

    Raises:
        Refused: with what it takes.
    """
    types = expected if isinstance(expected, tuple) else (expected,)
    # bool is an int in Python, but True is not a generation.
    if (isinstance(value, bool) and bool not in types) or not isinstance(value, types):
        told = [t for t in types if t is not int or float not in types]
        words = dict.fromkeys(_WORDS.get(t, t.__name__) for t in told)
        raise Refused(f"The option {name!r} takes {' or '.join(words)}, not {value!r}.")
    # What may be a fraction may be zero too.
    if type(value) is int and float not in types and value < 1:
        raise Refused(f"The option {name!r} takes a number from 1 up, not {value}.")
    if isinstance(value, str):
        if "\0" in value:
            raise Refused(f"The option {name!r} holds a NUL character, which no path or name has.")
        if name == "mode" and value not in ("switch", "boot", "test"):
            raise Refused(f"The option 'mode' takes switch, boot or test, not {value!r}.")


_WORDS: dict[type, str] = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "True or False",
    list: "a list",
    tuple: "a list",
}


def _near(name: str, options: Options) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"It takes {', '.join(sorted(options))}." if options else "It takes none."

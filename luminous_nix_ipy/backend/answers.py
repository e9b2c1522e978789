"""Answers that somebody typed or computed, made plain so that they can be compared with the right
one: 4 and numpy's 4 are the same, 4 and "4" and True are three different things."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Mapping, Set, ValuesView
from os import PathLike, fspath
from typing import Any

_DEEPEST = 20
"""Lists within lists; a list that holds itself has no end."""
_LONGEST_SHOWN = 60


class Unordered(list[Any]):
    """The things in a set, in an order that is always the same."""

    def __init__(self, things: Any) -> None:
        super().__init__(sorted(things, key=_text))


class Incomparable(Exception):
    """A value that is no number, text, list, set, table or anything made of these."""


def plain(value: Any, depth: int = 0) -> Any:
    """The value as None, bool, int, float, str, list, Unordered or dict of such.

    Arrays and columns are lists, a DataFrame is a list of dicts, a set is Unordered, a whole float
    is an int, text is stripped of blanks at its ends.

    Raises:
        Incomparable: it cannot be made so.
    """
    if depth > _DEEPEST:
        raise Incomparable
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else float(value)
    if isinstance(value, (str, PathLike)):
        return str(fspath(value)).strip()
    if isinstance(value, (Set, ValuesView)):
        return Unordered(plain(item, depth + 1) for item in value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, pandas: columns and cells
        return plain(value.tolist(), depth + 1)
    if hasattr(value, "dtypes") and hasattr(value, "to_dict"):  # pandas: a DataFrame
        return plain(value.to_dict("records"), depth + 1)
    raise Incomparable


def same(found: Any, wanted: Any) -> bool:
    """Whether two plain values are the same; where either is Unordered, order does not count."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, (int, float)):
        return math.isclose(found, wanted, rel_tol=1e-9)
    if isinstance(found, list) and isinstance(wanted, list):
        if isinstance(found, Unordered) or isinstance(wanted, Unordered):
            found, wanted = Unordered(found), Unordered(wanted)
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    return type(found) is type(wanted) and bool(found == wanted)


def seal(value: Any) -> str:
    """A salted hash of a value, to be compared with by `unseals`: it keeps an answer from being
    read in passing, and is no secret.

    Raises:
        Incomparable: nothing could be compared with it.
    """
    salt = secrets.token_hex(4)
    return f"{salt}:{_digest(salt, plain(value))}"


def unseals(found: Any, sealed: str) -> bool:
    """Whether a plain value is the one that was sealed; a list also where a set of it was."""
    salt, _, digest = sealed.partition(":")
    tried = [found, Unordered(found)] if isinstance(found, list) else [found]
    return any(secrets.compare_digest(_digest(salt, each), digest) for each in tried)


def told(value: Any) -> str:
    """A plain value as people read it, with the word for what it is."""
    shown = _shown(value)
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}…"
    return f"{shown}, {kind(value)}"


def kind(value: Any) -> str:
    """The word for what a plain value is."""
    for types, word in _KINDS:
        if isinstance(value, types):
            return word
    return "nothing"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a truth value"),
    ((int, float), "a number"),
    (str, "text"),
    (Unordered, "a set"),
    (list, "a list"),
    (dict, "a dict"),
)


def _shown(value: Any) -> str:
    if isinstance(value, Unordered):
        return f"{{{', '.join(map(_shown, value))}}}"
    return repr(value)


def _digest(salt: str, value: Any) -> str:
    return hashlib.sha256(f"{salt}{_text(value)}".encode()).hexdigest()[:32]


def _text(value: Any) -> str:
    """One text for one plain value."""
    marked = {"in any order": list(value)} if isinstance(value, Unordered) else value
    return json.dumps(marked, sort_keys=True)

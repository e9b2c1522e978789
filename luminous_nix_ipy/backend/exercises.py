"""Exercises, as a teacher writes them down: TOML, in a file beside the notebook or in a cell.

Each table of a file is an exercise, by the name that `%nix check NAME` takes:

    [go-back]
    title = "Make generation 4 current"
    right_when = [
        { generation = 4, current = true },
        { journal = "rollback", to = 4 },
    ]
    hints = ["Which verb goes back?", "Its help: %nix rollback -h"]
    solution = "%nix rollback 4 --yes"

A cell holds the lines below the name alone. What may stand in `right_when` is told in
`conditions.py`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ..errors import NotFound, Refused, did_you_mean
from .conditions import CONDITIONS, Condition, needs_machine
from .facts import chosen

FILE = "exercises.toml"
"""The file of exercises that is looked for in the notebook's folder."""


class Exercise(msgspec.Struct, frozen=True, kw_only=True):
    """One exercise."""

    name: str
    title: str
    conditions: tuple[Condition, ...]
    hints: tuple[str, ...] = ()
    """One more is told at each try that is not right."""
    solution: str = ""
    """What a cell may hold that solves it."""
    needs_nix: bool = False
    needs_playground: bool = True
    """It looks at a machine, and that is to be a playground."""


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the table of an exercise holds."""

    right_when: list[dict[str, Any]]
    title: str = ""
    hints: list[str] = []
    solution: str = ""
    needs: Literal["nix"] | None = None
    playground: bool = True


def read_exercise(name: str, file: str | None = None) -> Exercise:
    """One exercise of a file.

    Args:
        file: its path; None: `exercises.toml` in this folder.

    Raises:
        NotFound: there is no such file, or no such exercise in it.
        Refused: it cannot be read.
    """
    path = FILE if file is None else os.path.expanduser(file)
    tables = _tables(path)
    if name not in tables:
        from difflib import get_close_matches

        near = get_close_matches(name, tables, n=1)
        raise NotFound(
            f"{path} has no exercise {name!r}.",
            f"It has {', '.join(tables)}." if tables else "It has none.",
            did_you_mean([f"%nix check {name}" for name in near[:1]]),
        )
    return exercise(name, tables[name], path)


def names(file: str = FILE) -> list[str]:
    """The names of the exercises of a file.

    Raises: as `read_exercise`.
    """
    return list(_tables(file))


def exercise(name: str, written: str | Mapping[str, Any], where: str) -> Exercise:
    """An exercise from its table, or from the TOML of one.

    Args:
        where: it was found, for errors.

    Raises:
        Refused: it is not written as an exercise is.
    """
    table = _parse(written, where) if isinstance(written, str) else written
    try:
        if not isinstance(table, Mapping):
            raise ValueError("it is no table")
        made = msgspec.convert(dict(table), _Written)
        conditions = tuple(chosen(each, CONDITIONS) for each in made.right_when)
        if not conditions:
            raise ValueError("nothing is said in right_when, so anything would be right")
    except (ValueError, msgspec.ValidationError) as error:
        raise Refused(
            f"The exercise {name!r} in {where} is not written as an exercise is.",
            f"{error}.",
            ["%nix check -h has an example."],
        ) from None
    return Exercise(
        name=name,
        title=made.title or name,
        conditions=conditions,
        hints=tuple(made.hints),
        solution=made.solution.strip("\n"),
        needs_nix=made.needs == "nix",
        needs_playground=made.playground and any(map(needs_machine, conditions)),
    )


def _tables(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            return _parse(file.read(), path)
    except FileNotFoundError:
        raise NotFound(
            f"There is no file of exercises {path}.",
            f"It is looked for in {os.getcwd()}, the folder of the notebook.",
            ["Name another one: %nix check NAME --file PATH"],
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The file of exercises {path} cannot be read.", f"{error}.") from None


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(
            f"The exercises in {where} cannot be read.",
            f"They are not TOML: {error}.",
            ["https://toml.io tells how TOML is written."],
        ) from None

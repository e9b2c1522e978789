"""Generations in words: as rows, one in full, and what has become of them since the last look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .. import wording
from ..table import Table
from ..wording import printable

if TYPE_CHECKING:
    from ..records import Generation, ProfileKind
    from .grid import Column, Row

_SHOWN = 40
"""Rows of the table that a saved notebook keeps."""
_NAMED = 6
"""Numbers that a sentence lists."""
_SYSTEM = ("NixOS", "kernel")


def columns(kind: ProfileKind) -> list[Column]:
    """The columns of `rows`."""
    from .grid import Column

    return [Column("number", number=True), *map(Column, _titles(kind)[1:])]


def rows(generations: Iterable[Generation], kind: ProfileKind) -> list[Row]:
    """A row for each, which its number identifies."""
    from .grid import Row

    return [
        Row(
            str(g.number),
            _cells(g, kind),
            _keys(g, kind),
            strong=g.current,
        )
        for g in generations
    ]


def table(generations: Sequence[Generation], kind: ProfileKind) -> Table:
    """The first of them as a table that stays as it is."""
    shown = generations[:_SHOWN]
    more = len(generations) - len(shown)
    return Table(
        _titles(kind),
        [[printable(cell) for cell in _cells(g, kind)] for g in shown],
        wording.plural(len(generations), "generation"),
        right=frozenset({0}),
        strong=frozenset(i for i, g in enumerate(shown) if g.current),
        notes=[f"… and {more:,} more; %nix list has them all."] if more else (),
    )


def facts(generation: Generation) -> list[tuple[str, str]]:
    """Everything that is known of one, but its number and its note."""
    g = generation
    told = [
        ("Date", wording.moment(g.date)),
        ("State", state(g) or "neither current, running nor booted"),
        ("NixOS", g.nixos_version),
        ("Kernel", g.kernel_version),
        ("Configuration", g.configuration_revision),
        ("Specialisations", ", ".join(g.specialisations)),
        ("Description", g.description),
        ("Store path", g.path),
        ("Problem", g.problem),
    ]
    return [(name, printable(value)) for name, value in told if value]


def state(generation: Generation) -> str:
    """The words of what holds of it: current, running, booted, kept."""
    current = ["current"] if generation.current else []
    return ", ".join([*current, *filter(None, [generation.state])])


def news(before: Sequence[Generation], after: Sequence[Generation]) -> str:
    """What has become of them between two looks, in a sentence; empty where nothing has."""
    old, new = ({g.number for g in found} for found in (before, after))
    said = [f"{_named(new - old)} new"] if new - old else []
    said += [f"{_named(old - new)} gone"] if old - new else []
    for mark in ("current", "running", "booted", "kept"):
        was, now = ({g.number for g in found if getattr(g, mark)} for found in (before, after))
        said += [f"{_named(now - was)} {mark} now"] if now - was else []
        let_go = (was - now) & new if mark == "kept" else set()
        said += [f"{_named(let_go)} no longer kept"] if let_go else []
    if said:
        return f"The machine has changed: {', '.join(said)}."
    if [replace(g, note=None) for g in before] != [replace(g, note=None) for g in after]:
        return "The machine has changed."
    return "" if list(before) == list(after) else "A note has changed."


def _named(numbers: set[int]) -> str:
    """Generations as the subject of a sentence, with its verb."""
    if len(numbers) > _NAMED:
        return f"{len(numbers):,} generations are"
    listed = ", ".join(map(str, sorted(numbers)))
    return f"generation {listed} is" if len(numbers) == 1 else f"generations {listed} are"


def _titles(kind: ProfileKind) -> list[str]:
    return ["number", "date", "state", *(_SYSTEM if kind == "system" else ()), "note"]


def _keys(g: Generation, kind: ProfileKind) -> list[float | str | None]:
    """What the cells are sorted by: what is not there is last."""
    date = g.date.timestamp() if g.date else None
    return [g.number, date, *(cell or None for cell in _cells(g, kind)[2:])]


def _cells(g: Generation, kind: ProfileKind) -> list[str]:
    versions = [g.nixos_version or "", g.kernel_version or ""] if kind == "system" else []
    # What is wrong with a generation matters more than what somebody wrote about it.
    note = f"problem: {g.problem}" if g.problem else g.note or ""
    return [str(g.number), wording.moment(g.date), state(g), *versions, note]

"""The parts of plans, as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from .columns import Column, text
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..records import Check, Command, UnitChange

_UNIT = (Column("unit", text), Column("action", text), Column("reason", text))
_CHECK = (Column("name", text), Column("verdict", text), Column("reason", text))
_COMMAND = (Column("purpose", text), Column("command", text, str))
_FACT = (Column("fact", text, itemgetter(0)), Column("value", text, itemgetter(1)))


def units(records: Sequence[UnitChange]) -> NixFrame:
    """What happens to systemd's units. Columns: unit, action, reason (text)."""
    return framed("Units", _UNIT, records)


def checks(records: Sequence[Check]) -> NixFrame:
    """Checks with their verdicts. Columns: name, verdict, reason (text)."""
    return framed("Checks", _CHECK, records)


def commands(records: Sequence[Command]) -> NixFrame:
    """Programs and what for. Columns: purpose, command (text, quoted as for a shell)."""
    return framed("Commands", _COMMAND, records)


def facts(rows: Sequence[tuple[str, str]], caption: str) -> NixFrame:
    """Facts in words. Columns: fact, value (text)."""
    return framed(caption, _FACT, rows)

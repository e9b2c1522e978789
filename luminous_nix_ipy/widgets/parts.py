"""Parts that several views have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..table import Table
from ..wording import capital, printable, sentence
from .page import Steps

if TYPE_CHECKING:
    from ..records import Check, Command

_PLAYGROUND = "PLAYGROUND: this is not the real machine, and nothing here can touch it."


def banner(playground: bool) -> str:
    """What must not be overlooked about where this is."""
    return _PLAYGROUND if playground else ""


def checks(caption: str, rows: Sequence[Check]) -> Table:
    """Checks with their verdicts; those that are not ok stand out."""
    cells = [(printable(c.name), c.verdict, printable(capital(c.reason))) for c in rows]
    standing_out = frozenset(i for i, c in enumerate(rows) if c.verdict != "ok")
    return Table(("check", "verdict", "reason"), cells, caption, strong=standing_out)


def steps(caption: str, commands: Sequence[Command]) -> Steps:
    """Commands in their order, with their purposes."""
    return Steps(caption, [(printable(sentence(c.purpose)), printable(str(c))) for c in commands])

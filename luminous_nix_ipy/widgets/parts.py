"""Parts that several views have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from ..table import Table
from ..wording import capital, printable, sentence
from .page import Steps, Words

if TYPE_CHECKING:
    from ..records import Check, ClosureDiff, Command

_PACKAGES_SHOWN = 20
_PLAYGROUND = "PLAYGROUND: this is not the real machine, and nothing here can touch it."


def banner(playground: bool) -> str:
    """What must not be overlooked about where this is."""
    return _PLAYGROUND if playground else ""


def checks(caption: str, rows: Sequence[Check]) -> Table:
    """Checks with their verdicts; those that are not ok stand out."""
    cells = [(printable(c.name), c.verdict, printable(capital(c.reason))) for c in rows]
    standing_out = frozenset(i for i, c in enumerate(rows) if c.verdict != "ok")
    return Table(("check", "verdict", "reason"), cells, caption, strong=standing_out)


def counted(rows: Sequence[Check]) -> str:
    """How many checks there are, and how many of them stop the change."""
    red = sum(check.verdict == "refused" for check in rows)
    return f"{len(rows):,}, {red:,} refused" if red else f"{len(rows):,}"


def steps(caption: str, commands: Sequence[Command]) -> Steps:
    """Commands in their order, with their purposes."""
    return Steps(caption, [(printable(sentence(_purpose(c))), printable(str(c))) for c in commands])


def _purpose(command: Command) -> str:
    return f"{command.purpose}, as root" if command.root else command.purpose


def packages(diff: ClosureDiff | None, problem: str | None) -> Table | Words:
    """Package changes, the first of them, or why they are not known."""
    if diff is None:
        return Words("Packages", [printable(sentence(f"Not compared: {problem or 'unknown why'}"))])
    notes = [wording.diff_summary(diff)]
    more = len(diff.changes) - _PACKAGES_SHOWN
    if more > 0:
        notes.insert(0, f"… and {more:,} more, all in its .packages")
    if not diff.changes:
        return Words("Packages", ["No package changes.", *notes])
    rows = [
        (
            printable(change.name),
            change.change,
            printable(", ".join(change.old_versions)) or "–",
            printable(", ".join(change.new_versions)) or "–",
            "yes" if change.selected_before or change.selected_after else "no",
            wording.size_change(change.delta_bytes),
        )
        for change in diff.changes[:_PACKAGES_SHOWN]
    ]
    headers = ("package", "change", "before", "after", "selected", "size")
    return Table(headers, rows, "Packages", right=frozenset({5}), notes=notes)

"""How a change is watched and what it did to units, as plans and reports show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from ..table import Table
from ..wording import capital, printable, sentence
from .page import Words, printable_lines

if TYPE_CHECKING:
    from ..backend.model import Expectation, Plan, Safety
    from ..records import UnitChange

_EXPECTED = {
    "command": "The command must succeed: {}",
    "url": "It must answer with 2xx or 3xx: {}",
    "unit": "The unit must be active: {}",
}


def watched(plan: Plan) -> list[Words]:
    """What is expected afterwards and what becomes of it if not, in sentences; nothing where it is
    as usual, or where nothing is done."""
    from ..backend.model import Safety

    usual = Safety()
    if plan.nothing_to_do or plan.safety == usual:
        return []
    safety = plan.safety
    if plan.mode == "boot":
        lines = ["Nothing is activated before the next boot, so nothing is watched."]
    else:
        lines = [_expected(expectation) for expectation in safety.expectations]
        lines += _watching(safety, usual)
    if not safety.restore:
        lines.append("Nothing is put back when a step fails: --no-restore.")
    if safety.force:
        lines.append(
            f"Even if red, these checks do not stop it: {printable(', '.join(safety.force))}."
        )
    return [Words("Watched afterwards", lines)]


def planned_units(plan: Plan) -> Table | Words:
    """What would become of units, or why that is not known."""
    if plan.units is None:
        why = plan.units_reason or "unknown why"
        return Words("Units", [printable(sentence(f"No preview: {why}"))])
    if not plan.units:
        return Words(
            "Units", [printable(f"None would change. {capital(plan.units_reason)}".rstrip())]
        )
    return units(plan.units, "Units")


def units(changes: Sequence[UnitChange], caption: str) -> Table:
    """Units and what becomes of them, with a column of reasons where there is one."""
    rows = [(printable(u.unit), u.action, printable(u.reason) or "–") for u in changes]
    shown = 3 if any(unit.reason for unit in changes) else 2
    standing_out = frozenset(i for i, unit in enumerate(changes) if unit.action == "failed")
    headers = ("unit", "action", "reason")[:shown]
    return Table(headers, [row[:shown] for row in rows], caption, strong=standing_out)


def journals(changes: Sequence[UnitChange]) -> list[Words]:
    """The ends of the journals of failed units."""
    return [
        Words(
            f"The end of the journal of {printable(unit.unit)}",
            [line for text in unit.log for line in printable_lines(text)],
        )
        for unit in changes
        if unit.log
    ]


def _expected(expectation: Expectation) -> str:
    return _EXPECTED[expectation.kind].format(printable(expectation.what))


def _watching(safety: Safety, usual: Safety) -> list[str]:
    lines = []
    if safety.expectations:
        lines.append(f"Each has {wording.duration(safety.expect_timeout)} to come true.")
    if safety.settle:
        lines.append(f"It is watched for {wording.duration(safety.settle)} before it is confirmed.")
    if safety.restore:
        silence = wording.duration(safety.confirm_timeout)
        lines.append(f"It is put back after {silence} without a sign of life of this kernel.")
    if safety.activation_timeout != usual.activation_timeout:
        longest = wording.duration(safety.activation_timeout)
        lines.append(f"The activation is ended when it takes longer than {longest}.")
    return lines

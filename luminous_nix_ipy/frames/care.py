"""What keeps a machine well, as DataFrames: findings, garbage and what keeps a path."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, counts, flags, text, times, words
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..backend.collect_model import Choice, Keeper
    from ..records import Finding
    from ..store.liveness import Garbage

_CHOICE = (
    Column("profile", text, attrgetter("profile.name")),
    Column("number", counts, attrgetter("generation.number")),
    Column("date", times, attrgetter("generation.date")),
    Column("goes", flags),
    Column("rule", text),
)
_GARBAGE = (
    Column("path", text, itemgetter(0)),
    Column("bytes", counts, itemgetter(1)),
    Column("registered", flags, itemgetter(2)),
)
_KEEPER = (
    Column("kind", text),
    Column("link", text, attrgetter("root.link")),
    Column("path", text, attrgetter("root.path")),
    Column("steps", counts, lambda keeper: len(keeper.chain) - 1),
    Column("through", words, attrgetter("chain")),
)


def choices(records: Sequence[Choice]) -> NixFrame:
    """Which generations go. Columns: profile (text), number (int64), date (time), goes (bool), rule
    (text: because it ...)."""
    going = sum(record.goes for record in records)
    summary = f"{going:,} of {wording.plural(len(records), 'generation')} would go"
    return framed("Generations", _CHOICE, records, summary)


def garbage(record: Garbage) -> NixFrame:
    """What nothing keeps, the largest first. Columns: path (text), bytes (int64), registered (bool:
    the store's database knows it)."""
    rows = [(path, size, True) for path, size in record.paths.items()]
    rows += [(path, size, False) for path, size in record.strangers.items()]
    rows.sort(key=lambda row: (-row[1], row[0]))
    summary = f"{wording.plural(len(rows), 'path')}, {wording.size(record.bytes)}"
    return framed("Paths that nothing keeps", _GARBAGE, rows, summary)


def keepers(records: Sequence[Keeper], caption: str) -> NixFrame:
    """Gc roots and how they keep a path. Columns: kind, link, path (text), steps (int64: references
    from what the root keeps to the path), through (text: those paths)."""
    return framed(caption, _KEEPER, records, wording.plural(len(records), "gc root"))


_FINDING = (
    Column("what", text),
    Column("severity", text),
    Column("where", text),
    Column("reason", text),
    Column("repair", text, attrgetter("remedy")),
)


def findings(records: Sequence[Finding], caption: str = "Findings") -> NixFrame:
    """What an examination found. Columns: what, severity, where, reason, repair (text: a command or
    a sentence)."""
    told = [
        wording.plural(count, noun)
        for noun in ("problem", "warning", "note")
        if (count := sum(record.severity == noun for record in records))
    ]
    return framed(caption, _FINDING, records, ", ".join(told) or "All is well")

"""The journal of changes, and what it keeps, as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from .. import wording
from .columns import Column, counts, durations, joined_commands, maybe_counts, text, times
from .nixframe import NixFrame, framed

if TYPE_CHECKING:
    from ..backend.journal_changes import Ran
    from ..backend.journal_reading import Damage, JournalFile
    from ..backend.model import Backup
    from ..records import JournalEntry

_JOURNAL: tuple[Column, ...] = (
    Column("started", times),
    Column("user", text),
    Column("operation", text),
    Column("from_number", maybe_counts),
    Column("to_number", maybe_counts),
)
_JOURNAL_MORE: tuple[Column, ...] = (
    Column("ended", times),
    Column("duration", durations),
    Column("id", text),
    Column("host", text),
    Column("profile", text),
    Column("from_path", text),
    Column("to_path", text),
    Column("commands", joined_commands),
    Column("error", text),
    Column("backup", text),
    Column("freed_bytes", maybe_counts),
)


def journal(
    records: Sequence[JournalEntry],
    *,
    without_outcome: Mapping[str, str] | None = None,
    all_columns: bool = False,
) -> NixFrame:
    """Changes that were made, in the order given.

    Columns: started (time), user, operation (text), from_number, to_number (Int64), outcome (text,
    missing while nothing is known of it). `all_columns` adds ended (time), duration (timedelta),
    id, host, profile, from_path, to_path, commands, error, backup (text), freed_bytes (Int64).

    Args:
        without_outcome: what is said of changes that have none, by their ids.
    """
    told = without_outcome or {}
    outcome = Column("outcome", text, lambda entry: entry.outcome or told.get(entry.id))
    columns = (*_JOURNAL, outcome, *(_JOURNAL_MORE if all_columns else ()))
    return framed("Journal", columns, records, wording.plural(len(records), "change"))


def _first_damage(file: JournalFile) -> Damage | None:
    return next(iter(file.damages), None)


_JOURNALS: tuple[Column, ...] = (
    Column("journal", text, attrgetter("path")),
    Column("verdict", text),
    Column("lines", counts),
    Column("damaged", counts, lambda file: len(file.damages)),
    Column("line", maybe_counts, lambda file: d.line if (d := _first_damage(file)) else None),
    Column("reason", text, lambda file: d.what if (d := _first_damage(file)) else file.problem),
    Column("head", text),
)


def journals(records: Sequence[JournalFile]) -> NixFrame:
    """Journals, and whether they are as they were written.

    Columns: journal (text: its path), verdict (text), lines, damaged (int64), line (Int64) and
    reason (text) of the first damage, head (text: the hash of the last line).
    """
    return framed("Journals", _JOURNALS, records, wording.plural(len(records), "journal"))


_RAN = (Column("step", text), Column("command", text), Column("code", maybe_counts))


def ran(records: Sequence[Ran]) -> NixFrame:
    """What a change ran. Columns: step, command (text), code (Int64: the exit code)."""
    return framed("Commands that were run", _RAN, records)


_BACKUP: tuple[Column, ...] = (
    Column("id", text),
    Column("operation", text),
    Column("made", times),
    Column("number", counts),
    Column("profile", text),
)
_BACKUP_MORE: tuple[Column, ...] = (Column("path", text), Column("root", text))


def backups(records: Sequence[Backup], *, all_columns: bool = False) -> NixFrame:
    """What was current before earlier changes and is kept, in the order given.

    Columns: id, operation (text), made (time), number (int64), profile (text). `all_columns` adds
    path, root (text).
    """
    columns = _BACKUP + _BACKUP_MORE if all_columns else _BACKUP
    return framed("Backups", columns, records, wording.plural(len(records), "backup"))

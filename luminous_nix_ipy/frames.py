r"""Records as DataFrames, with fixed column names and dtypes, whether there are rows or not.

| values | dtype | missing |
|---|---|---|
| text | `string[python]` | `<NA>` |
| counts and bytes | `int64`, or `Int64` where one may be missing | `<NA>` |
| yes or no | `bool` | never |
| times | `datetime64[us, <local zone>]` | `NaT` |
| how long a change took | `timedelta64[us]` | `NaT` |
| rates and seconds | `float64` | `NaN` |

Text is pandas' nullable string on Python objects, by choice: it is the same dtype under pandas 2
and 3, with and without pyarrow; `df[df.note.str.contains("kernel")]` works where notes are missing,
which it does not on objects; and a missing text is never taken for a true value, as NaN is.

Text that is not UTF-8, or that holds controls, has visible escapes (`\xe9`, `\x1b`): frames can be
printed, displayed, and saved as CSV or JSON, and different paths stay different. The records keep
the exact text. Several values in one cell are joined with ", ", commands with "; ".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from . import wording
from .columns import (
    Column,
    arrays,
    counts,
    durations,
    flags,
    joined_commands,
    maybe_counts,
    rates,
    text,
    times,
    words,
)
from .nixframe import NixFrame

__all__ = [
    "NixFrame",
    "attribute_sets",
    "backups",
    "chains",
    "checks",
    "choices",
    "commands",
    "diff",
    "facts",
    "findings",
    "garbage",
    "generations",
    "inputs",
    "installed",
    "jobs",
    "journal",
    "journals",
    "keepers",
    "metrics",
    "package_steps",
    "profiles",
    "ran",
    "units",
    "updates",
]

if TYPE_CHECKING:
    from .backend.collect_model import Choice, Keeper
    from .backend.journal_changes import Ran
    from .backend.journal_reading import Damage, JournalFile
    from .backend.model import Backup
    from .records import (
        Check,
        ClosureDiff,
        Command,
        Finding,
        Generation,
        Input,
        InputChange,
        JournalEntry,
        Manifest,
        PackageStep,
        Profile,
        UnitChange,
    )
    from .store.liveness import Garbage
    from .store.why import Chains

_GENERATION: tuple[Column, ...] = (
    Column("number", counts),
    Column("date", times),
    Column("current", flags),
    Column("state", text),
    Column("nixos_version", text),
    Column("kernel_version", text),
)
_GENERATION_MORE: tuple[Column, ...] = (
    Column("running", flags),
    Column("booted", flags),
    Column("kept", flags),
    Column("configuration_revision", text),
    Column("specialisations", words),
    Column("description", text),
    Column("note", text),
    Column("path", text),
    Column("link", text),
    Column("problem", text),
)
_GENERATION_SIZES: tuple[Column, ...] = (
    Column("closure_bytes", maybe_counts),
    Column("unique_bytes", maybe_counts),
)


def generations(
    records: Sequence[Generation], *, sizes: bool = False, all_columns: bool = False
) -> NixFrame:
    """Generations, newest first.

    Columns: number (int64), date (time), current (bool), state, nixos_version, kernel_version
    (text). `all_columns` adds running, booted, kept (bool), configuration_revision,
    specialisations, description, note, path, link, problem (text); `sizes` adds closure_bytes,
    unique_bytes (Int64).
    """
    records = sorted(records, key=attrgetter("number"), reverse=True)
    columns = _GENERATION
    if all_columns:
        columns += _GENERATION_MORE
    if sizes:
        columns += _GENERATION_SIZES
    summary = [wording.plural(len(records), "generation")]
    for state in ("current", "running", "booted"):
        numbers = ", ".join(str(record.number) for record in records if getattr(record, state))
        if numbers:
            summary.append(f"{state} {numbers}")
    frame = _frame("Generations", columns, records, ", ".join(summary))
    problems = {str(r.number): wording.printable(r.problem) for r in records if r.problem}
    if problems:
        frame.attrs["problems"] = problems
    return frame


_CHANGE: tuple[Column, ...] = (
    Column("name", text),
    Column("change", text),
    Column("old_versions", words),
    Column("new_versions", words),
    Column("selected", flags, lambda change: change.selected_before or change.selected_after),
    Column("delta_bytes", counts),
)
_CHANGE_MORE: tuple[Column, ...] = (
    Column("old_bytes", counts),
    Column("new_bytes", counts),
    Column("selected_before", flags),
    Column("selected_after", flags),
)


def diff(record: ClosureDiff, *, all_columns: bool = False) -> NixFrame:
    """Package changes, selected packages first; `attrs["summary"]` counts paths and bytes.

    Columns: name, change, old_versions, new_versions (text), selected (bool: before or after),
    delta_bytes (int64). `all_columns` adds old_bytes, new_bytes (int64), selected_before,
    selected_after (bool).
    """
    columns = _CHANGE + _CHANGE_MORE if all_columns else _CHANGE
    return _frame("Package changes", columns, record.changes, wording.diff_summary(record))


def _rate(name: str, of: tuple[str, ...]) -> Any:
    """What finds a rate in a row, or None where nothing was counted that it is a rate of."""

    def value(row: tuple[str, Mapping[str, Any]]) -> float | None:
        counted = row[1]
        return counted[name] if any(counted["details"][count] for count in of) else None

    return value


_DONE = ("operations_completed", "operations_failed")
_METRIC: tuple[Column, ...] = (
    Column("operation", text, itemgetter(0)),
    Column("total_operations", counts, lambda row: row[1]["total_operations"]),
    Column("success_rate", rates, _rate("success_rate", _DONE)),
    Column("average_duration", rates, _rate("average_duration", _DONE)),
    Column("cache_hit_rate", rates, _rate("cache_hit_rate", ("cache_hits", "cache_misses"))),
)


def metrics(counted: Mapping[str, Any]) -> NixFrame:
    """What `NixBackend.get_metrics()` counted, overall first, then per operation.

    Columns: operation (text), total_operations (int64), success_rate (float64, 0 to 1),
    average_duration (float64, seconds), cache_hit_rate (float64, 0 to 1). A rate or an average of
    nothing is missing.
    """
    rows = [("overall", counted), *counted["by_operation"].items()]
    return _frame("Metrics of this kernel", _METRIC, rows)


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
    return _frame("Journal", columns, records, wording.plural(len(records), "change"))


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
    return _frame("Journals", _JOURNALS, records, wording.plural(len(records), "journal"))


_RAN = (Column("step", text), Column("command", text), Column("code", maybe_counts))


def ran(records: Sequence[Ran]) -> NixFrame:
    """What a change ran. Columns: step, command (text), code (Int64: the exit code)."""
    return _frame("Commands that were run", _RAN, records)


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
    return _frame("Backups", columns, records, wording.plural(len(records), "backup"))


_PROFILE = (Column("name", text), Column("kind", text), Column("path", text))
_UNIT = (Column("unit", text), Column("action", text), Column("reason", text))
_CHECK = (Column("name", text), Column("verdict", text), Column("reason", text))
_COMMAND = (Column("purpose", text), Column("command", text, str))
_FACT = (Column("fact", text, itemgetter(0)), Column("value", text, itemgetter(1)))


def attribute_sets(rows: Sequence[Mapping[str, Any]]) -> NixFrame:
    """A list of attribute sets, one a row; the columns are the attributes in order of appearance.

    Text is text, numbers and truth values have pandas' nullable dtypes, anything else is an object;
    an attribute that a set has not is missing.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    frame = NixFrame({wording.printable(name): _values(name, rows) for name in names}, copy=False)
    frame.attrs = {"caption": "Attribute sets", "summary": wording.plural(len(rows), "set")}
    return frame


def _values(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    import pandas as pd

    values = [row.get(name) for row in rows]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return text(values)
    if len(kinds) == 1 and kinds <= {int, float, bool}:
        return pd.array(values)
    column = pd.Series(index=range(len(values)), dtype=object)
    column[:] = values
    return column


_CHAIN = (
    Column("chain", counts, itemgetter(0)),
    Column("step", counts, itemgetter(1)),
    Column("name", text, lambda row: row[2].rpartition("/")[2][33:]),
    Column("path", text, itemgetter(2)),
)


def chains(record: Chains) -> NixFrame:
    """Why one path needs another. Columns: chain, step (int64; from 1 and from 0), name, path
    (text)."""
    rows = [
        (number, step, path)
        for number, chain in enumerate(record.chains, 1)
        for step, path in enumerate(chain)
    ]
    summary = f"{wording.plural(record.count, 'shortest chain')} of "
    summary += wording.plural(record.steps, "reference")
    if record.count > len(record.chains):
        summary += f", the first {len(record.chains)} shown"
    start, target = (path.rpartition("/")[2][33:] for path in (record.start, record.target))
    return _frame(f"Why {start} needs {target}", _CHAIN, rows, wording.printable(summary))


_JOB: tuple[Column, ...] = (
    Column("number", counts),
    Column("title", text),
    Column("state", text),
    Column("started", times),
    Column("run_duration", rates),
    Column("message", text),
)


def jobs(records: Sequence[Any]) -> NixFrame:
    """Jobs in the background (`jobs.Job`), in the order given.

    Columns: number (int64), title, state (text), started (time), run_duration (float64, seconds),
    message (text: what it last said).
    """
    return _frame("Jobs of this kernel", _JOB, records, wording.plural(len(records), "job"))


_INSTALLED: tuple[Column, ...] = (
    Column("name", text),
    Column("version", text),
    Column("origin", text),
    Column("attribute", text),
    Column("priority", maybe_counts),
    Column("active", flags),
)
_INSTALLED_MORE: tuple[Column, ...] = (
    Column("locked", text),
    Column("outputs", words),
    Column("paths", words),
)


def installed(manifest: Manifest, *, all_columns: bool = False) -> NixFrame:
    """The packages of a user's profile, in its manifest's order.

    Columns: name, version, origin, attribute (text), priority (Int64), active (bool). `all_columns`
    adds locked, outputs, paths (text).
    """
    columns = _INSTALLED + _INSTALLED_MORE if all_columns else _INSTALLED
    summary = wording.plural(len(manifest.packages), "package")
    if manifest.tool is not None:
        summary += f", kept by {manifest.tool}"
    return _frame("Installed packages", columns, manifest.packages, summary)


_STEP = (
    Column("name", text),
    Column("version", text),
    Column("action", text),
    Column("paths", words),
)


def package_steps(records: Sequence[PackageStep]) -> NixFrame:
    """What a plan does with packages. Columns: name, version, action, paths (text)."""
    return _frame("Packages", _STEP, records)


def _shortly(record: Input | None) -> str | None:
    """The revision of an input as it is told: a channel's version says more than its commit."""
    if record is None:
        return None
    if record.version is not None:
        return record.version
    return (record.revision or record.digest or "")[:_SHORT] or None


def _days(record: Input | None) -> int | None:
    """Whole days since an input's date; None where it has none."""
    if record is None or record.date is None:
        return None
    return (datetime.now().astimezone() - record.date).days


_SHORT = 15
_INPUT: tuple[Column, ...] = (
    Column("name", text),
    Column("type", text),
    Column("revision", text, _shortly),
    Column("date", times),
    Column("age_days", maybe_counts, _days),
    Column("follows", text),
)
_INPUT_MORE: tuple[Column, ...] = (
    Column("url", text),
    Column("version", text),
    Column("whole_revision", text, lambda record: record.revision),
    Column("digest", text),
)


def inputs(records: Sequence[Input], *, all_columns: bool = False) -> NixFrame:
    """Inputs of a flake, or channels, in the order given.

    Columns: name, type, revision (text, short; of a channel its version), date (time), age_days
    (Int64), follows (text). `all_columns` adds url, version, whole_revision, digest (text).
    """
    columns = _INPUT + _INPUT_MORE if all_columns else _INPUT
    return _frame("Inputs", columns, records, wording.plural(len(records), "input"))


_UPDATE: tuple[Column, ...] = (
    Column("name", text),
    Column("change", text),
    Column("before", text, lambda change: _shortly(change.before)),
    Column("after", text, lambda change: _shortly(change.after)),
    Column("age_before", maybe_counts, lambda change: _days(change.before)),
    Column("age_after", maybe_counts, lambda change: _days(change.after)),
)


def updates(records: Sequence[InputChange]) -> NixFrame:
    """What an update did to inputs.

    Columns: name, change (added, removed, updated, unchanged), before, after (text: revisions, as
    of `inputs`), age_before, age_after (Int64, days until now).
    """
    new = sum(record.change != "unchanged" for record in records)
    summary = f"{new:,} of {wording.plural(len(records), 'input')} updated"
    return _frame("Updated inputs", _UPDATE, records, summary)


def profiles(records: Sequence[Profile]) -> NixFrame:
    """Profiles. Columns: name, kind, path (text)."""
    return _frame("Profiles", _PROFILE, records)


def units(records: Sequence[UnitChange]) -> NixFrame:
    """What happens to systemd's units. Columns: unit, action, reason (text)."""
    return _frame("Units", _UNIT, records)


def checks(records: Sequence[Check]) -> NixFrame:
    """Checks with their verdicts. Columns: name, verdict, reason (text)."""
    return _frame("Checks", _CHECK, records)


def commands(records: Sequence[Command]) -> NixFrame:
    """Programs and what for. Columns: purpose, command (text, quoted as for a shell)."""
    return _frame("Commands", _COMMAND, records)


def facts(rows: Sequence[tuple[str, str]], caption: str) -> NixFrame:
    """Facts in words. Columns: fact, value (text)."""
    return _frame(caption, _FACT, rows)


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
    return _frame("Generations", _CHOICE, records, summary)


def garbage(record: Garbage) -> NixFrame:
    """What nothing keeps, the largest first. Columns: path (text), bytes (int64), registered (bool:
    the store's database knows it)."""
    rows = [(path, size, True) for path, size in record.paths.items()]
    rows += [(path, size, False) for path, size in record.strangers.items()]
    rows.sort(key=lambda row: (-row[1], row[0]))
    summary = f"{wording.plural(len(rows), 'path')}, {wording.size(record.bytes)}"
    return _frame("Paths that nothing keeps", _GARBAGE, rows, summary)


def keepers(records: Sequence[Keeper], caption: str) -> NixFrame:
    """Gc roots and how they keep a path. Columns: kind, link, path (text), steps (int64: references
    from what the root keeps to the path), through (text: those paths)."""
    return _frame(caption, _KEEPER, records, wording.plural(len(records), "gc root"))


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
    return _frame(caption, _FINDING, records, ", ".join(told) or "All is well")


def _frame(
    caption: str, columns: Sequence[Column], records: Sequence[Any], summary: str = ""
) -> NixFrame:
    frame = NixFrame(arrays(columns, records), copy=False)
    frame.attrs = {"caption": caption, "summary": summary} if summary else {"caption": caption}
    return frame

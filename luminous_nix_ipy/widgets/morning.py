"""What a dashboard shows, in words: what needs attention, facts, sizes, changes and jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from .. import wording
from ..html import render
from ..table import Table, paragraph
from ..wording import capital, printable, sentence
from .page import Page, Words
from .parts import banner

if TYPE_CHECKING:
    from ..backend.glance import Glance
    from ..backend.journal_changes import Change
    from ..backend.model import Status
    from ..records import Finding, Generation

_GENERATIONS = 10
_CHANGES = 6
_JOBS = 6
"""Rows that are shown; a verb shows all of them."""
_BAR = 20
"""Letters of the longest bar in a terminal."""
_LINE = re.compile(r"(?:^|: )((?:%nix|nix|nix-\w+|systemctl|sqlite3|rm) \S.*)$")
"""The line at the end of what mends something; what is before it says what for."""


class JobFacts(Protocol):
    """What is shown of a job in the background."""

    number: int
    title: str
    started: datetime

    @property
    def done(self) -> bool:
        """Whether it has ended."""

    @property
    def state(self) -> str:
        """ "running", "cancelling", "done", "failed" or "cancelled"."""

    @property
    def message(self) -> str:
        """What it last said."""

    @property
    def run_duration(self) -> float:
        """Seconds that it took, or has lasted."""

    def cancel(self) -> bool:
        """Ask it to end."""


@dataclass(frozen=True)
class Attention:
    """What the doctor found that is not as it should be."""

    caption: str
    rows: Sequence[tuple[str, str, str, str]]
    """How bad it is and what it is about; a sentence; words about what mends it; the line that
    does."""
    notes: Sequence[str]

    def text(self, width: int) -> str:
        lines = [self.caption]
        for head, found, words, line in self.rows:
            lines.append(paragraph(f"{head}: {found}", width, "   "))
            lines += [f"   → {line}"] if line else []
            lines += [paragraph(f"   {words}", width, "   ")] if words else []
        return "\n".join([*lines, *(paragraph(note, width) for note in self.notes)])


@dataclass(frozen=True)
class Sizes:
    """Bytes of generations as bars with their words."""

    caption: str
    bars: Sequence[tuple[str, str, str, str, float, float]]
    """Number, date, size, size of what no other generation has; the length of the bar and of its
    solid end, from 0 to 1."""
    notes: Sequence[str]

    def text(self, width: int) -> str:
        rows = [(*words, _bar(whole, own)) for *words, whole, own in self.bars]
        headers = ("generation", "date", "size", "alone", "as a bar")
        right = frozenset({2, 3})
        return Table(headers, rows, self.caption, right=right, notes=self.notes).text(width)


@dataclass(frozen=True)
class Morning(Page):
    """The page of a dashboard; its parts are attention, facts, sizes, changes and jobs."""

    def html(self) -> str:
        return render("dashboard", page=self)


def morning(glance: Glance, jobs: Sequence[JobFacts]) -> Morning:
    """The page of what was seen of a machine, and of the jobs of this kernel."""
    status = glance.status
    parts = (
        _attention(glance),
        Table((), _facts(glance), "At a glance"),
        _sizes(glance),
        _changes(glance),
        _jobs(jobs),
    )
    return Morning(
        f"{printable(status.host)}: {_headline(glance)}",
        [f"{capital(printable(status.machine))}, as of {glance.seen:%Y-%m-%d %H:%M:%S}."],
        parts,  # type: ignore[arg-type]  # two of them are this page's alone
        banner(status.machine.startswith("playground")),
    )


def _headline(glance: Glance) -> str:
    bad = sum(finding.severity in ("problem", "warning") for finding in glance.findings)
    told = [f"{wording.plural(bad, 'thing')} to be looked at"] if bad else []
    if glance.status.reboot_needed:
        told.append("a reboot is needed")
    if any(change.state == "cut off" for change in glance.changes):
        told.append("a change was cut off")
    return ", ".join(told) or "all is well"


def clock(moment: datetime) -> str:
    """The time of a day, "06:42:13"."""
    return f"{moment.astimezone():%H:%M:%S}"


def job_line(job: JobFacts) -> str:
    """A job in a line; what still goes on has no figure that changes all the time."""
    when = (
        f"after {wording.duration(job.run_duration)}" if job.done else f"since {clock(job.started)}"
    )
    said = f": {job.message}" if job.message not in ("", job.title, job.state) else ""
    return printable(f"Job {job.number}, {job.title}, {job.state} {when}{said}")


def _attention(glance: Glance) -> Attention:
    found = [finding for finding in glance.findings if finding.severity != "ok"]
    well = len(glance.findings) - len(found)
    when = clock(glance.examined)
    asked = f"; units and root at {clock(glance.asked)}" if glance.asked != glance.examined else ""
    rows = [*_pending(glance), *map(_finding, found)]
    notes = [f"{well:,} more were found to be well." if rows else f"Nothing; {well:,} are well."]
    notes.append(f"Examined at {when}{asked}. All of it: %nix doctor")
    return Attention("What needs attention", rows, notes)


def _pending(glance: Glance) -> Iterator[tuple[str, str, str, str]]:
    """What the headline tells beside the findings."""
    if glance.status.reboot_needed:
        yield "Reboot", printable(sentence(glance.status.reboot_reason or "It is needed")), "", ""
    if any(change.state == "cut off" for change in glance.changes):
        yield "Change", "One was cut off.", "Finish or undo it.", "%nix recover"


def _finding(finding: Finding) -> tuple[str, str, str, str]:
    head = capital(f"{finding.severity}, {finding.what}")
    found = finding.reason
    if finding.where not in found:
        found += f" ({finding.where})"
    if finding.command is not None:
        words, line = f"It runs {finding.command}", "%nix repair"
    else:
        match = _LINE.search(finding.repair)
        line = match[1] if match else ""
        words = finding.repair[: match.start()] if match else finding.repair
    words = sentence(words) if words else ""
    return printable(head), printable(found), printable(words), printable(line)


def _facts(glance: Glance) -> list[tuple[str, str]]:
    s = glance.status
    numbers = (("current", s.current), ("running", s.running), ("booted", s.booted))
    which = ", ".join(f"{word} {'unknown' if n is None else n}" for word, n in numbers)
    store = wording.size(s.store_bytes)
    if s.store_paths is not None:
        store += f" in {wording.plural(s.store_paths, 'path')}"
    facts = [
        ("NixOS", s.nixos_version or "unknown"),
        ("Nix", s.nix_version or "none that can be asked"),
        ("Profile", s.profile.name if s.profile else "none found"),
        ("Generations", f"{s.generations:,}: {which}"),
        ("Differences", " ".join(map(sentence, s.differ))),
        ("Reboot", _reboot(s)),
        ("Free", _free(s)),
        ("Store", store),
        ("Backups", f"{s.backups:,}"),
        ("Indexes", _indexes(glance)),
    ]
    return [(name, printable(value)) for name, value in facts if value]


def _reboot(status: Status) -> str:
    needed = {True: "needed", False: "not needed", None: "unknown"}[status.reboot_needed]
    reason = status.reboot_reason.removeprefix("Not known: ")
    return f"{needed}. {capital(reason)}".rstrip()


def _free(status: Status) -> str:
    free = f"{wording.size(status.store_free_bytes)} for the store"
    if status.boot_free_bytes is None:
        return free
    return f"{free}, {wording.size(status.boot_free_bytes)} for booting"


def _indexes(glance: Glance) -> str:
    there = [index for index in glance.indexes if index.there]
    if not there:
        return "none yet: %nix index update" if glance.indexes else ""
    oldest = max(there, key=lambda index: index.age_days or 0.0)
    days = wording.plural(int(oldest.age_days or 0.0), "day")
    told = f"{len(there):,} of {len(glance.indexes):,} here, the oldest {days} old"
    return f"{told}: %nix index update" if any(index.stale for index in there) else told


def _sizes(glance: Glance) -> Sizes | Words:
    caption = "Size of the generations"
    if not glance.generations:
        return Words(caption, [printable(glance.generations_problem or "There is none yet.")])
    shown = glance.generations[:_GENERATIONS]
    longest = max((g.closure_bytes or 0 for g in shown), default=0)
    notes = ["“Alone” is what no other generation has: the solid end of a bar."]
    more = len(glance.generations) - len(shown)
    if more:
        notes.insert(0, f"… and {more:,} more: %nix plot sizes")
    return Sizes(caption, [_size(each, longest) for each in shown], notes)


def _size(generation: Generation, longest: int) -> tuple[str, str, str, str, float, float]:
    g = generation
    marks = [word for word in ("current", "running", "booted") if getattr(g, word)]
    size, own = g.closure_bytes or 0, g.unique_bytes or 0
    return (
        " ".join([str(g.number), *marks]),
        wording.moment(g.date)[:10],
        wording.size(g.closure_bytes),
        wording.size(g.unique_bytes),
        size / longest if longest else 0.0,
        own / longest if longest else 0.0,
    )


def _bar(whole: float, own: float) -> str:
    solid = round(own * _BAR)
    return "░" * (round(whole * _BAR) - solid) + "█" * solid


def _changes(glance: Glance) -> Table | Words:
    caption = "Last changes"
    problems = [printable(problem) for problem in glance.journal_problems[:2]]
    if not glance.changes:
        return Words(caption, ["The journal tells of none.", *problems])
    shown = glance.changes[:_CHANGES]
    rows = [_change(change) for change in shown]
    more = len(glance.changes) - len(shown)
    notes = [f"… and {more:,} more: %nix journal"] if more else []
    standing_out = frozenset(i for i, change in enumerate(shown) if change.state != "done")
    headers = ("when", "who", "what", "outcome")
    return Table(headers, rows, caption, strong=standing_out, notes=[*notes, *problems])


def _change(change: Change) -> tuple[str, str, str, str]:
    entry = change.entry
    what = f"{entry.operation} of {entry.profile.rpartition('/')[2]}"
    if entry.to_number is not None:
        what += f", {entry.from_number or 'nothing'} → {entry.to_number}"
    outcome = f"{change.state}: %nix recover" if change.state == "cut off" else change.state
    return wording.moment(entry.started), printable(entry.user), printable(what), outcome


def _jobs(jobs: Sequence[JobFacts]) -> Words:
    caption = "Jobs of this kernel"
    if not jobs:
        return Words(caption, ["None was started with --bg."])
    lines = [job_line(job) for job in jobs[:_JOBS]]
    more = len(jobs) - len(lines)
    return Words(caption, [*lines, *([f"… and {more:,} more: %nix jobs"] if more else [])])

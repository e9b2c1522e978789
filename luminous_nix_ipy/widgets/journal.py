"""One change of the journal in full, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import wording
from ..table import Table
from ..wording import capital, printable, sentence
from .page import Page, Steps, View, Words, printable_lines
from .parts import banner, checks

if TYPE_CHECKING:
    from ..backend.journal_changes import Change, Ran
    from ..frames import NixFrame

_STATES = {
    "done": "Done",
    "failed": "Failed",
    "restored": "Failed, and everything was put back",
    "interrupted": "Interrupted",
    "under way": "Under way",
    "cut off": "Cut off",
}


class ChangeView(View):
    """One change, as its journal tells of it.

    Attributes:
        change: the Change.
        checks, commands: what was looked at before, and what was run, as DataFrames.
    """

    def __init__(self, change: Change, *, playground: bool = False) -> None:
        self.change = change
        self._playground = playground

    @property
    def checks(self) -> NixFrame:
        """What was looked at before."""
        from .. import frames

        return frames.checks(self.change.intent.checks)

    @property
    def commands(self) -> NixFrame:
        """What was run, in order, with exit codes."""
        from .. import frames

        return frames.ran(self.change.ran)

    def _page(self) -> Page:
        change, entry = self.change, self.change.entry
        title = f"{_STATES[change.state]}: {printable(entry.operation)} {printable(entry.id)}"
        lead = []
        if change.state == "cut off":
            lead.append(f"See how the machine is now: %nix recover {printable(entry.id)}")
        parts: list[Table | Steps | Words] = [Table((), _facts(change), "In short")]
        parts += _told(change)
        if change.intent.checks:
            parts.append(checks("Checks before it", change.intent.checks))
        if change.intent.commands:
            planned = [("Planned", printable(command)) for command in change.intent.commands]
            parts.append(Steps("Commands that were planned", planned))
        if change.ran:
            ran = [(_how(one), printable(one.command)) for one in change.ran]
            parts.append(Steps("Commands that were run", ran))
        return Page(title, lead, parts, banner(self._playground))


def _facts(change: Change) -> list[tuple[str, str]]:
    entry = change.entry
    numbers = ["nothing" if n is None else str(n) for n in (entry.from_number, entry.to_number)]
    facts = [
        ("Begun", wording.moment(entry.started)),
        ("Ended", "not known" if entry.ended is None else wording.moment(entry.ended)),
    ]
    if entry.duration is not None:
        seconds = entry.duration.total_seconds()
        facts.append(("Took", wording.duration(seconds) if seconds else "less than a second"))
    facts += [("By", f"{entry.user} on {entry.host}"), ("Profile", entry.profile)]
    if numbers != ["nothing", "nothing"]:
        facts.append(("Generations", " → ".join(numbers)))
    named = (
        ("From", entry.from_path),
        ("To", entry.to_path),
        ("Ran before", entry.running),
        ("Activates", entry.activated),
        ("Backup", entry.backup if change.state in ("done", "cut off", "under way") else None),
    )
    facts += [(name, path) for name, path in named if path]
    if entry.freed_bytes is not None:
        facts.append(("Freed", wording.size(entry.freed_bytes)))
    lines = " and ".join(map(str, change.lines))
    facts.append(("Written in", f"{change.journal}, line{'s' * (len(change.lines) > 1)} {lines}"))
    return [(name, printable(value)) for name, value in facts]


def _told(change: Change) -> list[Words]:
    """What went wrong, in the words of whoever said it."""
    outcome = change.outcome
    if outcome is None:
        error = change.entry.error
        return [] if error is None else [Words("What went wrong", printable_lines(error.strip()))]
    wrong = outcome.error.strip()
    if wrong and outcome.step and not wrong.startswith(f"{outcome.step}:"):
        wrong = f"In the step {outcome.step}: {wrong}"
    told = (
        ("What went wrong", sentence(wrong) if wrong else ""),
        ("What it said last", outcome.said.strip()),
        ("What could not be put back", outcome.problems.strip()),
    )
    return [Words(caption, printable_lines(text)) for caption, text in told if text]


def _how(one: Ran) -> str:
    how = "" if one.code is None else f", ended with {one.code}"
    return printable(capital(f"{one.step or 'run'}{how}."))

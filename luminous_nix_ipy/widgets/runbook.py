"""Runbooks as people read them: one step in a line, what was required, and the whole record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from ..html import render
from ..table import Table
from ..wording import capital, printable, sentence
from .page import Page, Steps, View
from .parts import banner, checks

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..records import Check
    from ..runbook_records import Deed, Runbook, Step

_SHOUTED = {"failed": "FAILED", "interrupted": "INTERRUPTED", "cut off": "CUT OFF"}


class StepView(View):
    """One step in a line, and what was put back.

    Attributes:
        step: the Step.
    """

    def __init__(self, step: Step, deeds: Sequence[Deed], *, playground: bool) -> None:
        self.step = step
        self._deeds = deeds
        self._playground = playground

    def _page(self) -> Page:
        step = self.step
        word = _SHOUTED.get(step.verdict, step.verdict)
        when = "in" if step.verdict == "done" else "after"
        line = f"Step {step.number}, {step.title}: {word} {when} {_took(step.duration)}"
        if step.error and step.verdict == "failed":
            line += f": {step.error}"
        changes = [_deed(deed) for deed in self._deeds]
        lead = [f"Changed: {'; '.join(changes)}"] if changes else []
        lead += [step.put_back] if step.put_back else []
        title = f"PLAYGROUND: {line}" if self._playground else line
        return Page(printable(title), [printable(text) for text in lead])


class RequireView(View):
    """What was required, all of which is so.

    Attributes:
        checks: the requirements as a DataFrame.
    """

    def __init__(self, rows: tuple[Check, ...]) -> None:
        self._rows = rows

    @property
    def checks(self) -> NixFrame:
        """The requirements with their verdicts."""
        from .. import frames

        return frames.checks(self._rows)

    def _page(self) -> Page:
        count = len(self._rows)
        title = f"All {count} requirements are met" if count > 1 else "The requirement is met"
        return Page(title, (), [checks("", self._rows)])


class RunbookView(View):
    """The record of a runbook.

    Attributes:
        runbook: the Runbook.
        steps, deeds, evidence: its parts as DataFrames.
    """

    def __init__(self, runbook: Runbook, note: str = "") -> None:
        self.runbook = runbook
        self._note = note

    @property
    def steps(self) -> NixFrame:
        """The steps."""
        from ..frames import runbooks as runbook_frames

        return runbook_frames.steps(self.runbook.steps, self.runbook.deeds)

    @property
    def deeds(self) -> NixFrame:
        """What was changed."""
        from ..frames import runbooks as runbook_frames

        return runbook_frames.deeds(self.runbook.deeds)

    @property
    def evidence(self) -> NixFrame:
        """What was required, and what was verified after changes."""
        from ..frames import runbooks as runbook_frames

        return runbook_frames.evidence(self.runbook.evidence)

    def document(self) -> str:
        """The record as an HTML document of its own."""
        return render("document", page=self._page())

    def _page(self) -> Page:
        book = self.runbook
        word = _SHOUTED.get(book.verdict, book.verdict)
        title = f"Runbook {book.name}: {word}, {wording.plural(len(book.steps), 'step')}"
        lead = [self._note] if self._note else []
        if book.damaged:
            lead.append(f"{wording.plural(book.damaged, 'line')} of its record cannot be read.")
        for step in book.steps:
            if step.error:
                lead.append(f"Step {step.number}, {step.title}: {step.error}")
            if step.put_back:
                lead.append(step.put_back)
        parts: list[Table | Steps] = [Table((), self._facts(), "In short")]
        if book.steps:
            parts.append(self._steps())
        if book.deeds:
            parts.append(self._deeds())
            parts.append(_commands(book.deeds))
        if book.evidence:
            rows = [
                (_number(e.step), printable(e.what), e.verdict, printable(capital(e.reason)))
                for e in book.evidence
            ]
            bad = frozenset(i for i, e in enumerate(book.evidence) if e.verdict != "ok")
            headers = ("step", "what", "verdict", "reason")
            parts.append(Table(headers, rows, "Required and verified", strong=bad))
        playground = book.place is not None and book.place.machine.startswith("playground")
        return Page(printable(title), list(map(printable, lead)), parts, banner(playground))

    def _facts(self) -> list[tuple[str, str]]:
        book, place = self.runbook, self.runbook.place
        took = (book.ended - book.started).total_seconds()
        facts = [
            ("Started", wording.moment(book.started)),
            ("Took", _took(took)),
            ("By", f"{book.user} on {book.host}"),
        ]
        if place is not None:
            facts.append(("Machine", place.machine))
        if place is not None and place.generation is not None:
            facts.append(("Began with", f"generation {place.generation}"))
        facts.append(("Record", book.id))
        return [(name, printable(value)) for name, value in facts]

    def _steps(self) -> Table:
        rows = []
        for step in self.runbook.steps:
            done = sum(deed.step == step.number for deed in self.runbook.deeds)
            took = "–" if step.duration is None else _took(step.duration)
            rows.append(
                (str(step.number), printable(step.title), step.verdict, took, f"{done or '–'}")
            )
        bad = frozenset(i for i, s in enumerate(self.runbook.steps) if s.verdict in _SHOUTED)
        headers = ("step", "title", "verdict", "took", "changes")
        return Table(headers, rows, "Steps", right=frozenset({3, 4}), strong=bad)

    def _deeds(self) -> Table:
        rows = [
            (
                _number(deed.step),
                printable(deed.operation),
                "–" if deed.from_number is None else str(deed.from_number),
                "–" if deed.to_number is None else str(deed.to_number),
                deed.outcome or "under way",
                printable(deed.id),
            )
            for deed in self.runbook.deeds
        ]
        headers = ("step", "operation", "from", "to", "outcome", "journal")
        bad = frozenset(i for i, d in enumerate(self.runbook.deeds) if d.outcome != "done")
        return Table(headers, rows, "Changes", strong=bad)


def _commands(deeds: Sequence[Deed]) -> Steps:
    rows = [
        (printable(sentence(_deed(deed))), printable(command))
        for deed in deeds
        for command in deed.commands
    ]
    return Steps("Commands of the changes", rows)


def _number(step: int) -> str:
    return str(step) if step else "–"


def _deed(deed: Deed) -> str:
    moved = ""
    if deed.from_number is not None and deed.to_number is not None:
        moved = f" {deed.from_number} → {deed.to_number}"
    return f"{deed.operation}{moved}, {deed.outcome or 'under way'}"


def _took(seconds: float | None) -> str:
    return wording.duration(seconds or 0.0)

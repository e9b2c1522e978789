"""Plans and reports of what deletes, as people read them: exactly what goes, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import wording
from ..errors import NotFound
from ..table import Table
from ..wording import printable, sentence
from .page import Page, Steps, View, Words, printable_lines
from .parts import banner, checks, counted, steps
from .tabs import Section, TabbedView

if TYPE_CHECKING:
    from ..backend.collect_model import CollectPlan, CollectReport
    from ..frames import NixFrame

_PATHS_SHOWN = 20
_WHAT = {
    "collect": "collect garbage",
    "delete": "delete generations",
    "optimise": "optimise the store",
}
_OUTCOME = {"done": "Done", "nothing to do": "Nothing to do", "failed": "Failed"}


class CollectPlanView(TabbedView):
    """What a collection, a deletion or an optimisation would do.

    Attributes:
        plan: the CollectPlan.
        generations, paths, checks, commands: its parts as DataFrames.
    """

    def __init__(self, plan: CollectPlan) -> None:
        super().__init__()
        self.plan = plan

    @property
    def generations(self) -> NixFrame:
        """Every generation of the profiles: whether it goes, and why."""
        from .. import frames

        return frames.choices(self.plan.choices)

    @property
    def paths(self) -> NixFrame:
        """What nothing keeps then, the largest first.

        Raises:
            NotFound: it is not known.
        """
        from .. import frames

        if self.plan.garbage is None:
            raise NotFound("What would be deleted is not known.", self.plan.garbage_problem or "")
        return frames.garbage(self.plan.garbage)

    @property
    def checks(self) -> NixFrame:
        """What was looked at beforehand."""
        from .. import frames

        return frames.checks(self.plan.checks)

    @property
    def commands(self) -> NixFrame:
        """What would be run, in order."""
        from .. import frames

        return frames.commands(self.plan.commands)

    def _head(self) -> Page:
        plan = self.plan
        what = _WHAT[plan.operation]
        title = f"Plan: {what}"
        lead = []
        if plan.nothing_to_do:
            title = f"Nothing to do: {what}"
        elif plan.refused:
            title = f"Refused: {what}"
            names = ", ".join(check.name for check in plan.refused)
            lead.append(f"These checks do not allow it: {printable(names)}.")
        lead += [f"Note: {printable(sentence(notice))}" for notice in plan.notices]
        return Page(title, lead, banner=banner(plan.playground))

    def sections(self) -> list[Section]:
        plan = self.plan
        made = [Section("In short", [Table((), _facts(plan), "In short")])]
        if plan.choices:
            going = f"{len(plan.going):,} of {len(plan.choices):,} go"
            made.append(Section("Generations", [_generations(plan)], going))
        garbage = plan.garbage
        if garbage is not None and (garbage.paths or garbage.strangers):
            count = len({*garbage.paths, *garbage.strangers})
            made.append(Section("Paths", [_paths(plan)], f"{count:,}"))
        if plan.checks:
            made.append(Section("Checks", [checks("Checks", plan.checks)], counted(plan.checks)))
        if plan.commands:
            listed = steps("Commands, in this order", plan.commands)
            made.append(Section("Commands", [listed], f"{len(plan.commands):,}"))
        return made


class CollectReportView(View):
    """What was deleted.

    Attributes:
        report: the CollectReport.
        plan: its plan, as it was shown before.
        checks, commands: what was verified afterwards and what was run, as DataFrames.
    """

    def __init__(self, report: CollectReport) -> None:
        self.report = report
        self.plan = CollectPlanView(report.plan)

    @property
    def checks(self) -> NixFrame:
        """What was verified."""
        from .. import frames

        return frames.checks(self.report.verified)

    @property
    def commands(self) -> NixFrame:
        """What was run, in order."""
        from .. import frames

        return frames.commands(self.report.commands)

    def _page(self) -> Page:
        report, plan = self.report, self.report.plan
        facts = [("Took", wording.duration(report.duration))]
        if report.freed_bytes is not None:
            facts.append(("Freed, says Nix", wording.size(report.freed_bytes)))
        if report.deleted_paths is not None and plan.operation == "collect":
            facts.append(("Deleted, says Nix", wording.plural(report.deleted_paths, "path")))
        if plan.operation == "collect":
            facts.append(("Planned", f"{_planned(plan)} (as archives: files take less)"))
        if report.journal_id is not None:
            facts.append(("Journal", printable(report.journal_id)))
        parts: list[Table | Steps | Words] = []
        if report.error:
            parts.append(Words("What went wrong", printable_lines(report.error.strip())))
        parts.append(Table((), facts, "In short"))
        if report.verified:
            parts.append(checks("Verified afterwards", report.verified))
        if report.commands:
            parts.append(steps("Commands that were run", report.commands))
        message, outcome = printable(report.message), _OUTCOME[report.outcome]
        title = message if message.startswith(outcome) else f"{outcome}: {message}"
        return Page(title, (), parts, banner(plan.playground))


def _facts(plan: CollectPlan) -> list[tuple[str, str]]:
    facts = []
    if plan.profiles:
        facts.append(("Profiles", ", ".join(printable(p.name) for p in plan.profiles)))
        facts.append(("Generations that go", f"{len(plan.going):,} of {len(plan.choices):,}"))
    if plan.operation == "collect":
        facts.append(("Will be deleted", _planned(plan)))
    elif plan.operation == "delete":
        facts.append(("Then kept by nothing", f"{_planned(plan)}; %nix collect deletes it"))
    else:
        facts.append(("What it saves", printable(plan.garbage_problem or "unknown")))
    if plan.max_bytes is not None:
        facts.append(("Stops", f"once more than {wording.size(plan.max_bytes)} is freed"))
    if plan.garbage is not None:
        facts.append(("Stay", wording.plural(plan.garbage.live, "path")))
    if plan.backups:
        ids = ", ".join(printable(backup.id) for backup in plan.backups)
        facts.append(("Kept for %nix undo", ids))
    return facts


def _planned(plan: CollectPlan) -> str:
    """How much is garbage."""
    garbage = plan.garbage
    if garbage is None:
        return printable(f"unknown: {plan.garbage_problem}")
    told = f"{wording.plural(len(garbage.paths), 'path')}, {wording.size(garbage.bytes)}"
    if garbage.strangers:
        return f"{told}, {len(garbage.strangers):,} entries unknown to the database among them"
    return told


def _generations(plan: CollectPlan) -> Table:
    rows = [
        (
            printable(choice.profile.name),
            str(choice.generation.number),
            wording.moment(choice.generation.date),
            "goes" if choice.goes else "stays",
            printable(choice.rule),
        )
        for choice in plan.choices
    ]
    going = frozenset(i for i, choice in enumerate(plan.choices) if choice.goes)
    headers = ("profile", "generation", "date", "", "because it")
    return Table(headers, rows, "Generations", right=frozenset({1}), strong=going)


def _paths(plan: CollectPlan) -> Table:
    garbage = plan.garbage
    assert garbage is not None
    sized = sorted({**garbage.paths, **garbage.strangers}.items(), key=lambda p: (-p[1], p[0]))
    more = len(sized) - _PATHS_SHOWN
    notes = [f"… and {more:,} more, all in its .paths"] if more > 0 else []
    rows = [
        (printable(os.path.basename(path)), wording.size(count))
        for path, count in sized[:_PATHS_SHOWN]
    ]
    caption = "Paths that nothing keeps"
    return Table(("path", "size"), rows, caption, right=frozenset({1}), notes=notes)

"""Plans and reports of repairs, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import wording
from ..table import Table
from ..wording import printable, sentence
from .page import Page, Steps, View, Words, printable_lines
from .parts import banner, checks, counted, steps
from .tabs import Section, TabbedView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backend.repair_model import RepairPlan, RepairReport
    from ..frames import NixFrame
    from ..records import Finding

_SHOWN = 30


class RepairPlanView(TabbedView):
    """What a repair would do.

    Attributes:
        plan: the RepairPlan.
        findings, checks, commands: its parts as DataFrames.
    """

    def __init__(self, plan: RepairPlan) -> None:
        super().__init__()
        self.plan = plan

    @property
    def findings(self) -> NixFrame:
        """All that was found, the worst first."""
        from .. import frames

        return frames.findings(self.plan.findings)

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
        title, lead = "Plan: repair", []
        if plan.nothing_to_do:
            title = "Nothing to repair: all is well"
            if plan.bad:
                title = "Nothing that Nix can repair"
                lead.append("What was found needs you: see what helps below.")
        elif plan.refused:
            title = "Refused: repair"
        return Page(title, lead, banner=banner(plan.playground))

    def sections(self) -> list[Section]:
        plan = self.plan
        found = plan.bad or plan.findings
        made = [Section("Findings", [_findings("Findings", found)], f"{len(found):,}")]
        if plan.checks:
            made.append(Section("Checks", [checks("Checks", plan.checks)], counted(plan.checks)))
        if plan.commands:
            listed = steps("Commands, in this order", plan.commands)
            made.append(Section("Commands", [listed], f"{len(plan.commands):,}"))
        return made


class RepairReportView(View):
    """What was repaired.

    Attributes:
        report: the RepairReport.
        plan: its plan, as it was shown before.
        left, checks, commands: what is broken still, what was examined again and what was run, as
            DataFrames.
    """

    def __init__(self, report: RepairReport) -> None:
        self.report = report
        self.plan = RepairPlanView(report.plan)

    @property
    def left(self) -> NixFrame:
        """Warnings and problems that are there afterwards."""
        from .. import frames

        return frames.findings(self.report.left, "Left")

    @property
    def checks(self) -> NixFrame:
        """What was examined again."""
        from .. import frames

        return frames.checks(self.report.verified)

    @property
    def commands(self) -> NixFrame:
        """What was run, in order."""
        from .. import frames

        return frames.commands(self.report.commands)

    def _page(self) -> Page:
        report = self.report
        facts = [("Took", wording.duration(report.duration))]
        if report.journal_id is not None:
            facts.append(("Journal", printable(report.journal_id)))
        parts: list[Table | Steps | Words] = []
        if report.error:
            parts.append(Words("What went wrong", printable_lines(report.error.strip())))
        parts.append(Table((), facts, "In short"))
        if report.verified:
            parts.append(checks("Examined again", report.verified))
        if report.left:
            parts.append(_findings("Left, which needs you", report.left))
        if report.commands:
            parts.append(steps("Commands that were run", report.commands))
        outcome = {"done": "Done: ", "failed": "Failed: "}.get(report.outcome, "")
        return Page(
            f"{outcome}{printable(report.message)}", (), parts, banner(self.report.plan.playground)
        )


def _findings(caption: str, found: Sequence[Finding]) -> Table:
    """What was found, with what helps; what is not well stands out."""
    rows = [
        (
            printable(f.what),
            f.severity,
            printable(f.where),
            printable(sentence(f.reason)),
            printable(sentence(f.command.purpose) if f.command else f.repair) or "–",
        )
        for f in found[:_SHOWN]
    ]
    more = len(found) - _SHOWN
    notes = [f"… and {more:,} more, all in its .findings"] if more > 0 else []
    strong = frozenset(i for i, f in enumerate(found[:_SHOWN]) if f.severity == "problem")
    headers = ("what", "severity", "where", "found", "what helps")
    return Table(headers, rows, caption, strong=strong, notes=notes)

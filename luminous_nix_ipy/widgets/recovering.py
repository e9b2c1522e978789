"""Changes that were cut off, and what is done about them, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from ..table import Table
from ..wording import printable
from .page import Page, Steps, View, Words
from .parts import banner, checks, counted, steps
from .tabs import Section, TabbedView

if TYPE_CHECKING:
    from ..backend.cut_off import CutOff
    from ..backend.recover_model import RecoverPlan, RecoverReport

_STATES = {
    "before": "as before it",
    "after": "as it should be after it",
    "between": "between the two",
    "changed": "changed by somebody else since",
    "unknown": "not told by this change",
}


class CutOffView(View):
    """The changes that were cut off.

    Attributes:
        found: the CutOff records, the newest first.
    """

    def __init__(self, found: Sequence[CutOff]) -> None:
        self.found = list(found)

    def __len__(self) -> int:
        return len(self.found)

    def _page(self) -> Page:
        if not self.found:
            return Page("No change was cut off", ["Every intent in the journal has its outcome."])
        parts = [_facts(one) for one in self.found]
        lead = [
            "Carry out the rest with %nix recover --finish, or put back what was there before "
            "with %nix recover --undo."
        ]
        count = wording.plural(len(self.found), "change")
        return Page(f"Cut off: {count}", lead, parts)


class RecoverPlanView(TabbedView):
    """What finishing or undoing a change does.

    Attributes:
        plan: the RecoverPlan.
    """

    def __init__(self, plan: RecoverPlan) -> None:
        super().__init__()
        self.plan = plan

    def _head(self) -> Page:
        plan = self.plan
        title = f"Plan: {plan.how} the {printable(plan.cut_off.entry.operation)} that was cut off"
        if plan.refused:
            title = f"Refused: {plan.how}"
        return Page(title, banner=banner(plan.playground))

    def sections(self) -> list[Section]:
        plan = self.plan
        made = [
            Section("In short", [_facts(plan.cut_off)]),
            Section("Checks", [checks("Checks", plan.checks)], counted(plan.checks)),
        ]
        if plan.commands:
            listed = steps("Commands, in this order, as far as they are needed", plan.commands)
            made.append(Section("Commands", [listed], f"{len(plan.commands):,}"))
        return made


class RecoverReportView(View):
    """What became of a change that was cut off.

    Attributes:
        report: the RecoverReport.
    """

    def __init__(self, report: RecoverReport) -> None:
        self.report = report

    def _page(self) -> Page:
        report = self.report
        facts = [
            ("Took", wording.duration(report.duration)),
            ("Journal", printable(report.plan.cut_off.entry.id)),
        ]
        parts: list[Table | Steps | Words] = [Table((), facts, "In short")]
        if report.verified:
            parts.append(checks("Verified", report.verified))
        if report.commands:
            parts.append(steps("Commands that were run", report.commands))
        return Page(f"Done: {printable(report.message)}", (), parts, banner(report.plan.playground))


def _facts(one: CutOff) -> Table:
    entry = one.entry
    numbers = [n for n in (entry.from_number, entry.to_number) if n is not None]
    rows = [
        ("Begun", wording.moment(entry.started)),
        ("By", printable(f"{entry.user} on {entry.host}")),
        ("Profile", printable(entry.profile)),
        ("Generations", " → ".join(map(str, numbers)) or "–"),
        ("The machine is", _STATES[one.state]),
        *(("", printable(fact)) for fact in one.facts),
    ]
    return Table((), rows, f"{printable(entry.operation)} {printable(entry.id)}")

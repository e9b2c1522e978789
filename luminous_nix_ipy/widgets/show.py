"""Plans, reports and the status as people read them; their records and DataFrames are attributes.

Everything that a record holds may be other people's text: it is made printable here, and escaped in
HTML by the templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import wording
from ..errors import NotFound
from ..table import Table
from ..wording import capital, printable, sentence
from .page import Page, Steps, Text, View, Words, printable_lines
from .parts import banner, checks, counted, packages, steps
from .tabs import Section, TabbedView
from .watching import journals, planned_units, units, watched

if TYPE_CHECKING:
    from ..backend.model import ChangeReport, Plan, Status
    from ..frames import NixFrame
    from ..records import Generation, PackageStep

__all__ = ["PlanView", "ReportView", "StatusView", "Text"]

_STEP = {"install": "install", "remove": "remove", "keep": "is there"}
_TAKES_EFFECT = {
    "switch": "now and at the next boot",
    "boot": "at the next boot, not now",
    "test": "now, until the next boot",
}
_OUTCOME = {
    "done": "Done",
    "nothing to do": "Nothing to do",
    "restored": "Failed, and everything was put back",
    "failed": "Failed",
}


class PlanView(TabbedView):
    """What a change would do.

    Attributes:
        plan: the Plan.
        packages, units, checks, commands: its parts as DataFrames.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    @property
    def packages(self) -> NixFrame:
        """Package changes.

        Raises:
            NotFound: they could not be compared.
        """
        from .. import frames

        if self.plan.diff is None and self.plan.packages:
            return frames.package_steps(self.plan.packages)
        if self.plan.diff is None:
            raise NotFound("The packages could not be compared.", self.plan.diff_problem or "")
        return frames.diff(self.plan.diff)

    @property
    def units(self) -> NixFrame:
        """What would happen to units.

        Raises:
            NotFound: no preview could be had.
        """
        from .. import frames

        if self.plan.units is None:
            raise NotFound("There is no preview of the units.", self.plan.units_reason)
        return frames.units(self.plan.units)

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
        title = f"Plan: {_what(plan)}"
        lead = []
        if plan.nothing_to_do:
            title = f"Nothing to do: {_what(plan)}"
            lead.append("Everything is already as it would be afterwards.")
        elif plan.refused:
            title = f"Refused: {_what(plan)}"
            names = ", ".join(check.name for check in plan.refused)
            lead.append(f"These checks do not allow it: {printable(names)}.")
        if forced := _forced(plan):
            lead.append(f"These red checks are passed over: {forced}.")
        lead += [f"Note: {printable(sentence(notice))}" for notice in plan.notices]
        return Page(title, lead, banner=banner(plan.playground))

    def sections(self) -> list[Section]:
        plan = self.plan
        facts = [("From", _generation(plan.before)), ("To", _generation(plan.target))]
        if plan.profile.kind == "system":
            facts.append(("Takes effect", _TAKES_EFFECT[plan.mode]))
        if plan.specialisation is not None:
            facts.append(("Specialisation", printable(plan.specialisation)))
        facts.append(("Reboot", _reboot(plan.reboot_needed, plan.reboot_reason)))
        changed = "" if plan.diff is None else f"{len(plan.diff.changes):,}"
        looked_at = [checks("Checks", plan.checks)] if plan.checks else []
        commands = []
        if plan.prepared:
            commands.append(steps("Commands that were run for this plan", plan.prepared))
        if plan.commands:
            commands.append(steps("Commands, in this order", plan.commands))
        made = [
            Section("In short", [Table((), facts, "In short"), *_package_steps(plan.packages)]),
            Section("Packages", [packages(plan.diff, plan.diff_problem)], changed),
            Section(
                "Units", [planned_units(plan)], "" if plan.units is None else f"{len(plan.units):,}"
            ),
            Section("Checks", [*looked_at, *watched(plan)], counted(plan.checks)),
            Section("Commands", commands, f"{len(plan.commands):,}"),
        ]
        return [section for section in made if section.parts]


class ReportView(View):
    """What a change did.

    Attributes:
        report: the ChangeReport.
        plan: its Plan, as it was shown before.
        checks, commands: what was verified afterwards and what was run, as DataFrames.
        packages: what changed, as a DataFrame.
        units: what the activation did to them, as a DataFrame.
    """

    def __init__(self, report: ChangeReport) -> None:
        self.report = report
        self.plan = PlanView(report.plan)

    @property
    def packages(self) -> NixFrame:
        """Package changes; raises NotFound where they could not be compared."""
        return self.plan.packages

    @property
    def units(self) -> NixFrame:
        """What the activation said that it did to units."""
        from .. import frames

        return frames.units(self.report.units)

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
        outcome, message = _OUTCOME[report.outcome], printable(report.message)
        title = message if message.startswith(outcome) else f"{outcome}: {message}"
        facts = [("Change", _what(plan)), ("Took", wording.duration(report.duration))]
        if report.outcome == "done":
            facts.append(("Reboot", _reboot(plan.reboot_needed, plan.reboot_reason)))
        if report.backup is not None:
            facts.append(
                ("Backup", f"generation {report.backup.number} is kept; %nix undo puts it back")
            )
        if forced := _forced(plan):
            facts.append(("Red checks passed over", forced))
        if report.journal_id is not None:
            facts.append(("Journal", printable(report.journal_id)))

        parts: list[Table | Steps | Words] = []
        if report.error:
            parts.append(Words("What went wrong", printable_lines(report.error.strip())))
        parts.append(Table((), facts, "In short"))
        if report.units:
            parts.append(units(report.units, "Units"))
        parts += journals(report.units)
        if report.verified:
            parts.append(checks("Verified afterwards", report.verified))
        if report.commands:
            parts.append(steps("Commands that were run", report.commands))
        return Page(title, (), parts, banner(plan.playground))


class StatusView(View):
    """The machine at a glance.

    Attributes:
        status: the Status.
        facts: what is shown, as a DataFrame of facts and values in words.
    """

    def __init__(self, status: Status) -> None:
        self.status = status

    @property
    def facts(self) -> NixFrame:
        """Facts and their values in words."""
        from .. import frames

        return frames.facts(self._facts(), "Status")

    def _facts(self) -> list[tuple[str, str]]:
        s = self.status
        store = wording.size(s.store_bytes)
        if s.store_paths is not None:
            store += f" in {wording.plural(s.store_paths, 'path')}"
        facts = [
            ("Nix", s.nix_version or "unknown"),
            ("NixOS", s.nixos_version or "unknown"),
            ("Profile", f"{s.profile.name} ({s.profile.path})" if s.profile else "none found"),
            ("Generations", f"{s.generations:,}"),
            ("Current generation", "unknown" if s.current is None else str(s.current)),
            ("Running generation", _place(s.running, s.running_path)),
            ("Booted generation", _place(s.booted, s.booted_path)),
            ("Differences", _differences(s)),
            ("Reboot", _reboot(s.reboot_needed, s.reboot_reason)),
            ("Backups", f"{s.backups:,}"),
            ("Store", store),
            ("Free for the store", wording.size(s.store_free_bytes)),
            ("Free for booting", wording.size(s.boot_free_bytes)),
            ("Reader", s.reader),
        ]
        if s.elevation is not None:
            facts.append(("Elevation", s.elevation))
        if s.supervisor is not None:
            facts.append(("Supervisor", s.supervisor))
        if s.nixos_rebuild_module is not None:
            facts.append(("nixos-rebuild module", s.nixos_rebuild_module))
        return [(name, printable(value)) for name, value in facts]

    def _page(self) -> Page:
        title = f"{printable(self.status.machine)} on {printable(self.status.host)}"
        playground = self.status.machine.startswith("playground")
        return Page(title, (), [Table((), self._facts(), "At a glance")], banner(playground))


def _what(plan: Plan) -> str:
    before = "nothing" if plan.before is None else f"{plan.before.number}"
    return printable(f"{plan.operation} of {plan.profile.name}, {before} → {plan.target.number}")


def _forced(plan: Plan) -> str:
    """The names of the red checks that were passed over."""
    forced = [check.name for check in plan.checks if check.verdict == "forced"]
    return printable(", ".join(forced))


def _generation(generation: Generation | None) -> str:
    """One generation in a line."""
    if generation is None:
        return "no generation"
    g = generation
    parts = [f"generation {g.number}"]
    parts += [wording.moment(g.date)] if g.date else []
    parts += [f"NixOS {g.nixos_version}"] if g.nixos_version else []
    parts += [f"Linux {g.kernel_version}"] if g.kernel_version else []
    parts += [f"note: {g.note}"] if g.note else []
    parts += [f"problem: {g.problem}"] if g.problem else []
    return printable(", ".join(parts))


def _reboot(needed: bool | None, reason: str) -> str:
    if needed is None:
        return printable(f"unknown: {reason.removeprefix('Not known: ')}".removesuffix(": "))
    return printable(f"{'needed' if needed else 'not needed'}. {capital(reason)}".rstrip())


def _package_steps(steps: Sequence[PackageStep]) -> list[Table | Steps | Words]:
    """What is asked for of single packages; what comes with them is among the packages below."""
    if not steps:
        return []
    rows = [
        (printable(s.name), _STEP[s.action], printable(s.version) or "–", printable(s.paths[0]))
        for s in steps
    ]
    return [Table(("package", "step", "version", "store path"), rows, "Asked for")]


def _place(number: int | None, path: str | None) -> str:
    if number is not None:
        return str(number)
    return "unknown" if path is None else f"none of this profile: {path}"


def _differences(status: Status) -> str:
    if status.differ:
        return " ".join(sentence(difference) for difference in status.differ)
    if status.current is None or (status.running_path is None and status.booted_path is None):
        return "unknown"
    return "none"

"""What was built, or would be, as people read it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import wording
from ..errors import NotFound
from ..table import Table
from ..wording import printable
from .page import Page, Steps, View, Words
from .parts import banner, packages, steps

if TYPE_CHECKING:
    from ..backend.model import BuildReport
    from ..frames import NixFrame

_SHOWN = 20


class BuildView(View):
    """What was built, or in a dry run what would be.

    Attributes:
        report: the BuildReport.
        builds: the derivations, as a DataFrame; packages: what differs from what runs.
    """

    def __init__(self, report: BuildReport, playground: bool) -> None:
        self.report = report
        self._playground = playground

    @property
    def builds(self) -> NixFrame:
        """What was or would be built and fetched."""
        from .. import frames

        rows = [*(("build", path) for path in self.report.builds)]
        rows += [("fetch", path) for path in self.report.fetches]
        return frames.facts(rows, "Built and fetched" if self.report.path else "To do")

    @property
    def packages(self) -> NixFrame:
        """Package changes from what runs now.

        Raises:
            NotFound: they could not be compared.
        """
        from .. import frames

        if self.report.diff is None:
            raise NotFound("The packages could not be compared.", self.report.diff_problem or "")
        return frames.diff(self.report.diff)

    def _page(self) -> Page:
        report = self.report
        built = report.path is not None
        title = f"{'Built' if built else 'Would be built'}: {printable(report.configuration)}"
        lead = []
        if not built and not report.builds and not report.fetches:
            lead.append("Everything is built already.")
        elif not built and report.host is not None:
            where = printable(report.host)
            lead.append(f"Told is what is not here; what {where} has is not built again.")
        elif not built:
            lead.append("What it changes is known once it is built: %nix build does only that.")
        facts = []
        if report.host is not None:
            facts.append(("Built on" if built else "To be built on", printable(report.host)))
        if report.path is not None:
            facts += [
                ("System", printable(report.path)),
                ("Link", printable(report.link or "none")),
            ]
            facts.append(("Took", wording.duration(report.duration)))
        facts.append(("Built" if built else "To build", _many(report.builds, "derivation")))
        facts.append(("Fetched" if built else "To fetch", _fetches(report)))
        parts: list[Table | Steps | Words] = [Table((), facts, "In short")]
        if report.builds and not built:
            parts.append(_derivations(report.builds))
        if built:
            parts.append(packages(report.diff, report.diff_problem))
        run = "would be" if report.host is not None and not built else "were"
        parts.append(steps(f"Commands that {run} run", report.commands))
        return Page(title, lead, parts, banner(self._playground))


def _many(items: tuple[str, ...], noun: str) -> str:
    return wording.plural(len(items), noun) if items else "nothing"


def _fetches(report: BuildReport) -> str:
    told = _many(report.fetches, "path")
    if not report.download_bytes:
        return told
    download, unpacked = map(wording.size, (report.download_bytes, report.unpacked_bytes))
    return f"{told}, {download} to download, {unpacked} unpacked"


def _derivations(paths: tuple[str, ...]) -> Words:
    names = [os.path.basename(path).partition("-")[2].removesuffix(".drv") for path in paths]
    lines = [printable(name) for name in names[:_SHOWN]]
    more = len(names) - _SHOWN
    return Words("Derivations", lines + ([f"… and {more:,} more, all in its .builds"] * (more > 0)))

"""The dashboard: one machine for an operator's morning, in one cell that keeps itself true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ..html import render
from .live import LiveView
from .morning import JobFacts, Morning, clock, job_line, morning

if TYPE_CHECKING:
    from ..backend.glance import Glance, Lookout

EVERY = 3.0
"""Seconds between two looks for news. One that sees none reads nothing and sends nothing."""
_PARTS = ("attention", "facts", "sizes", "changes")


class Dashboard(LiveView):
    """One machine at a glance, which looks for news by itself while a page shows it.

    Args:
        lookout: looks at the machine, for nobody else.
        glance: what it saw first.
        jobs: the jobs of this kernel, the newest first.

    Attributes:
        glance: what it saw last.
    """

    def __init__(
        self, lookout: Lookout, glance: Glance, jobs: Callable[[], Sequence[JobFacts]]
    ) -> None:
        super().__init__()
        self.glance = glance
        self._lookout = lookout
        self._jobs = jobs
        self._looking: Future[Any] | None = None
        self._rows: dict[int, _JobRow] = {}

    def _page(self) -> Morning:
        return morning(self.glance, self._jobs())

    def _build(self) -> Any:
        import ipywidgets

        self._head = ipywidgets.HTML().add_class("lx-head")
        self._parts = [
            ipywidgets.HTML().add_class("lx-card").add_class(f"lx-{name}") for name in _PARTS
        ]
        self._no_job = ipywidgets.HTML()
        self._job_rows = ipywidgets.VBox()
        jobs = ipywidgets.VBox([_words("Jobs of this kernel", "caption"), self._job_rows])
        jobs.add_class("lx-card").add_class("lx-jobs")
        self.again = ipywidgets.Button(
            description="Look again now",
            tooltip="Read everything anew, and ask which units have failed",
        ).add_class("lx-again")
        self.again.on_click(self.guarded(lambda _: self._look_now()))
        told = _words(f"It looks for news every {EVERY:g} s.", "note")
        self._draw()
        self._draw_jobs()
        self.watch(EVERY, self._look_for_news)
        return ipywidgets.VBox(
            [
                ipywidgets.HTML(render("dashboard_style")).add_class("lx-style"),
                self._head,
                ipywidgets.HBox([self.again, told]).add_class("lx-bar"),
                ipywidgets.Box([*self._parts, jobs]).add_class("lx-cards"),
            ]
        ).add_class("lx-dashboard")

    def _look_for_news(self) -> None:
        """What is done every few seconds: stamps of files are compared, and jobs."""
        self._draw_jobs()
        if self._is_looking() or not self._lookout.has_changed():
            return
        if self.glance.status.reader != "direct":
            self.say("The machine has changed. Nix's programs must be asked for it: look again.")
            return
        self._looking = self.begin(self._lookout.look_again(), self._take)

    def _look_now(self) -> None:
        if not self._is_looking():
            self.say("Looking …")
            self._looking = self.begin(self._lookout.look(), self._take_asked_for)

    def _is_looking(self) -> bool:
        return self._looking is not None and not self._looking.done()

    def _take_asked_for(self, glance: Glance) -> None:
        self._take(glance)
        self.say(f"Looked at everything at {clock(glance.seen)}.")

    def _take(self, glance: Glance) -> None:
        self.glance = glance
        self.say("")
        self._draw()
        self.changed()

    def _draw(self) -> None:
        page = self._page()
        self._head.value = render("dashboard_part", part=page)
        for widget, part in zip(self._parts, page.parts, strict=False):
            widget.value = render("dashboard_part", part=part)

    def _draw_jobs(self) -> None:
        """Show the jobs as they are now. A row that stays is left alone: it may have the focus."""
        jobs = self._jobs()
        rows = {job.number: self._rows.get(job.number) or _JobRow(self, job) for job in jobs}
        drawn = [row.draw() for row in rows.values()]
        if rows.keys() != self._rows.keys() or not rows:
            self._rows = rows
            none = _words("None was started with --bg.")
            self._job_rows.children = [row.box for row in rows.values()] or [none]
        if any(drawn):
            self.changed()


class _JobRow:
    """A job in a line, with a button that ends it while it goes on."""

    def __init__(self, view: Dashboard, job: JobFacts) -> None:
        import ipywidgets

        self._job = job
        self._line = ""
        self._words = ipywidgets.HTML().add_class("lx-job")
        self.cancel = ipywidgets.Button(
            description=f"Cancel job {job.number}",
            tooltip=f"End job {job.number} and the programs that it runs",
        ).add_class("lx-cancel")
        self.cancel.on_click(view.guarded(self._clicked))
        self.box = ipywidgets.HBox([self._words, self.cancel]).add_class("lx-job-row")

    def draw(self) -> bool:
        """Returns: whether something is new."""
        line = job_line(self._job)
        if line == self._line:
            return False
        self._line = line
        self._words.value = _words(line).value
        self.cancel.disabled = self._job.state != "running"
        if self._job.done:
            self.box.children = [self._words]
        return True

    def _clicked(self, _: Any) -> None:
        self._job.cancel()
        self.draw()


def _words(words: str, kind: str = "") -> Any:
    import ipywidgets

    return ipywidgets.HTML(render("dashboard_words", words=words, kind=kind))

"""A change before it is made, while it is, and afterwards: its plan, the question with buttons, the
progress with a button that cancels it, and the report, all in one place.

A cell that waits cannot hear a click, so the cell that shows a proposal ends at once; the change
is made when its button is clicked. `await proposal` in another cell waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from .. import loop
from ..errors import MachineChanged, NixError, NoConsent, Refused
from ..wording import printable, sentence
from .live import LiveView, close, request_of, words_of
from .page import Page, View, printable_lines
from .panel import Panel
from .progress import Look, look_at
from .questions import question as question_of
from .tabs import Section, fill, tabs
from .views import AnyPlanView, plan_view, report_view

if TYPE_CHECKING:
    from ..backend.backend import NixBackend
    from ..backend.model import NixOperation, NixResult
    from ..backend.progress import ProgressState
    from .questions import AnyPlan

State = Literal["asked", "declined", "under way", "void", "done", "failed"]
"""void: the plan cannot be carried out as it is, and nothing was done."""

_TITLES = {
    "asked": "Plan",
    "declined": "Declined",
    "under way": "Under way",
    "void": "Not carried out",
    "done": "Carried out",
    "failed": "Failed",
}
_NOT_YET = "Not agreed to yet; where no buttons are shown, --yes agrees."
_SHALL_IT_BE = "Shall this be done? Nothing has been changed yet."
_DECLINED = "Not agreed to. Nothing was changed."


class Proposal(LiveView, Awaitable[View]):
    """A plan, and what becomes of it.

    `await proposal` waits until it was carried out or declined, and gives the report's view.

    Attributes:
        plan: the view of the plan, with its parts as DataFrames.
        report: the view of the report; None before there is one.
        state: where it is.

    Raises, when it is awaited:
        NoConsent: it was declined.
        NixError: it failed.
    """

    def __init__(
        self,
        backend: NixBackend,
        operation: NixOperation,
        plan: AnyPlan,
        *,
        question: str | None = None,
        ended: Callable[[Proposal], object] | None = None,
    ) -> None:
        """
        Args:
            backend: carries it out, beside what it does otherwise.
            operation: what was asked for; the plan is made from it again where it has become void.
            question: what is asked; None says what is done and where.
            ended: is called once it was carried out, has failed or was declined, in a worker
                thread.
        """
        super().__init__()
        self.plan: AnyPlanView = plan_view(plan)
        self.report: View | None = None
        self.state: State = "asked"
        self._backend = backend.beside()
        self._operation = replace(operation, dry_run=False)
        self._asked = question
        self._call_at_end = ended
        self._work: Future[Any] | None = None
        self._look: Look | None = None
        self._outcome: Future[View] = Future()
        self._shown_by: str | None = None

    @property
    def question(self) -> str:
        """What is asked."""
        return self._asked or question_of(self.plan.plan)

    @property
    def obstacle(self) -> str:
        """Why it cannot be agreed to; empty where it can."""
        plan = self.plan.plan
        if plan.refused:
            reasons = (f"{check.name}: {sentence(check.reason)}" for check in plan.refused)
            return printable(f"It cannot be agreed to. {' '.join(reasons)}")
        return "There is nothing to do." if getattr(plan, "nothing_to_do", False) else ""

    def agree(self) -> None:
        """Carry the plan out, as the button does; a second time does nothing."""
        with self.lock:
            if self.state == "asked" and not self.obstacle:
                work = self._backend.execute(self._operation, self.plan.plan)
                self._set_out(work, self._came_back)

    def decline(self) -> None:
        """Leave all as it is, as the button does."""
        with self.lock:
            if self.state in ("asked", "void"):
                self._go("declined", _DECLINED)
                self._outcome.set_exception(NoConsent(_DECLINED))
                self._tell_end()

    def plan_again(self) -> None:
        """Make the plan anew, for the machine as it is now."""
        with self.lock:
            if self.state == "void":
                self._set_out(self._backend.plan(self._operation), self._planned)

    def cancel(self) -> None:
        """Ask what is under way to end; an activation is finished first."""
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        """End it; what is under way is cancelled."""
        super().close()
        if self.root is not None:
            for box in self._boxes.values():
                close(box)
            self._panel.close()

    def widget(self) -> Any:
        """Its root widget, to be put into another one."""
        with self.lock:
            if self.root is None:
                self._make()
            return self.root

    def __await__(self) -> Generator[Any, None, View]:
        return loop.until_done(self._outcome).__await__()

    def _ipython_display_(self) -> None:
        """Show it, once below one cell: the verb shows it, and the cell what the verb returns."""
        cell = _running_cell()
        if cell is None or cell != self._shown_by:
            self._shown_by = cell
            super()._ipython_display_()

    # what comes of it

    def _set_out(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], object]) -> None:
        self._look = None
        self._backend.progress.painter = _Painter(self)
        self._go("under way", "")
        self._work = self.begin(work, then, self._failed)

    def _came_back(self, result: NixResult) -> None:
        report = result.data.get("report")
        if report is not None:
            self.report = report_view(report)
        if self.report is None or not result.success:
            self._failed(result.data["exception"])
            return
        self._go("done", self.report._page().title)
        self._outcome.set_result(self.report)
        self._tell_end()

    def _planned(self, plan: AnyPlan) -> None:
        self.plan = plan_view(plan)
        self._go("asked", "")

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            looked_up = ["See what had been changed by then: %nix journal"]
            error = NixError("It was cancelled.", "", looked_up)
        if isinstance(error, MachineChanged):
            self._go("void", error.what)  # a button stands below that makes a new plan
        elif isinstance(error, Refused):
            self._go("void", words_of(error))
        else:
            self._go("failed", words_of(error))
            self._outcome.set_exception(error)
            self._tell_end()

    def _go(self, state: State, words: str) -> None:
        """Be in another state, and say so."""
        self.say(words)
        self.state = state
        if self.root is not None:
            self._draw()
        self.changed()

    def _tell_end(self) -> None:
        if self._call_at_end is not None:
            # In a thread of its own: whoever is told may hold a lock, and wait for ours.
            self.begin(asyncio.to_thread(self._call_at_end, self))

    def _draw_progress(self, state: ProgressState) -> None:
        self._look = look_at(state)
        if self.root is not None:
            self._panel.show(self._look)
        self.changed()

    # how it looks

    def _page(self) -> Page:
        head = self._head()
        lead = [*head.lead]
        if self.state == "asked":
            lead.append(self.obstacle or f"{self.question} {_NOT_YET}")
        elif self.state == "under way" and self._look is not None:
            lead.append(self._look.line)
        elif self.said:
            lead += printable_lines(self.said)
        parts = [part for section in self._sections() for part in section.parts]
        return replace(head, lead=lead, parts=parts)

    def _head(self) -> Page:
        head = self.plan._head()
        if self.state == "asked":
            return head
        what = head.title.partition(": ")[2] or head.title
        return replace(head, title=f"{_TITLES[self.state]}: {what}", lead=())

    def _sections(self) -> list[Section]:
        planned = list(self.plan.sections())
        if self.report is None:
            return planned
        return [Section("Report", self.report._page().parts), *planned]

    def _build(self) -> Any:
        import ipywidgets

        self._heading = ipywidgets.HTML().add_class("lx-head")
        self._asking = ipywidgets.HTML().add_class("lx-question")
        self._tabs = tabs(())
        self._shown: list[Section] = []
        self._agree = self._button("agree", self.agree)
        self._decline = self._button("decline", self.decline, "Change nothing")
        self._again = self._button("again", self.plan_again, "Plan again")
        self._panel = Panel(self.cancel)
        buttons = ipywidgets.HBox([self._agree, self._decline])
        self._boxes: dict[State, Any] = {
            "asked": ipywidgets.VBox([self._asking, buttons]),
            "under way": self._panel.box,
            "void": ipywidgets.HBox([self._again, self._decline]),
        }
        self._below = ipywidgets.VBox().add_class("lx-consent")
        self._draw()
        return ipywidgets.VBox([self._heading, self._tabs, self._below])

    def _button(self, name: str, act: Callable[[], object], words: str = "") -> Any:
        import ipywidgets

        button = ipywidgets.Button(description=words).add_class(f"lx-{name}")
        button.on_click(self.guarded(lambda _: act()))
        return button

    def _draw(self) -> None:
        self._heading.value = self._head().html()
        sections = self._sections()
        if sections != self._shown:
            fill(self._tabs, sections)
            self._shown = sections
        if self.state == "asked":
            self._agree.description = self.question.rstrip("?")
            self._agree.disabled = bool(self.obstacle)
            self._agree.button_style = "" if self.obstacle else "primary"
            self._asking.value = escape(self.obstacle or _SHALL_IT_BE)
        elif self.state == "under way":
            self._panel.begin()
        box = self._boxes.get(self.state)
        self._below.children = [] if box is None else [box]


class _Painter:
    """Draws progress into a proposal; what is left behind is its report."""

    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal

    def draw(self, state: ProgressState) -> None:
        self._proposal._draw_progress(state)

    def close(self, state: ProgressState) -> None:
        """Nothing: the proposal says how it ended."""


def _running_cell() -> str | None:
    """The id of the request that the kernel answers (Jupyter messaging); None outside of one."""
    from IPython import get_ipython

    found: str | None = request_of(get_ipython()).get("header", {}).get("msg_id")
    return found

"""Installing what was found: planned, asked and carried out in the view itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from ..backend.model import NixOperation, OperationType
from ..wording import printable
from .live import LiveView
from .proposal import Proposal

if TYPE_CHECKING:
    from ..backend.backend import NixBackend
    from ..backend.model import Plan


class Installing:
    """A plan that is asked about, then its progress and its report. Its widget is `root`.

    Args:
        view: what it is a part of.
        backend: of the machine.
        done: is called when something was installed.
    """

    def __init__(self, view: LiveView, backend: NixBackend, done: Callable[[], object]) -> None:
        self._view = view
        self._backend = backend
        self._done = done
        self._busy = False
        self.proposal: Proposal | None = None
        """What is asked about, under way or reported."""
        self.root = ipywidgets.VBox().add_class("lx-proposed")

    def begin(self, attribute: str) -> None:
        """Plan to install a package, and ask when the plan is there; one at a time."""
        if self._busy:
            self._view.say("Another plan stands below: agree to it, or decline it first.")
            return
        self._busy = True
        self._show(None)
        self._view.say(f"Planning to install {printable(attribute)} …")
        operation = NixOperation(OperationType.INSTALL, [attribute])
        plan = self._backend.beside().plan(operation)
        self._view.begin(plan, lambda made: self._ask(operation, made), self._failed)

    def _ask(self, operation: NixOperation, plan: Plan) -> None:
        name = printable(operation.packages[0])
        if plan.nothing_to_do:
            self._busy = False
            self._view.say(f"There is nothing to do: {name} is installed.")
            return
        self._show(Proposal(self._backend, operation, plan, ended=self._ended))
        self._view.say(f"What installing {name} does stands below, with the question.")

    def _show(self, proposal: Proposal | None) -> None:
        if self.proposal is not None:
            self.proposal.close()
        self.proposal = proposal
        self.root.children = () if proposal is None else (proposal.widget(),)

    def _failed(self, error: BaseException) -> None:
        self._busy = False
        self._view.tell_error(error)

    def _ended(self, proposal: Proposal) -> None:
        self._view.guarded(self._answered)(proposal)

    def _answered(self, proposal: Proposal) -> None:
        self._busy = False
        if proposal.state == "declined":
            self.root.children = ()
            self._view.say("Nothing was changed.")
        else:
            self._done()

"""Proposals: agreed to, declined, void, cancelled and failed, from one thread and from several."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy import loop
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType, Plan
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import ChangeFailed, NixError, NoConsent, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check
from luminous_nix_ipy.store.generations import current_number
from luminous_nix_ipy.store.profiles import find_profile
from luminous_nix_ipy.widgets.proposal import Proposal
from luminous_nix_ipy.widgets.show import ReportView
from tests.playground import simulated

PATIENCE = 60.0


@pytest.fixture
def machine() -> Iterator[Machine]:
    with simulated() as made:
        yield made


def propose(kind: OperationType = OperationType.ROLLBACK, **options: Any) -> Proposal:
    backend = NixBackend()
    operation = NixOperation(kind, options=options)
    proposal = Proposal(backend, operation, loop.run(backend.plan(operation)))
    proposal.widget()
    return proposal


class Slow:
    """A backend that begins to carry out a plan, and then waits."""

    def __init__(self, plan: Plan, ends: Callable[[], NixResult] | None = None) -> None:
        self.progress = Progress()
        self.begun = threading.Event()
        self.count = 0
        self._plan = plan
        self._ends = ends

    def beside(self) -> Slow:
        return self

    async def execute(self, operation: NixOperation, plan: Plan) -> NixResult:
        self.count += 1
        self.progress.begin("rollback")
        self.progress.update("activating", 0.5)
        self.begun.set()
        if self._ends is not None:
            return self._ends()
        await asyncio.sleep(PATIENCE)
        raise AssertionError

    def proposal(self) -> Proposal:
        made = Proposal(self, NixOperation(OperationType.ROLLBACK), self._plan)  # type: ignore[arg-type]
        made.widget()
        return made


@pytest.fixture
def plan(machine: Machine) -> Plan:
    made = loop.run(NixBackend().plan(NixOperation(OperationType.ROLLBACK)))
    assert isinstance(made, Plan)
    return made


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def outcome(proposal: Proposal) -> Any:
    async def wait() -> Any:
        return await proposal

    return asyncio.run(wait())


def current() -> int | None:
    return current_number(find_profile(_machine()))


def _machine() -> Machine:
    from luminous_nix_ipy.machine import current as machine

    return machine()


def below(proposal: Proposal) -> list[str]:
    """The classes of what stands below the tabs."""

    def inside(widget: Any) -> list[str]:
        own = list(widget._dom_classes[:1])
        return own + [name for child in getattr(widget, "children", ()) for name in inside(child)]

    return inside(proposal._below)[1:]


def test_agreed_to_it_is_carried_out_and_reported(machine: Machine) -> None:
    told: list[str] = []
    backend = NixBackend()
    operation = NixOperation(OperationType.ROLLBACK, options={"generation": 4})
    planned = loop.run(backend.plan(operation))
    proposal = Proposal(backend, operation, planned, ended=lambda p: told.append(p.state))
    proposal.widget()
    assert proposal._agree.description == "Roll back system 5 → 4 on the PLAYGROUND"
    assert proposal._tabs.titles[0] == "In short"
    assert "Packages (16)" in proposal._tabs.titles
    assert below(proposal) == ["lx-question", "lx-agree", "lx-decline"]
    assert "PLAYGROUND" in proposal._heading.value
    assert "Not agreed to yet; where no buttons" in " ".join(repr(proposal).split())
    proposal._agree.click()
    assert proposal.state == "under way" and "lx-progress" in below(proposal)
    assert "Under way: rollback of system, 5 → 4" in repr(proposal)
    report = outcome(proposal)
    assert isinstance(report, ReportView) and report is proposal.report
    assert current() == 4
    assert (proposal.state, proposal.said) == ("done", "Done: Generation 4 is current and running.")
    assert proposal._tabs.titles[:2] == ("Report", "In short")
    assert "PLAYGROUND" in proposal._heading.value and below(proposal) == []
    text = repr(proposal)
    assert "Carried out: rollback of system, 5 → 4" in text
    assert "Commands that were run" in text and "Commands, in this order" in text
    soon(lambda: told == ["done"])


def test_declined_it_changes_nothing(machine: Machine) -> None:
    proposal = propose(generation=4)
    proposal._decline.click()
    with pytest.raises(NoConsent, match="Nothing was changed"):
        outcome(proposal)
    assert (proposal.state, current(), below(proposal)) == ("declined", 5, [])
    assert "Declined: rollback of system, 5 → 4" in repr(proposal)
    proposal._agree.click()
    assert (proposal.state, current()) == ("declined", 5)


def test_a_plan_that_has_become_void_is_made_again(machine: Machine) -> None:
    first, second = propose(generation=4), propose(generation=1)
    first.agree()
    outcome(first)
    second._agree.click()
    soon(lambda: "lx-again" in below(second))
    assert second.said == "The machine has changed since the plan was made. Nothing was done."
    assert "Not carried out: rollback of system, 5 → 1" in repr(second)
    assert current() == 4
    second._again.click()
    soon(lambda: second._agree.description == "Roll back system 4 → 1 on the PLAYGROUND")
    soon(lambda: "lx-agree" in below(second))
    assert (second.state, second.said) == ("asked", "")
    second._agree.click()
    outcome(second)
    assert current() == 1


def test_what_cannot_be_agreed_to_says_why(plan: Plan) -> None:
    red = Check("free space", "refused", "there are <b>3 MiB</b> too few")
    backend = Slow(replace(plan, checks=(red,)))
    proposal = backend.proposal()
    assert proposal._agree.disabled
    why = "It cannot be agreed to. free space: There are &lt;b&gt;3 MiB&lt;/b&gt; too few."
    assert proposal._asking.value == why
    assert "Checks (1, 1 refused)" in proposal._tabs.titles
    proposal._agree.click()
    proposal.agree()
    assert (proposal.state, backend.count) == ("asked", 0)
    nothing = Slow(replace(plan, nothing_to_do=True)).proposal()
    assert nothing._agree.disabled and nothing._asking.value == "There is nothing to do."


def test_a_failure_is_reported_with_what_was_put_back(machine: Machine) -> None:
    proposal = propose(generation=3)  # a unit of it fails
    proposal._agree.click()
    with pytest.raises(ChangeFailed, match="Everything is as it was"):
        outcome(proposal)
    soon(lambda: "Everything is as it was" in proposal.said)
    assert (proposal.state, current()) == ("failed", 5)
    assert proposal._tabs.titles[0] == "Report"
    text = repr(proposal)
    assert "Failed: rollback of system, 5 → 3" in text and "put back" in text


def test_a_deletion_is_proposed_the_same_way(machine: Machine) -> None:
    proposal = propose(OperationType.DELETE_GENERATIONS, generations=[2])
    assert proposal._agree.description == "Delete 1 generation on the PLAYGROUND"
    assert "Generations (1 of 5 go)" in proposal._tabs.titles
    proposal._agree.click()
    assert "Done" in repr(outcome(proposal))
    assert proposal.state == "done"


def test_cancelled_it_says_where_to_look(plan: Plan) -> None:
    backend = Slow(plan)
    proposal = backend.proposal()
    proposal._agree.click()
    assert backend.begun.wait(PATIENCE)
    soon(lambda: proposal._panel.bar.value == 0.5)
    assert "rollback: activating, 50 %" in repr(proposal)
    proposal._panel.button.click()
    proposal._panel.button.click()
    with pytest.raises(NixError, match="It was cancelled"):
        outcome(proposal)
    soon(lambda: "%nix journal" in proposal.said)
    assert proposal.state == "failed"
    proposal.cancel()
    assert proposal.state == "failed"


def test_one_of_many_clicks_at_once_is_heard(plan: Plan) -> None:
    backend = Slow(plan)
    proposal = backend.proposal()
    together = threading.Barrier(8)

    def click(button: Any) -> None:
        together.wait()
        button.click()

    buttons = [proposal._agree, proposal._decline] * 4
    threads = [threading.Thread(target=click, args=(button,)) for button in buttons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if proposal.state == "declined":
        assert backend.count == 0
        return
    assert backend.begun.wait(PATIENCE)
    assert (proposal.state, backend.count) == ("under way", 1)
    proposal.cancel()
    with pytest.raises(NixError):
        outcome(proposal)


def test_what_was_refused_can_be_planned_again(plan: Plan) -> None:
    error = Refused("Another change is under way.", "Process 7 is making it.", ["Wait."])
    refusal = NixResult(False, error.what, {"exception": error}, str(error))
    proposal = Slow(plan, lambda: refusal).proposal()
    proposal._agree.click()
    soon(lambda: proposal.state == "void")
    soon(lambda: proposal.said == "Another change is under way. Process 7 is making it. Wait.")
    proposal._decline.click()
    with pytest.raises(NoConsent):
        outcome(proposal)


def test_an_error_in_a_callback_lands_in_the_status_line(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = Slow(plan).proposal()
    monkeypatch.setattr(proposal, "_go", lambda *_: 1 / 0)
    proposal._decline.click()
    assert "ZeroDivisionError" in proposal.status.value
    assert "ZeroDivisionError" in proposal.said


def test_closed_it_leaves_no_widget(plan: Plan) -> None:
    from ipywidgets.widgets.widget import _instances

    before = set(_instances)
    proposal = Slow(plan).proposal()
    proposal.close()
    assert set(_instances) == before

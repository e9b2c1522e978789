"""Changes that were cut off are found, told, and finished or undone."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import pending
from luminous_nix_ipy.api import nix
from luminous_nix_ipy.backend import journal
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.cut_off import cut_off
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from tests.faults import Faults, State, end_processes_of, nothing_left, state
from tests.playground import simulated


@pytest.fixture
def faults() -> Iterator[Faults]:
    with simulated(5) as made:
        faults = Faults(made)
        faults.machine = faults.prepare()
        machines.use(faults.machine)
        try:
            yield faults
        finally:
            end_processes_of(made)
            machines.use(made)


def execute(machine: Machine, kind: OperationType, **options: Any) -> NixResult:
    return asyncio.run(NixBackend(machine).execute(NixOperation(kind, options=options)))


def cut(faults: Faults, action: str, when: str, **options: Any) -> State:
    """A rollback whose supervisor dies with the program of a step; the state before it."""
    machine = faults.machine
    assert execute(machine, OperationType.ROLLBACK, generation=4).success
    assert execute(machine, OperationType.ROLLBACK, generation=5).success
    before = state(machine)
    faults.set(action, f"{when}:supervisor")
    result = execute(machine, OperationType.ROLLBACK, generation=4, **options)
    assert not result.success and "cut off" in result.message
    end_processes_of(machine)
    faults.clear()
    return before


CUTS = [(action, when) for action in ("test", "nix-env", "boot") for when in ("before", "after")]


@pytest.mark.parametrize(("action", "when"), CUTS)
@pytest.mark.parametrize("how", ["finish", "undo"])
def test_a_change_that_was_cut_off_is_finished_or_undone(
    faults: Faults, action: str, when: str, how: str
) -> None:
    machine = faults.machine
    before = cut(faults, action, when)
    (found,) = cut_off(machine)
    assert found.state in ("before", "between", "after") and found.facts
    assert (found.state == "before") == ((action, when) == ("test", "before"))
    report = nix.recover(**{how: True}, yes=True).report
    after = state(machine)
    if how == "undo":
        assert after == before and report.outcome == "failed, restored"
    else:
        assert report.outcome == "done"
        assert after.profile == "system-4-link"
        target = os.path.realpath(machine.system_profile)
        assert after.running == after.boot == target
    (*_, entry) = read_journal(machine)[0]
    assert entry.outcome == report.outcome
    assert read_journal(machine)[1] == []
    assert cut_off(machine) == []
    nothing_left(machine)


def test_it_is_told_when_nothing_was_cut_off(faults: Faults) -> None:
    assert "No change was cut off" in repr(nix.recover())
    with pytest.raises(NotFound, match="No change was cut off"):
        nix.recover(undo=True, yes=True)


def test_what_was_cut_off_is_shown_with_its_facts(faults: Faults) -> None:
    cut(faults, "boot", "before")
    view = nix.recover()
    assert len(view) == 1
    assert "between the two" in repr(view) and "system-4-link" in repr(view)
    assert "--undo" in view._repr_html_()
    plan = nix.recover(undo=True, dry_run=True)
    assert "--switch-generation 5" in repr(plan)
    assert cut_off(faults.machine), "a dry run closes nothing"


def test_an_unknown_id_is_refused_with_those_that_are(faults: Faults) -> None:
    cut(faults, "test", "before")
    with pytest.raises(NotFound, match="No change never") as caught:
        nix.recover("never", undo=True, yes=True)
    assert cut_off(faults.machine)[0].entry.id in caught.value.why
    with pytest.raises(NotFound, match="No change never"):
        nix.recover("never")
    assert len(nix.recover(cut_off(faults.machine)[0].entry.id)) == 1


def test_a_change_is_not_finished_and_undone(faults: Faults) -> None:
    before = cut(faults, "boot", "before")
    with pytest.raises(Refused, match="not both"):
        nix.recover(finish=True, undo=True, yes=True)
    assert cut_off(faults.machine) and state(faults.machine) != before


def test_what_somebody_else_has_changed_is_left_alone(faults: Faults) -> None:
    machine = faults.machine
    cut(faults, "nix-env", "after")
    os.unlink(machine.system_profile)
    os.symlink("system-2-link", machine.system_profile)
    assert cut_off(machine)[0].state == "changed"
    for how in ("finish", "undo"):
        with pytest.raises(Refused, match="not recovered") as caught:
            nix.recover(**{how: True}, yes=True)
        assert "somebody else" in caught.value.why
    assert os.readlink(machine.system_profile) == "system-2-link"


def test_a_boot_that_was_cut_off_is_undone_without_an_activation(faults: Faults) -> None:
    machine = faults.machine
    before = cut(faults, "boot", "after", mode="boot")
    log = Path(machine.env["LUMINOUS_PLAYGROUND_LOG"])
    told = log.read_text().count(" test")
    assert nix.recover(undo=True, yes=True).report.outcome == "failed, restored"
    assert state(machine) == before
    assert log.read_text().count(" test") == told


def test_finishing_looks_whether_all_is_well(faults: Faults) -> None:
    machine = faults.machine
    before = cut(faults, "test", "after")
    operation = NixOperation(OperationType.RECOVER, options={"how": "finish", "expect": ["false"]})
    result = asyncio.run(NixBackend(machine).execute(operation))
    assert not result.success and "could not be finished" in result.message
    assert state(machine) == before
    assert read_journal(machine)[0][-1].outcome == "failed, restored"


def test_a_recovery_that_fails_says_so(faults: Faults) -> None:
    machine = faults.machine
    before = cut(faults, "nix-env", "after")
    faults.set("nix-env", "before:1")
    with pytest.raises(NixError, match="could not be undone wholly"):
        nix.recover(undo=True, yes=True)
    assert read_journal(machine)[0][-1].outcome == "failed"
    assert state(machine) != before


@pytest.mark.parametrize("how", ["", "sideways"])
def test_a_way_that_is_none_is_refused(faults: Faults, how: str) -> None:
    cut(faults, "test", "before")
    result = execute(faults.machine, OperationType.RECOVER, how=how)
    assert not result.success and "finished or undone" in result.message


def test_a_deed_without_a_supervisor_is_written_down_as_interrupted(faults: Faults) -> None:
    machine = faults.machine
    done = execute(machine, OperationType.ROLLBACK, generation=4)
    assert done.success
    file = journal.journal_file(machine, "system")
    entry = read_journal(machine)[0][0]
    import msgspec

    intent = msgspec.structs.replace(
        entry, id="20260101T000000-abcdef", operation="collect", mode=None, outcome=None, steps={}
    )
    journal.append(file, intent)
    (found,) = cut_off(machine)
    assert found.state == "unknown"
    assert nix.recover(undo=True, yes=True).report.outcome == "interrupted"
    assert cut_off(machine) == []


def test_a_change_that_is_under_way_is_not_cut_off(faults: Faults) -> None:
    machine = faults.machine
    cut(faults, "test", "before")
    with journal_lock(machine):
        assert cut_off(machine) == []
    assert len(cut_off(machine)) == 1


def journal_lock(machine: Machine) -> Any:
    from luminous_nix_ipy.backend.lock import change_lock

    return change_lock(machine, "system")


def test_the_notice_at_loading(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = faults.machine
    monkeypatch.setenv("LUMINOUS_NIX_SYSTEM_STATE_DIR", machine.system_journal_dir)
    assert pending.notice() is None
    cut(faults, "test", "before")
    assert "%nix recover" in str(pending.notice())
    with journal_lock(machine):
        assert pending.notice() is None
    with open(f"{machine.system_journal_dir}/journal.jsonl", "a") as file:
        file.write('{"half":')
    assert pending.notice() is not None
    nix.recover(undo=True, yes=True)
    assert pending.notice() is None


def test_that_recovering_needs_root_is_known_before(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(faults, "test", "before")
    backend = NixBackend(msgspec.structs.replace(faults.machine, playground=None))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    undo = NixOperation(OperationType.RECOVER, options={"how": "undo"})
    assert backend.may_need_root(undo)
    assert not backend.may_need_root(NixOperation(OperationType.RECOVER))


def test_no_notice_of_a_change_that_ends_between_the_looks(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = faults.machine
    monkeypatch.setenv("LUMINOUS_NIX_SYSTEM_STATE_DIR", machine.system_journal_dir)
    cut(faults, "test", "before")

    def ends(lock: str) -> bool:
        nix.recover(undo=True, yes=True)
        return False

    monkeypatch.setattr(pending, "_is_held", ends)
    assert pending.notice() is None


def test_each_line_of_the_journal_follows_the_one_before(faults: Faults) -> None:
    machine = faults.machine
    cut(faults, "boot", "before")
    nix.recover(finish=True, yes=True)
    path = Path(journal.journal_file(machine, "system"))
    lines = path.read_bytes().splitlines()
    assert all(json.loads(line)["previous"] for line in lines[1:])
    assert read_journal(machine)[1] == []
    path.write_bytes(b"\n".join([*lines[:1], *lines[2:]]) + b"\n")
    (problem,) = read_journal(machine)[1]
    assert "line 2" in problem and "taken away" in problem

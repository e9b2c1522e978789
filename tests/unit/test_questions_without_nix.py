"""What eval, log and why say where there is no Nix, and when they are asked for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from luminous_nix_ipy import NixBackend, NixOperation, OperationType, machine, nix
from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.machine import Machine
from tests.playground import simulated


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


def test_what_needs_nix_says_so(made: Machine) -> None:
    machine.use(made)
    with pytest.raises(NotFound, match="There is no Nix here to evaluate it"):
        nix.eval("1")
    with pytest.raises(NotFound, match="There are no build logs here"):
        nix.log("current")


def test_chains_need_no_nix(made: Machine) -> None:
    machine.use(made)
    frame = nix.why("current", "glibc")
    assert frame.step.tolist()[:2] == [0, 1]
    assert "shortest chain" in frame.attrs["summary"]
    assert frame.attrs["caption"].startswith("PLAYGROUND: Why")


def test_a_name_that_is_near_is_offered_once(made: Machine) -> None:
    machine.use(made)
    with pytest.raises(NotFound, match="no package glibcc") as missing:
        nix.why("current", "glibcc")
    assert not missing.value.why
    assert [todo for todo in missing.value.todo if "Did" in todo] == ["Did you mean glibc or zlib?"]


@pytest.mark.parametrize(
    "kind", [OperationType.EVALUATE, OperationType.LOG, OperationType.WHY], ids=str
)
def test_nothing_was_asked_for(made: Machine, kind: OperationType) -> None:
    result = asyncio.run(NixBackend(made).execute(NixOperation(kind)))
    assert not result.success
    assert isinstance(result.data["exception"], Refused)
    assert result.suggestions


def test_a_variable_needs_a_notebook(made: Machine) -> None:
    machine.use(made)
    with pytest.raises(Refused, match="no notebook whose variable"):
        nix.eval("1", name="x")

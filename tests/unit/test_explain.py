"""Explained lines: every verb tells what it would run, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from IPython.core.error import UsageError

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command
from luminous_nix_ipy.verbs import VERBS, explain, load
from luminous_nix_ipy.verbs.parser import Parser
from tests.playground import simulated


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_can_be_explained(verb: str) -> None:
    """A verb has `--dry-run`, or `programs`, or is known to start no program."""
    declared = "--dry-run" in Parser(verb).options() or hasattr(load(verb), "programs")
    assert declared or verb in explain.READS or verb in explain._OTHERS, (
        f"{verb} starts programs: give its module `programs(session, **arguments)`; "
        "or none: add it to explain.READS"
    )


def test_a_change_is_planned_and_not_made(made: Machine) -> None:
    machine.use(made)
    before = os.readlink(made.system_profile)
    explained = nix.explain("rollback 2 --yes")
    assert explained.commands.equals(nix.rollback(2, dry_run=True).commands)
    assert "It would run, in this order" in repr(explained)
    assert "<ol" in explained._repr_html_()
    assert os.readlink(made.system_profile) == before
    current = int(nix.list().query("current").number.iloc[0])
    assert "Nothing is to be done" in repr(nix.explain(f"rollback {current}"))


def test_reads_start_no_program(
    made: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.use(made)
    for verb in ("list", "diff 1 2", "status", "journal --last 3", "undo --list"):
        assert "starts no program" in repr(nix.explain(verb)), verb
        assert len(nix.explain(verb).commands) == 0
    monkeypatch.setenv("LUMINOUS_NIX_ENHANCED_BACKEND", "false")
    assert "through Nix's own programs" in repr(nix.explain("list"))


def test_an_update_tells_what_fetches_and_that_it_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Command(("nix-channel", "--update"), "fetch the newest of the channels")
    monkeypatch.setattr(load("update"), "programs", lambda session, **given: [fetch])
    shown = repr(nix.explain("update"))
    assert "1. Fetch the newest of the channels.\n   $ nix-channel --update" in shown
    assert "Then it switches" in shown
    assert "Then it switches" not in repr(nix.explain("update --inputs-only"))


def test_deletions_are_explained_too(made: Machine) -> None:
    machine.use(made)
    shown = repr(nix.explain("delete 1"))
    assert "1. Delete generation 1 of system.\n   $ nix-env --profile" in shown
    nix.explain("collect --older-than 1d")
    assert len(nix.list()) == 5


def test_what_cannot_be_planned_is_refused(made: Machine) -> None:
    machine.use(made)
    with pytest.raises(NotFound, match="There is no generation 99"):
        nix.explain("rollback 99")


def test_wrong_lines() -> None:
    with pytest.raises(UsageError, match="name a verb"):
        nix.explain("")
    with pytest.raises(UsageError, match="did you mean rollback"):
        nix.explain("rolback")

"""The object `nix`: the results of the magic, from plain Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.errors import NoConsent
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs import VERBS
from tests.playground import path_without_nix, simulated
from tests.shell import new_shell, run


@pytest.fixture(scope="module")
def read_only() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def there(read_only: Machine) -> Machine:
    machine.use(read_only)
    return read_only


def test_the_results_are_those_of_the_magic(there: Machine) -> None:
    with new_shell() as shell:
        assert nix.list().equals(run(shell, "%nix list"))
        assert nix.list(all_columns=True).equals(run(shell, "%nix list --all-columns"))
        assert nix.diff(1, 2).equals(run(shell, "%nix diff 1 2"))
        assert nix.diff("previous", "current").equals(run(shell, "%nix diff"))
        assert nix.list(json=True) == run(shell, "%nix list --json")
        assert repr(nix.help("diff")) == repr(run(shell, "%nix help diff"))
        assert repr(nix.rollback(2, dry_run=True)) == repr(run(shell, "%nix rollback 2 --dry-run"))
        assert repr(nix.undo(list=True)) == repr(run(shell, "%nix undo --list"))
        assert nix.status().status.current == run(shell, "%nix status").status.current
        assert list(nix.metrics().columns) == list(run(shell, "%nix metrics").columns)
        assert len(nix.journal(last=1)) == 0
        assert nix.note(1) == run(shell, "%nix note 1")


def test_it_lists_its_verbs() -> None:
    assert [line.split()[0] for line in repr(nix).splitlines()] == [f"nix.{v}" for v in VERBS]


def test_each_method_has_an_example() -> None:
    for verb in VERBS:
        example = rf">>> (with )?nix\.{verb}\("
        assert re.search(example, getattr(nix, verb).__doc__ or ""), verb


SCRIPT = """
import sys
from luminous_nix_ipy import nix, NixError
assert "IPython" not in sys.modules
nix.playground("start", generations=6)
assert len(nix.list()) == 6
try:
    nix.rollback()
except NixError as refusal:
    print(type(refusal).__name__, refusal.todo[0])
report = nix.rollback(5, yes=True)
print("report", report.report.outcome)
nix.note(2, "a script was here")
print(nix.note(2))
folder = nix.list(all_columns=True).link[0]
nix.playground("stop")
print(folder)
"""


def test_a_script_works_without_ipython(tmp_path: Path) -> None:
    path = path_without_nix(tmp_path / "bin")
    environ = {**os.environ, "PATH": path, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert "NoConsent Add --yes to agree beforehand: %nix rollback 5 --yes" in said
    assert "report done" in said
    assert any(line.endswith("a script was here") for line in said)
    assert said[-1].startswith(str(tmp_path))
    assert not os.path.lexists(said[-1])


def test_a_rollback_without_yes_asks_the_same(there: Machine) -> None:
    with pytest.raises(NoConsent):
        nix.rollback(1)

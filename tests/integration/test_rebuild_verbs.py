"""The verbs that build, on playgrounds of real Nix, old and new: what they show, ask, refuse."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy import nix, playground
from luminous_nix_ipy.errors import NoConsent, Refused
from luminous_nix_ipy.jobs import Job
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs import consent
from luminous_nix_ipy.widgets.building import BuildView
from luminous_nix_ipy.widgets.show import PlanView, ReportView
from tests.integration.test_rebuild import current, state, system_file
from tests.provide.nix import NixPrograms
from tests.shell import new_shell, run, usage_error


@pytest.fixture(scope="module")
def made(nix_programs: NixPrograms) -> Iterator[Machine]:
    """A playground that this Nix built, for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{nix_programs.bin_dir}{os.pathsep}{os.environ['PATH']}")
        machine = asyncio.run(playground.start(real=True))
        yield machine
        machines.use(machine)
        asyncio.run(playground.stop())


@pytest.fixture
def there(made: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")
    machines.use(made)
    return made


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as made:
        yield made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were asked, each answered with no."""
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "n"

    monkeypatch.setattr("builtins.input", answer)
    for module in (consent, __import__("luminous_nix_ipy.verbs.rebuilding", fromlist=["x"])):
        monkeypatch.setattr(module, "can_answer", lambda shell: True)
    return questions


def apart_from_held(machine: Machine) -> dict[str, str]:
    """The state of a machine without links to what was built and not agreed to."""
    held = machine.env["TMPDIR"]
    return {path: value for path, value in state(machine).items() if not path.startswith(held)}


def test_a_dry_run_says_what_would_be_built(shell: InteractiveShell, there: Machine) -> None:
    before = state(there)
    shown = run(shell, "%nix switch --dry-run --option cores 1")
    assert isinstance(shown, BuildView)
    assert set(shown.builds.fact) == {"build"}
    text = repr(shown)
    assert text.startswith("PLAYGROUND") and "Would be built: <nixpkgs/nixos>" in text
    assert "derivations" in text and "--option cores 1" in text
    assert "Would be built: &lt;nixpkgs/nixos&gt;" in shown._repr_html_()
    assert state(there) == before


def test_a_build_shows_packages_and_then_a_dry_run_shows_the_plan(
    shell: InteractiveShell, there: Machine, tmp_path: Path
) -> None:
    before = apart_from_held(there)
    shown = run(shell, f"%nix build --link {tmp_path}/system")
    assert isinstance(shown, BuildView)
    assert not shown.packages.empty
    assert os.readlink(tmp_path / "system") == shown.report.path
    plan = nix.switch(dry_run=True)
    assert isinstance(plan, PlanView)
    assert "Commands that were run for this plan" in repr(plan)
    explained = [str(command) for command in nix.explain("switch").commands.command]
    assert explained[0].startswith("nix-build") and "nix-env" in " ".join(explained[1:])
    assert apart_from_held(there) == before


def test_it_asks_once_it_is_built(
    shell: InteractiveShell, there: Machine, asked: list[str]
) -> None:
    before = apart_from_held(there)
    for line, when in (
        ("switch", ""),
        ("boot", " from the next boot on"),
        ("test", " until the next boot"),
    ):
        with pytest.raises(NoConsent):
            run(shell, f"%nix {line}")
        assert asked.pop() == f"Switch system 5 → 6 on the PLAYGROUND{when}? [y/N] "
    assert apart_from_held(there) == before


def test_a_switch_that_is_blocked_is_offered_as_boot(
    shell: InteractiveShell, there: Machine, asked: list[str], tmp_path: Path
) -> None:
    file = system_file(tmp_path / "old", 2, 8)
    with pytest.raises(NoConsent):
        run(shell, f"%nix switch --file {file} --attr web")
    assert asked == ["Switch system 5 → 6 on the PLAYGROUND from the next boot on? [y/N] "]
    with pytest.raises(Refused) as refusal:
        run(shell, f"%nix switch --file {file} --attr web --yes")
    assert "%nix boot" in refusal.value.todo[-1]
    assert current(there) == 5


def test_nobody_to_ask_says_the_whole_line(shell: InteractiveShell, there: Machine) -> None:
    with pytest.raises(NoConsent) as refusal:
        run(
            shell, "%nix test --show-trace --option cores 1 --max-jobs 2 --settle 3s --expect 'a b'"
        )
    line = "%nix test --option cores 1 --show-trace --max-jobs 2 --expect 'a b' --settle 3s --yes"
    assert refusal.value.todo[0].endswith(line)


def test_inputs_and_updates_are_frames_and_an_update_asks(
    shell: InteractiveShell, there: Machine, asked: list[str]
) -> None:
    before = apart_from_held(there)
    frame = run(shell, "%nix inputs")
    assert list(frame.name) == ["nixos"] and frame.attrs["caption"].startswith("PLAYGROUND")
    assert json.loads(str(run(shell, "%nix inputs --json")))[0]["type"] == "channel"
    assert run(shell, "%nix update --dry-run").equals(frame)
    with pytest.raises(NoConsent):
        run(shell, "%nix update nixos")
    assert asked == ["Update nixos on the PLAYGROUND? [y/N] "]
    assert apart_from_held(there) == before


def test_wrong_syntax_is_one_line(shell: InteractiveShell, there: Machine) -> None:
    assert "expected 2 arguments" in usage_error(shell, "%nix build --option cores")
    assert "needs --yes" in usage_error(shell, "%nix switch --bg")
    assert "--flake" in usage_error(shell, "%nix switch --flak .")


def test_update_in_the_background_and_a_second_run(shell: InteractiveShell, there: Machine) -> None:
    job = run(shell, "%nix update --yes --bg --expect true")
    assert isinstance(job, Job)
    shown = job.result()
    assert isinstance(shown, ReportView) and shown.report.outcome == "done"
    assert [e.what for e in shown.report.plan.safety.expectations] == ["true"]
    assert current(there) == 6
    again = run(shell, "%nix switch")
    assert isinstance(again, PlanView) and again.plan.nothing_to_do

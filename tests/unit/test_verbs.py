"""What each verb returns, asks, refuses; and that all who list the verbs list the same."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import luminous_nix_ipy
from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.api import Nix
from luminous_nix_ipy.backend.roots import list_backups
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import ChangeFailed, NixError, NoConsent, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs import VERBS, consent, load, overview
from luminous_nix_ipy.verbs.parser import Parser
from luminous_nix_ipy.verbs.session import session
from luminous_nix_ipy.widgets.show import PlanView, ReportView, StatusView, Text
from tests.playground import path_without_nix, simulated
from tests.shell import new_shell, run, usage_error

PACKAGE = Path(luminous_nix_ipy.__file__).parent
DOCS = PACKAGE.parent / "docs" / "verbs"


def modules() -> dict[str, str]:
    """Every verb that has a module, with the first line of its docstring, in the table's order."""
    found = {}
    for path in (PACKAGE / "verbs").glob("*.py"):
        module = sys.modules.get(f"luminous_nix_ipy.verbs.{path.stem}") or __import__(
            f"luminous_nix_ipy.verbs.{path.stem}", fromlist=["run"]
        )
        if hasattr(module, "run") and hasattr(module, "arguments"):
            found[path.stem] = (module.__doc__ or "").splitlines()[0]
    order = [*VERBS, *sorted(found)]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0])))


def table(verbs: dict[str, str]) -> str:
    rows = "".join(f'    "{verb}": "{summary}",\n' for verb, summary in verbs.items())
    return f"VERBS: dict[str, str] = {{\n{rows}}}"


def test_all_who_list_the_verbs_list_the_same() -> None:
    right = {verb: VERBS.get(verb, line.rstrip(".")) for verb, line in modules().items()}
    assert right == VERBS, f"luminous_nix_ipy/verbs/__init__.py should have\n\n{table(right)}"
    completed = complete("%nix ")
    assert completed is not None
    listed = {
        "completion": [verb for verb, _ in completed.found],
        "methods of nix": [name for name in dir(Nix) if not name.startswith("_")],
        "help": [line.split()[1] for line in overview().splitlines()],
        "docs/verbs": [page.stem for page in DOCS.glob("*.md")],
    }
    for place, verbs in listed.items():
        assert sorted(verbs) == sorted(right), f"{place} should list\n\n{table(right)}"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_takes_the_same_as_its_method(verb: str) -> None:
    declared = {
        action.dest for action in (*Parser(verb).positionals(), *Parser(verb).options().values())
    }
    runs = _parameters(load(verb).run) - {"session"}
    method = set(inspect.signature(getattr(Nix, verb)).parameters) - {"self"}
    assert declared - {"help"} == runs == method


def _parameters(function: Callable[..., object]) -> set[str]:
    """The names of its arguments; those of its typed keywords (PEP 692) in place of them."""
    names = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            (keywords,) = get_args(eval(parameter.annotation, inspect.getmodule(function).__dict__))
            names |= keywords.__annotations__.keys()
        else:
            names.add(name)
    return names


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example_that_is_understood(verb: str) -> None:
    from luminous_nix_ipy.magics import split
    from luminous_nix_ipy.verbs.parser import help_text, parse_line

    text = help_text(verb)
    examples = [line.partition("%nix")[2] for line in text.splitlines() if "  %nix" in line]
    assert examples
    for example in examples:
        assert parse_line(split(example))[0] in (verb, "help")
    assert f"usage: %nix {verb}" in text


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        run(shell, "%config NixMagics.progress = 'none'")
        yield shell


@pytest.fixture(scope="module")
def read_only() -> Iterator[Machine]:
    """A playground for tests that change nothing in it."""
    with simulated() as made:
        yield made


@pytest.fixture
def there(read_only: Machine) -> Machine:
    machine.use(read_only)
    return read_only


@pytest.fixture
def changing() -> Iterator[Machine]:
    """A playground for one test that changes it."""
    with simulated() as made:
        yield made


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Let somebody sit at the terminal who answers this; the questions that were asked."""

    def sit(reply: str) -> list[str]:
        asked: list[str] = []

        def ask(question: str = "") -> str:
            asked.append(question)
            if reply == "EOF":
                raise EOFError
            if reply == "interrupt":
                raise KeyboardInterrupt
            return reply

        monkeypatch.setattr("builtins.input", ask)
        monkeypatch.setattr(consent, "can_answer", lambda shell: True)
        return asked

    return sit


def current(there: Machine) -> int:
    return int(os.readlink(there.system_profile).split("-")[-2])


def test_status_is_the_default(shell: InteractiveShell, there: Machine) -> None:
    shown = run(shell, "%nix")
    assert isinstance(shown, StatusView)
    assert shown.status.machine == "playground without Nix"
    assert shown.status.current == current(there)
    assert json.loads(run(shell, "%nix --json"))["host"] == shown.status.host


def test_list(shell: InteractiveShell, there: Machine) -> None:
    frame = run(shell, "x = %nix list\nx")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [
        "number", "date", "current", "state", "nixos_version", "kernel_version",
    ]  # fmt: skip
    assert isinstance(frame.index, pd.RangeIndex)
    assert repr(frame).startswith("PLAYGROUND: Generations")
    assert list(frame.number) == sorted(frame.number, reverse=True)
    assert list(frame[frame.current].number) == [current(there)]
    assert {"path", "note"} <= set(run(shell, "%nix list --all-columns").columns)
    sized = run(shell, "%nix list --sizes")
    assert (sized.closure_bytes > 0).all()
    assert (sized.unique_bytes <= sized.closure_bytes).all()
    assert run(shell, "%nix list --profile profile").current.any()


def test_list_as_json_has_the_keys_of_nixos_rebuild(
    shell: InteractiveShell, there: Machine
) -> None:
    rows = json.loads(run(shell, "%nix list --json"))
    assert list(rows[0]) == [
        "generation", "date", "nixosVersion", "kernelVersion", "configurationRevision",
        "specialisations", "current",
    ]  # fmt: skip
    assert [row["generation"] for row in rows if row["current"]] == [current(there)]
    more = json.loads(run(shell, "%nix list --json --sizes --all-columns"))
    assert more[0]["closureBytes"] > 0
    assert more[0]["path"].startswith(there.store_dir)


def test_verbs_print_nothing(
    shell: InteractiveShell, there: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in ("status", "list", "diff", "metrics", "journal", "help", "note 1", "undo --list"):
        run(shell, f"x = %nix {line}")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


def test_diff(shell: InteractiveShell, there: Machine) -> None:
    frame = run(shell, "%nix diff")
    assert list(frame.columns)[:4] == ["name", "change", "old_versions", "new_versions"]
    now = current(there)
    assert run(shell, f"%nix diff {now - 1} {now}").equals(frame)
    assert run(shell, f"%nix diff {now - 1}").equals(frame)
    record = json.loads(run(shell, "%nix diff --json"))
    assert [change["name"] for change in record["changes"]] == list(frame.name)
    with pytest.raises(NotFound, match="no generation or path"):
        run(shell, "%nix diff ./result")


def test_note_is_written_shown_found_and_removed(
    shell: InteractiveShell, changing: Machine
) -> None:
    assert "no note" in run(shell, "%nix note 2").lower()
    assert run(shell, '%nix note 2 "before the kernel upgrade"').endswith(
        "before the kernel upgrade"
    )
    assert run(shell, "%nix note 2").endswith("before the kernel upgrade")
    notes = run(shell, "%nix list --all-columns").set_index("number").note
    assert notes[2] == "before the kernel upgrade"
    found = run(shell, "%nix rollback --to before the kernel --dry-run")
    assert found.plan.target.number == 2
    assert run(shell, "%%nix note 2\ntwo\nlines").endswith("two\nlines")
    for empty in ('%nix note 2 ""', '%nix note 2 " "', '%nix note 2 "" ""'):
        assert "an empty text is no note" in usage_error(shell, empty)
    with pytest.raises(UsageError, match="an empty text is no note"):
        nix.note(2, "")
    assert run(shell, "%nix note 2").endswith("two\nlines")
    assert "no note" in run(shell, "%nix note 2 --remove").lower()
    assert "not both" in usage_error(shell, "%nix note 2 text --remove")


def test_a_dry_run_shows_the_plan_and_changes_nothing(
    shell: InteractiveShell, there: Machine
) -> None:
    before = current(there)
    shown = run(shell, "%nix rollback --dry-run")
    assert isinstance(shown, PlanView)
    assert shown.plan.target.number == before - 1
    assert current(there) == before
    with pytest.raises(NotFound, match="no generation 999"):
        run(shell, "%nix rollback 999 --dry-run")


def test_rollback_to_what_is_current_does_nothing(
    shell: InteractiveShell, there: Machine, answer: Callable[[str], list[str]]
) -> None:
    asked = answer("y")
    shown = run(shell, f"%nix rollback {current(there)}")
    assert isinstance(shown, PlanView)
    assert shown.plan.nothing_to_do
    assert asked == []


def test_rollback_asks_and_obeys(
    shell: InteractiveShell,
    changing: Machine,
    answer: Callable[[str], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = current(changing)
    asked = answer("y")
    shown = run(shell, f"%nix rollback {before - 1}")
    question = f"Roll back system {before} → {before - 1} on the PLAYGROUND? [y/N] "
    assert asked == [question]
    assert isinstance(shown, ReportView)
    assert shown.report.outcome == "done"
    assert current(changing) == before - 1
    assert "PLAYGROUND" in capsys.readouterr().out  # the plan
    assert [b.number for b in list_backups(changing)] == [before]


def test_a_failed_change_is_told_and_everything_is_as_it_was(
    shell: InteractiveShell, changing: Machine
) -> None:
    before = current(changing)
    with pytest.raises(ChangeFailed) as failure:
        run(shell, f"%nix rollback {before - 2} --yes")
    assert f"generation {before} is current" in failure.value.why
    assert current(changing) == before
    assert list(run(shell, "%nix journal").outcome) == ["failed, restored"]


@pytest.mark.parametrize("reply", ["n", "", "EOF", "interrupt", "nyes"])
def test_any_other_answer_changes_nothing(
    shell: InteractiveShell, there: Machine, answer: Callable[[str], list[str]], reply: str
) -> None:
    before = current(there)
    asked = answer(reply)
    with pytest.raises(NoConsent, match="Nothing was changed"):
        run(shell, "%nix rollback")
    assert len(asked) == 1
    assert current(there) == before


def test_nobody_to_ask_is_a_refusal_that_says_add_yes(
    shell: InteractiveShell, there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    before = current(there)
    with pytest.raises(NoConsent) as refusal:
        run(shell, "%nix rollback")
    assert f"%nix rollback {before - 1} --yes" in refusal.value.todo[0]
    assert current(there) == before


def test_yes_agrees_and_undo_puts_back(
    shell: InteractiveShell, changing: Machine, answer: Callable[[str], list[str]]
) -> None:
    asked = answer("n")
    before = current(changing)
    run(shell, "%nix rollback --yes")
    assert current(changing) == before - 1
    kept = run(shell, "%nix undo --list")
    assert list(kept.number) == [before]
    state = run(shell, "%nix list").set_index("number").state
    assert "kept" in state[before]
    assert run(shell, "%nix undo --dry-run").plan.target.number == before
    run(shell, f"%nix undo {kept.id[0]} --yes")
    assert current(changing) == before
    assert asked == []
    journal = run(shell, "%nix journal")
    assert list(journal.operation) == ["undo", "rollback"]
    assert list(journal.outcome) == ["done", "done"]
    assert len(run(shell, "%nix journal --last 1")) == 1
    assert "commands" in run(shell, "%nix journal --all-columns").columns
    assert json.loads(run(shell, "%nix journal --json"))[1]["operation"] == "rollback"


def test_undo_of_a_user_profile_needs_no_name_of_it(
    shell: InteractiveShell, changing: Machine
) -> None:
    run(shell, "%nix rollback --profile profile --yes")
    shown = run(shell, "%nix undo --dry-run")
    assert shown.plan.profile.name == "profile"


def test_nothing_to_undo(shell: InteractiveShell, there: Machine) -> None:
    with pytest.raises(NotFound, match="nothing to undo"):
        run(shell, "%nix undo")


def test_a_red_check_refuses_without_asking(
    shell: InteractiveShell, changing: Machine, answer: Callable[[str], list[str]]
) -> None:
    asked = answer("y")
    before = current(changing)
    link = os.readlink(changing.system_profile)
    absolute = os.path.join(os.path.dirname(changing.system_profile), link)
    os.unlink(changing.system_profile)
    os.symlink(absolute, changing.system_profile)
    with pytest.raises(Refused):
        run(shell, "%nix rollback --yes")
    with pytest.raises(Refused):
        run(shell, "%nix rollback")
    assert asked == []
    assert current(changing) == before


def test_words_that_mean_several_generations_list_them(
    shell: InteractiveShell, there: Machine
) -> None:
    with pytest.raises(NixError) as several:
        run(shell, "%nix rollback --to 2 --yes")
    assert len(several.value.why.splitlines()) > 1


def test_metrics_count_what_this_kernel_asked(shell: InteractiveShell, changing: Machine) -> None:
    run(shell, "%nix list")
    run(shell, "%nix list")
    with pytest.raises(NotFound):
        run(shell, "%nix diff 1 999")
    run(shell, "%nix rollback --dry-run")
    frame = run(shell, "%nix metrics").set_index("operation")
    assert frame.total_operations["list_generations"] == 2
    assert frame.cache_hit_rate["list_generations"] == 0.5
    assert frame.success_rate["diff"] == 0.0
    assert frame.total_operations["rollback"] == 1
    assert frame.total_operations.iloc[0] == 4


def test_each_machine_keeps_its_backend(there: Machine) -> None:
    on_playground = session().backend
    machine.use(None)
    real = session().backend
    assert real is not on_playground
    assert session().backend is real
    machine.use(there)
    assert session().backend is on_playground


def test_the_reader_that_the_settings_want(shell: InteractiveShell, there: Machine) -> None:
    assert session().backend.reader == "direct"
    run(shell, "%config NixMagics.enhanced_backend = False")
    assert session().backend.reader == "command"


def test_playground(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_without_nix(tmp_path / "bin"))
    assert "No playground is in use" in run(shell, "%nix playground status")
    with pytest.raises(NotFound, match="No playground is in use"):
        run(shell, "%nix playground stop")
    try:
        shown = run(shell, "%nix playground --generations 6")
        assert "PLAYGROUND" in repr(shown)
        assert len(run(shell, "%nix list")) == 6
        folder = Path(machine.current().playground or "")
        assert repr(run(shell, "%nix playground")) == repr(run(shell, "%nix playground status"))
        with pytest.raises(Refused, match="in use already"):
            run(shell, "%nix playground start")
        with pytest.raises(Refused, match="means nothing to stop"):
            run(shell, "%nix playground stop --generations 5")
        run(shell, "%nix playground reset --generations 7")
        assert len(run(shell, "%nix list")) == 7
        assert not folder.exists()
        folder = Path(machine.current().playground or "")
    finally:
        assert "gone" in run(shell, "%nix playground stop")
    assert not folder.exists()
    assert machine.current().playground is None
    with pytest.raises(Refused, match="knows no 'begin'"):
        Nix().playground("begin")
    assert machine.current().playground is None


def test_where_there_is_nothing_a_playground_is_offered(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIX_STORE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("NIX_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("LUMINOUS_NIX_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", "/nowhere")
    for line in ("status", "list", "diff", "rollback --yes", "note 1", "undo"):
        with pytest.raises(NotFound) as nothing:
            run(shell, f"%nix {line}")
        assert "%nix playground start" in "\n".join(nothing.value.todo), line


def test_a_profile_without_generations_is_told(there: Machine) -> None:
    from luminous_nix_ipy.verbs.list import run as list_verb

    profile = SimpleNamespace(name="system", path="/nowhere/system")
    empty = {"generations": [], "profile": profile, "reader": "direct"}
    nobody: Any = SimpleNamespace(execute=lambda *_, **__: empty)
    with pytest.raises(NotFound, match="system has no generation yet"):
        list_verb(nobody)


@pytest.mark.parametrize(
    ("content", "expected"),
    [({"allow_stdin": True}, True), ({"allow_stdin": False}, False), ({}, False)],
)
def test_in_a_kernel_the_request_says_whether_somebody_answers(
    content: dict[str, bool], expected: bool
) -> None:
    kernel = SimpleNamespace(get_parent=lambda: {"content": content})
    assert consent.can_answer(SimpleNamespace(kernel=kernel)) is expected


def test_a_kernel_that_cannot_tell_has_nobody_who_answers() -> None:
    assert consent.can_answer(SimpleNamespace(kernel=object())) is False


def test_text_results_are_text(shell: InteractiveShell, there: Machine) -> None:
    assert isinstance(run(shell, "%nix help"), Text)
    assert isinstance(run(shell, "%nix note 1"), Text)


@pytest.mark.parametrize("verb", ["build", "switch", "boot", "test"])
def test_what_is_neither_yes_nor_no_is_refused(there: Machine, verb: str) -> None:
    with pytest.raises(Refused, match="dry_run is True or False"):
        getattr(nix, verb)(dry_run="")

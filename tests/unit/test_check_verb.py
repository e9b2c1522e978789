"""`%nix check` as learners and teachers use it: verdicts, hints, solutions, what fails and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import CheckFailed, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs import check
from luminous_nix_ipy.widgets.checking import CheckView
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error

FILE = """
[kernel]
title = "Find the <kernel>"
right_when = [{ value = "kernel", same_as = { generation = 1, column = "kernel_version" } }]
hints = ["Look at the <table>.", "It is text."]
solution = '''
kernel = "6.6.92"
'''

[note]
right_when = [{ generation = 3, note = "exam" }, { value = "x", is = 1 }]

[with-nix]
needs = "nix"
right_when = [{ generation = 99 }]
hints = ["Never told."]

[anywhere]
playground = false
right_when = [{ generation = 99 }]
"""


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with exercises, none of which was tried."""
    monkeypatch.setattr(check, "_tried", {})
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exercises.toml").write_text(FILE)


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


@pytest.fixture
def there(made: Machine) -> Machine:
    machine.use(made)
    return made


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        yield shell


def checked(shell: InteractiveShell, cell: str) -> CheckView:
    view = run(shell, cell)
    assert isinstance(view, CheckView)
    return view


def test_hints_come_one_by_one_and_the_solution_last(
    there: Machine, shell: InteractiveShell
) -> None:
    open_place = checked(shell, "kernel = ...\n%nix check kernel")
    assert (open_place.verdict, open_place.hints) == ("not yet", ())
    with pytest.raises(Refused, match="after 3 more tries"):
        run(shell, "%nix check kernel --solution")
    first = checked(shell, "kernel = '6.12.63'\n%nix check kernel")
    assert (first.right, first.hints) == (False, ("Look at the <table>.",))
    assert repr(first).startswith("Not yet: Find the <kernel>")
    assert "It is '6.12.63', text." in repr(first) and "--solution" not in repr(first)
    second = checked(shell, "kernel = 6.6\n%nix check kernel")
    assert len(second.hints) == 2 and "wanted is text" in repr(second)
    with pytest.raises(Refused, match="after 1 more try"):
        run(shell, "%nix check kernel --solution")
    third = checked(shell, "%nix check kernel")
    assert "%nix check kernel --solution" in repr(third)
    for view in (first, second, third):
        assert "6.6.92" not in repr(view) + view._repr_html_()
    solution = run(shell, "%nix check kernel --solution")
    assert repr(solution).splitlines()[2:] == ['kernel = "6.6.92"']
    assert repr(solution).startswith("A solution of “Find the <kernel>”; there may be others:")
    right = checked(shell, "kernel = '6.6.92'\n%nix check kernel")
    assert right.right and right.hints == () and repr(right).startswith("Right: ")
    again = checked(shell, "kernel = ''\n%nix check kernel")
    assert not again.right and len(again.hints) == 2, "it is looked at anew each time"


def test_what_it_looked_at_is_a_table_and_text_is_escaped(
    there: Machine, shell: InteractiveShell
) -> None:
    view = checked(shell, "kernel = '<b>'\n%nix check kernel")
    html = view._repr_html_()
    assert "&lt;table&gt;" in html and "<b>" not in html and "not yet" in html
    assert view.seen.what.tolist() == ["kernel"]
    assert view.seen.right.tolist() == [False]
    both = checked(shell, "x = 1\n%nix check note")
    assert both.seen.right.tolist() == [False, True] and not both.right
    assert "To see a solution" not in repr(checked(shell, "%nix check note")), "it has none"
    with pytest.raises(NotFound, match="comes without a solution"):
        run(shell, "%nix check note --solution")


def test_those_that_were_tried_are_listed(there: Machine, shell: InteractiveShell) -> None:
    assert len(run(shell, "%nix check")) == 0
    run(shell, "kernel = ...\n%nix check kernel\n%nix check note\n%nix check note")
    run(shell, "%nix check with-nix")
    frame = run(shell, "%nix check")
    assert frame.values.tolist() == [
        ["kernel", "Find the <kernel>", "not yet", 0],
        ["note", "note", "not yet", 2],
        ["with-nix", "with-nix", "skipped", 0],
    ]
    assert frame.attrs["summary"] == "0 of 3 exercises right"
    with pytest.raises(CheckFailed, match="2 of 3 exercises are not right yet") as failure:
        nix.check(strict=True)
    assert failure.value.todo == ("%nix check kernel", "%nix check note")
    run(shell, "kernel = '6.6.92'\n%nix check kernel")
    with pytest.raises(CheckFailed, match="1 of 3"):
        nix.check(strict=True)


def test_strict_checks_fail(
    there: Machine, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckFailed, match=r"^Not yet: Find the <kernel>") as failure:
        run(shell, "kernel = ''\n%nix check kernel --strict")
    assert failure.value.todo == ("Look at the <table>.",)
    assert failure.value.why == "kernel: it is '', text."
    monkeypatch.setenv("LUMINOUS_NIX_STRICT_CHECKS", "true")
    with pytest.raises(CheckFailed):
        run(shell, "%nix check kernel")
    with pytest.raises(CheckFailed, match="not right yet"):
        run(shell, "%nix check")
    assert checked(shell, "%nix check with-nix").verdict == "skipped"
    assert checked(shell, "kernel = '6.6.92'\n%nix check kernel").right
    run(shell, "%nix check")


def test_the_real_machine_is_not_mistaken_for_a_playground(shell: InteractiveShell) -> None:
    with pytest.raises(Refused, match="about a playground, and none is in use"):
        run(shell, "%nix check note")
    assert len(run(shell, "%nix check")) == 0, "that was no try"
    assert not checked(shell, "%nix check anywhere").right


def test_without_nix_an_exercise_that_needs_it_is_skipped(
    there: Machine, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = checked(shell, "%nix check with-nix")
    assert view.verdict == "skipped" and not view.right
    assert "This exercise needs Nix" in repr(view) and "Never told" not in repr(view)


def test_an_exercise_in_a_cell(there: Machine, shell: InteractiveShell) -> None:
    cell = '%%nix check sum\ntitle = "Add"\nright_when = [{ value = "s", is = 3 }]\nhints = ["+"]'
    run(shell, "s = 4")
    assert checked(shell, cell).hints == ("+",)
    assert checked(shell, "s = 3\n%nix check sum").right, "it is known by its name afterwards"
    assert checked(shell, cell).right
    with pytest.raises(Refused, match="'sum' in the cell is not written as an exercise is"):
        run(shell, "%%nix check sum\nright_when = [{ colour = 1 }]")
    given = "%nix check sum --file exercises.toml --exercise 'x = 1'"
    assert "not both" in usage_error(shell, given)


def test_an_exercise_from_python(there: Machine, shell: InteractiveShell) -> None:
    run(shell, "answer = {2, 1}")
    exercise = {"right_when": [{"value": "answer", "is": [1, 2]}]}
    assert nix.check("sum", exercise=exercise).right
    assert nix.check("sum").right


def test_a_sealed_answer(there: Machine, shell: InteractiveShell) -> None:
    line = run(shell, "answer = ['a', 1]\n%nix check --seal answer")
    assert line.startswith('{ value = "answer", sealed = "') and "'a'" not in line
    cell = f"%%nix check secret\nright_when = [{line}]"
    assert checked(shell, cell).right
    assert not checked(shell, "answer = ['a', 2]\n%nix check secret").right
    with pytest.raises(NotFound, match="There is no variable 'nothing'"):
        run(shell, "%nix check --seal nothing")
    with pytest.raises(Refused, match="cannot be sealed"):
        run(shell, "answer = object()\n%nix check --seal answer")


def test_values_of_a_script_are_found(there: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import __main__

    monkeypatch.setattr(__main__, "kernel", "6.6.92", raising=False)
    view = nix.check("kernel")
    assert isinstance(view, CheckView) and view.right


def test_wrong_lines(shell: InteractiveShell) -> None:
    assert "name the exercise" in usage_error(shell, "%nix check --solution")
    assert "name the exercise" in usage_error(shell, "%nix check --file x")
    assert "a variable and nothing else" in usage_error(shell, "%nix check kernel --seal kernel")
    assert "no option '--hint'" in usage_error(shell, "%nix check kernel --hint")
    with pytest.raises(UsageError, match="name the exercise"):
        nix.check(exercise={"right_when": []})
    with pytest.raises(NotFound, match="no exercise 'kernle'") as missing:
        run(shell, "%nix check kernle")
    assert missing.value.todo == ("Did you mean %nix check kernel?",)
    with pytest.raises(NotFound, match=r"There is no file of exercises nowhere\.toml"):
        run(shell, "%nix check kernel --file nowhere.toml")


def test_exercises_are_completed(tmp_path: Path) -> None:
    def offered(text: str) -> list[str]:
        completions = complete(text)
        assert completions is not None
        return [word for word, _ in completions.found]

    assert offered("%nix check k") == ["kernel"]
    assert offered("%nix check ")[:4] == ["kernel", "note", "with-nix", "anywhere"]
    assert offered("%nix check kernel --so") == ["--solution"]
    (tmp_path / "exercises.toml").write_text("[")
    assert offered("%nix check k") == []

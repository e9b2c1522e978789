"""Lessons: every exercise tells wrong from right, helps, and can be solved as its solution says."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from notebooks.execute import HERE, environment
from tests.notebooks.test_notebooks import path_with

LESSONS = sorted((HERE / "lessons").glob("*.ipynb"))
EXERCISES: dict[str, dict[str, Any]] = tomllib.loads(
    (HERE / "lessons/exercises.toml").read_text(encoding="utf-8")
)

WRONG = {
    "which-kernel": "kernel = 6.6",
    "disappeared": 'gone = {"docker"}',
    "leave-a-note": '%nix note 2 "before the exam"',
    "what-it-says": 'says = os.readlink(profiles + "/system-5-link")',
    "put-it-back": "%nix undo --list",
    "at-the-next-boot": "%nix rollback 4 --boot --yes",
    "who-has-vim": "with_vim = [1, 2]",
    "count-a-closure": "count = 33",
    "alone": 'alone = "47.4 KiB"',
    "read-the-plan": 'stopped = "docker.service"',
    "try-a-broken-one": "%nix rollback 2 --yes",
    "what-comes-back": 'comes_back = {"a", "b", "c", "e"}',
    "keep-it": "%nix note 4 --keep",
    "delete-one": "%nix delete 3 --dry-run",
    "collect-it": "%nix collect --dry-run",
    "predict-a-number": 'number = "12"',
    "predict-a-set": 'settings = {"services": {"web": 80, "mail": 25}}',
    "predict-a-call": 'greeting = "Good morning Nix"',
    "write-one": '%%nix --name hosts\n[ { name = "alpha"; cores = 2; } ]',
}
"""A cell for each exercise that a learner might try, and that does not solve it."""


def cells(lesson: Path) -> list[NotebookNode]:
    found: list[NotebookNode] = nbformat.read(lesson, 4).cells
    return found


def exercise_of(source: str) -> str | None:
    """The name of the exercise that a cell checks."""
    match = re.fullmatch(r"%nix check ([a-z-]+)", source)
    return match[1] if match else None


def exercises_of(lesson: Path) -> list[str]:
    sources = [cell.source for cell in cells(lesson) if cell.cell_type == "code"]
    return [name for name in map(exercise_of, sources) if name is not None]


def text(cell: NotebookNode) -> str:
    """All text that a cell shows."""
    shown = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(shown)


def code(source: str) -> NotebookNode:
    """A cell that may fail, as a learner's may."""
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]})


@pytest.fixture
def path(request: pytest.FixtureRequest, path_without_nix: str) -> str:
    return path_without_nix if request.param == "none" else path_with(request.param)


@pytest.fixture
def has_nix(path: str, path_without_nix: str) -> bool:
    return path != path_without_nix


@pytest.fixture
def learner(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Whoever runs the notebook: the variables of their kernel."""
    for name, value in {**environment(str(tmp_path)), "PATH": path}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield monkeypatch
    assert not list(tmp_path.glob("luminous-nix-playground-*")), "the playground is gone"


def execute(found: list[NotebookNode]) -> None:
    notebook = nbformat.v4.new_notebook(cells=found)
    beside = {"metadata": {"path": str(HERE / "lessons")}}
    NotebookClient(notebook, timeout=300, resources=beside).execute()


@pytest.mark.parametrize("path", ["old", "none"], indirect=True)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_wrong_answer_gets_a_hint_and_the_mended_one_is_right(
    lesson: Path, learner: pytest.MonkeyPatch, has_nix: bool
) -> None:
    """Each exercise is tried wrongly three times, then solved as its solution says."""
    run: list[NotebookNode] = []
    tries: dict[str, list[NotebookNode]] = {}
    for cell in cells(lesson):
        name = exercise_of(cell.source) if cell.cell_type == "code" else None
        if name is None:
            run.append(cell)
            continue
        run.pop()  # the place that is left for the answer
        check = f"%nix check {name}"
        tries[name] = [code(check) for _ in range(4)]
        shown = code(f"{check} --solution")
        run += [code(WRONG[name]), *tries[name][:3], shown]
        run += [code(EXERCISES[name]["solution"].strip()), tries[name][3]]
        tries[name].append(shown)
    execute(run)
    for name, (first, second, third, right, shown) in tries.items():
        exercise = EXERCISES[name]
        if exercise.get("needs") == "nix" and not has_nix:
            assert text(first).startswith("Skipped: ") and text(right).startswith("Skipped: ")
            continue
        told = [" ".join(text(each).split()) for each in (first, second, third)]
        hints = [" ".join(hint.split()) for hint in exercise["hints"]]
        assert all(each.startswith(f"Not yet: {exercise['title']}") for each in told), name
        assert hints[0] in told[0] and hints[1] not in told[0], name
        assert hints[0] in told[1] and hints[1] in told[1], name
        assert "--solution" not in told[1] and f"%nix check {name} --solution" in told[2], name
        assert exercise["solution"].strip().splitlines()[0] in text(shown), name
        assert text(right).startswith(f"Right: {exercise['title']}"), (name, text(right))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_no_exercise_is_right_before_anything_was_done(lesson: Path) -> None:
    """As the lessons are saved: executed with every exercise left open."""
    found = [cell for cell in cells(lesson) if exercise_of(cell.source) is not None]
    assert len(found) >= 3
    assert all(text(cell).startswith("Not yet: ") for cell in found)
    last = [cell for cell in cells(lesson) if cell.source == "%nix check"]
    assert f"0 of {len(found)} exercises right" in text(last[0])


@pytest.mark.parametrize("path", ["none"], indirect=True)
def test_a_strict_lesson_fails_at_the_first_open_exercise(learner: pytest.MonkeyPatch) -> None:
    learner.setenv("LUMINOUS_NIX_STRICT_CHECKS", "true")
    found = cells(LESSONS[0])
    place = next(i for i, cell in enumerate(found) if exercise_of(cell.source))
    check = code(found[place].source)
    execute([*found[:place], check, found[-1]])
    assert check.outputs[0].ename == "CheckFailed"
    assert check.outputs[0].evalue.startswith("Not yet: Find the kernel of generation 1")


@pytest.mark.parametrize("path", ["old", "new"], indirect=True)
def test_nix_gives_what_the_lesson_on_expressions_says(learner: pytest.MonkeyPatch) -> None:
    """The comparison of notebooks passes over these cells, since without Nix each is an error."""
    saved = cells(LESSONS[-1])
    again = cells(LESSONS[-1])
    execute(again)
    pairs = [(a, b) for a, b in zip(saved, again, strict=True) if a.source.startswith("%%nix")]
    assert len(pairs) >= 4
    for old, new in pairs:
        assert text(old) == text(new) != "", old.source


def test_every_exercise_is_in_one_lesson_and_helps() -> None:
    used = [name for lesson in LESSONS for name in exercises_of(lesson)]
    assert used == list(EXERCISES), "in the order of the lessons"
    assert set(WRONG) == set(EXERCISES)
    for name, exercise in EXERCISES.items():
        assert len(exercise["hints"]) >= 2, name
        assert exercise["title"] and exercise["solution"].strip(), name
        for line in exercise["solution"].splitlines():
            told = len(line) > 1 and line.strip() in exercise["hints"][0]
            assert not told, f"{name}: the first hint is no solution"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_says_where_it_leads(lesson: Path) -> None:
    """What one can do afterwards, what one knows then, and where to go on; every link leads
    somewhere."""
    written = [cell.source for cell in cells(lesson) if cell.cell_type == "markdown"]
    assert "After this lesson you can" in written[0] and "15 minutes" in written[0]
    assert written[-1].startswith("## What you know now")
    number = LESSONS.index(lesson)
    ahead = LESSONS[number + 1].name if number + 1 < len(LESSONS) else "01-tour.ipynb"
    assert ahead in written[-1]
    assert cells(lesson)[-1].source == "%nix playground stop"
    assert any("%nix explain" in cell.source for cell in cells(lesson))
    for place in re.findall(r"\]\(([^)]+)\)", "\n".join(written)):
        assert (lesson.parent / place).is_file(), place


def test_the_readme_names_every_lesson_and_its_example_is_an_exercise(tmp_path: Path) -> None:
    from luminous_nix_ipy.backend import exercises
    from luminous_nix_ipy.backend.conditions import CONDITIONS
    from luminous_nix_ipy.backend.facts import FACTS

    readme = (HERE / "lessons/README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d[^)]+)\)", readme) == [lesson.name for lesson in LESSONS]
    example = readme.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "example.toml").write_text(example)
    read = exercises.read_exercise("go-back", str(tmp_path / "example.toml"))
    assert len(read.conditions) == 2
    rows = re.findall(r"^\| `(?:\{ )?(\w+) = .* \|$", readme, re.MULTILINE)
    assert rows == [*CONDITIONS, *FACTS], "the tables name all that may be asked for"
    assert os.path.isfile(HERE.parent / "README.md")

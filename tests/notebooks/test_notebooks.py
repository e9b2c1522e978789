"""Every notebook gives what it shows, on an old Nix, a new one, and without any."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from notebooks import demo
from notebooks.execute import HERE, environment, notebooks
from tests.provide import nix
from tests.require import require

ROOT = Path(__file__).parents[2]
NOTEBOOKS = notebooks()
SANITIZE = Path(__file__).with_name("sanitize.cfg")


def name(notebook: Path) -> str:
    return str(notebook.relative_to(HERE).with_suffix(""))


def needs_nix(notebook: Path) -> bool:
    """Whether it says that it does nothing without Nix."""
    about: dict[str, str] = nbformat.read(notebook, 4).metadata.get("luminous_nix", {})
    return about.get("needs") == "nix"


def is_lesson(notebook: Path) -> bool:
    return notebook.parent.name == "lessons"


every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name)


def path_with(which: str) -> str:
    """A PATH whose first Nix is the old or the new one."""
    require(f"nix-{which}")
    programs = nix.find(which)
    assert programs is not None
    return f"{programs.bin_dir}:{os.environ['PATH']}"


def compare(notebook: Path, home: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Execute a notebook with this PATH and compare each output with the one that it holds."""
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "-q"]
    options += [f"--nbval-sanitize-with={SANITIZE}", f"--rootdir={ROOT}", "-c", "/dev/null"]
    options += ["-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, notebook],
        env={**os.environ, **environment(str(home)), "PATH": path},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )


@every_notebook
def test_a_notebook_is_saved_with_its_outputs(notebook: Path) -> None:
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert str(Path.home()) not in notebook.read_text() and str(ROOT) not in notebook.read_text()


@pytest.mark.parametrize(
    ("notebook", "which"),
    [
        pytest.param(notebook, which, id=f"{name(notebook)}-{which}")
        for notebook in NOTEBOOKS
        # With an old Nix the lessons are run by test_lessons, together with their exercises.
        for which in (("new", "none") if is_lesson(notebook) else ("old", "new", "none"))
        if which != "none" or not needs_nix(notebook)
    ],
)
def test_a_notebook_gives_what_it_shows(
    notebook: Path, which: str, tmp_path: Path, path_without_nix: str
) -> None:
    path = path_without_nix if which == "none" else path_with(which)
    done = compare(notebook, tmp_path, path)
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert re.search(rf"\b{len(cells)} passed", done.stdout), done.stdout


def test_a_changed_output_is_noticed(tmp_path: Path) -> None:
    """The comparison itself: text that no rule of sanitize.cfg covers must not differ."""
    cell = nbformat.v4.new_code_cell("print('firefox 140.0, 2026-01-01 10:00, 3.1 KiB')")
    cell.execution_count = 1
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout")]
    target = tmp_path / "changed.ipynb"
    for saved, same in [
        ("firefox 140.0, 2025-05-05 05:05, 40 bytes", True),
        ("firefox 139.0, 2026-01-01 10:00, 3.1 KiB", False),
    ]:
        cell.outputs[0].text = f"{saved}\n"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), target)
        done = compare(target, tmp_path, os.environ["PATH"])
        assert (done.returncode == 0) == same, done.stdout


@pytest.mark.parametrize(
    "notebook", [n for n in NOTEBOOKS if not is_lesson(n) or n.stem.startswith("1-")], ids=name
)
def test_a_notebook_needs_no_ipywidgets(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With progress drawn as it is by default, in a kernel where the import fails."""
    (tmp_path / "ipywidgets.py").write_text("raise ImportError('ipywidgets is not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    executed = nbformat.read(notebook, 4)
    check = nbformat.v4.new_code_cell(
        "import importlib, sys; sys.modules.get('ipywidgets') is None"
    )
    executed.cells.append(check)
    beside = {"metadata": {"path": str(notebook.parent)}}
    NotebookClient(executed, timeout=300, resources=beside).execute()
    assert check.outputs[0].data["text/plain"] == "True"


def test_the_demo_prints_the_tour_and_leaves_it_as_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert demo.main(tmp_path / "demo") == 0
    told = capsys.readouterr().out
    page = tmp_path / "demo/01-tour.html"
    assert str(page) in told and "%nix rollback 4 --yes" in told and "Package changes" in told
    assert "<table" in page.read_text()
    nbformat.validate(nbformat.read(page.with_suffix(".ipynb"), 4))


def test_a_demo_that_fails_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = nbformat.v4.new_notebook()
    broken.cells = [nbformat.v4.new_code_cell("1 / 0"), nbformat.v4.new_code_cell("'later'")]
    nbformat.write(broken, tmp_path / "01-tour.ipynb")
    monkeypatch.setattr(demo, "TOUR", tmp_path / "01-tour.ipynb")
    assert demo.main(tmp_path / "demo") == 1
    told = capsys.readouterr().out
    assert "ZeroDivisionError" in told and "stopped at a failing cell" in told
    assert "later" not in told

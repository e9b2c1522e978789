"""Notebooks that run unattended: they go on with --yes, and fail as a whole without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

RUNNERS = {
    "papermill": ["-m", "papermill", "-p", "target", "1", "runbook.ipynb", "done.ipynb"],
    "nbconvert": ["-m", "nbconvert", "--to", "notebook", "--execute", "runbook.ipynb"],
    "nbclient": ["-c", "from nbclient.cli import main; main()", "runbook.ipynb"],
    "nbval": [
        "-m",
        "pytest",
        "--nbval-lax",
        "--nbval-current-env",
        "-c",
        "/dev/null",
        "runbook.ipynb",
    ],
}
CLEAN_UP = "await playground.stop()"


def run(folder: Path, runner: str, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run a notebook of these cells, after one that a runner may put parameters behind."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
    notebook.cells = [
        nbformat.v4.new_code_cell("target = 5", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "from luminous_nix_ipy import playground\n"
            "made = await playground.start(6, real=False)\n"
            "%load_ext luminous_nix_ipy"
        ),
        *map(nbformat.v4.new_code_cell, lines),
        nbformat.v4.new_code_cell(CLEAN_UP),
    ]
    nbformat.write(notebook, folder / "runbook.ipynb")
    return subprocess.run(
        [sys.executable, *RUNNERS[runner]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_was_agreed_to_beforehand_is_done(tmp_path: Path, runner: str) -> None:
    done = run(
        tmp_path,
        runner,
        "report = %nix rollback {target} --yes\nreport",
        "listed = %nix list\n"
        "assert list(listed[listed.current].number) == [target], listed\n"
        "assert report.report.outcome == 'done'",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if runner == "papermill":
        output = (tmp_path / "done.ipynb").read_text()
        assert "Generation 1 is current and running." in output


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize(
    ("line", "says"),
    [("%nix rollback", "Nobody can be asked here"), ("%nix rollback 99 --yes", "no generation 99")],
)
def test_what_cannot_be_done_fails_the_notebook(
    tmp_path: Path, runner: str, line: str, says: str
) -> None:
    done = run(tmp_path, runner, line)
    assert done.returncode != 0, done.stdout + done.stderr
    output = tmp_path / "done.ipynb"
    told = done.stdout + done.stderr + (output.read_text() if output.exists() else "")
    assert says in told, told

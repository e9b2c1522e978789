"""Runbooks run unattended: they succeed, or end with an exit code and a record that says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.execute import HERE, environment
from tests.provide import nix
from tests.require import require

RUNBOOKS = sorted((HERE / "runbooks").glob("*.ipynb"))
NEED_NIX = {"upgrade", "free-space"}


def path_to(which: str, path_without_nix: str) -> str:
    if which == "none":
        return path_without_nix
    require(f"nix-{which}")
    programs = nix.find(which)
    assert programs is not None
    return f"{programs.bin_dir}:{os.environ['PATH']}"


def run(
    folder: Path, runbook: str, path: str, *, progress: str = "none", **parameters: object
) -> subprocess.CompletedProcess[str]:
    """Run a runbook with papermill; its outputs are in done.ipynb of this folder."""
    given = [text for name, value in parameters.items() for text in ("-p", name, str(value))]
    notebook = HERE / "runbooks" / f"{runbook}.ipynb"
    return subprocess.run(
        [sys.executable, "-m", "papermill", *given, "--no-progress-bar", notebook, "done.ipynb"],
        env={
            **os.environ,
            **environment(str(folder)),
            "PATH": path,
            "TMPDIR": str(folder),
            "LUMINOUS_NIX_PROGRESS": progress,
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def shown(folder: Path) -> str:
    """All text that a notebook that ran shows."""
    found = []
    for cell in nbformat.read(folder / "done.ipynb", 4).cells:
        for output in cell.get("outputs", []):
            found.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
            found += output.get("traceback", [])
    return "\n".join(found)


def record(folder: Path) -> list[dict[str, Any]]:
    """The lines of the one record that a run left."""
    (file,) = (folder / "state/runbooks").iterdir()
    return [json.loads(line) for line in file.read_text().splitlines()]


def steps(folder: Path) -> dict[str, dict[str, Any]]:
    """What the record says last of each step."""
    told = (line["step"] for line in record(folder) if line["event"] == "step")
    return {step["title"]: step for step in told}


@pytest.mark.parametrize("runbook", [path.stem for path in RUNBOOKS])
@pytest.mark.parametrize("which", ["new", "none"])
def test_a_runbook_runs_unattended(
    runbook: str, which: str, tmp_path: Path, path_without_nix: str
) -> None:
    done = run(tmp_path, runbook, path_to(which, path_without_nix), record="record.html")
    told = steps(tmp_path)
    if which == "none" and runbook in NEED_NIX:
        assert done.returncode != 0
        assert "RequirementFailed" in done.stderr and "no nix program tells it" in done.stderr
        assert [step["verdict"] for step in told.values()] == ["failed"]
        return
    assert done.returncode == 0, done.stderr[-3000:]
    assert {step["verdict"] for step in told.values()} == {"done"}
    assert (tmp_path / "record.html").read_text().startswith("<!doctype html>")
    assert not list(tmp_path.glob("luminous-nix-playground-*"))


@pytest.mark.parametrize("runbook", [path.stem for path in RUNBOOKS])
def test_a_runbook_says_when_to_use_it_and_what_can_go_wrong(runbook: str) -> None:
    cells = nbformat.read(HERE / "runbooks" / f"{runbook}.ipynb", 4).cells
    assert "**Use it**" in cells[0].source and "**What can go wrong.**" in cells[0].source
    assert cells[1].metadata.tags == ["parameters"]
    assert "real_machine = False" in cells[1].source


def test_an_upgrade_goes_back_when_something_is_wrong_afterwards(
    tmp_path: Path, path_without_nix: str
) -> None:
    path = path_to("new", path_without_nix)
    done = run(tmp_path, "upgrade", path, afterwards="test -e /nowhere", record="record.json")
    assert done.returncode != 0
    assert "RequirementFailed: 1 of 2 requirements is not met" in done.stderr
    told = steps(tmp_path)
    assert told["Switch"]["verdict"] == "done"
    failed = told["Look whether all is well"]
    assert failed["verdict"] == "failed" and "test -e /nowhere" in failed["error"]
    assert "Generation 5 is current and running." in failed["put_back"]
    deeds = [line["deed"] for line in record(tmp_path) if line["event"] == "deed"]
    assert [(d["operation"], d["to_number"]) for d in deeds] == [
        ("update", None),
        ("rebuild", 6),
        ("rollback", 5),
    ]
    text = shown(tmp_path)
    assert "Look whether all is well: FAILED after" in text
    assert "Put back what the runbook began with." in text


def test_an_upgrade_whose_switch_fails_is_put_back_by_the_switch(
    tmp_path: Path, path_without_nix: str
) -> None:
    path = path_to("new", path_without_nix)
    done = run(tmp_path, "upgrade", path, expect="test -e /nowhere")
    assert done.returncode != 0
    assert "ChangeFailed" in done.stderr
    switch = steps(tmp_path)["Switch"]
    assert switch["verdict"] == "failed"
    assert switch["put_back"].startswith("Nothing was put back: what the runbook began with is")
    outcomes = [line["deed"]["outcome"] for line in record(tmp_path) if line["event"] == "deed"]
    assert outcomes == ["done", "failed, restored"]
    checks = [line["evidence"] for line in record(tmp_path) if line["event"] == "evidence"]
    assert any(c["kind"] == "check" and c["verdict"] == "failed" for c in checks)


def test_nobody_who_is_away_gets_to_see_progress(tmp_path: Path, path_without_nix: str) -> None:
    done = run(tmp_path, "audit", path_without_nix, progress="auto")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "done.ipynb").read_text().count("lx-progress") == 0
    assert "widget-view" not in (tmp_path / "done.ipynb").read_text()


def test_what_broke_is_found_by_activating_too(tmp_path: Path, path_without_nix: str) -> None:
    done = run(tmp_path, "find-what-broke", path_without_nix, activate=True)
    assert done.returncode == 0, done.stderr[-3000:]
    text = shown(tmp_path)
    assert "generation 5 is passed over" in text
    assert "good until 6, bad from 7" in text
    assert {step["verdict"] for step in steps(tmp_path).values()} == {"done"}

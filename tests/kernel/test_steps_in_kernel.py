"""Steps in a real kernel: await, interrupts, a kernel that dies, what a runner gets to see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.driver import Kernel, a_kernel


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with a_kernel(tmp_path, LUMINOUS_NIX_PROGRESS="none") as kernel:
        kernel.run("%load_ext luminous_nix_ipy")
        yield kernel


def last_told(folder: Path) -> dict[str, dict[str, Any]]:
    """What the one record says last of each step."""
    (file,) = (folder / "state/runbooks").iterdir()
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return {line["step"]["title"]: line["step"] for line in lines if line["event"] == "step"}


def test_a_step_awaits_displays_and_fails_as_a_cell_does(kernel: Kernel) -> None:
    cell = kernel.run(
        """
        %%nix step "Wait a little"
        import asyncio
        here = asyncio.get_running_loop()
        await asyncio.sleep(0.1)
        "the last value"
        """
    )
    assert cell.status == "ok"
    assert cell.contents("execute_result")[0]["data"]["text/plain"] == "'the last value'"
    (line,) = cell.contents("display_data")
    assert line["data"]["text/plain"].startswith("Step 1, Wait a little: done in ")
    assert "Wait a little: done in" in line["data"]["text/html"]

    cell = kernel.run("%%nix step Fail\nawait asyncio.sleep(0)\n1 / 0\n")
    assert cell.status == "ZeroDivisionError"
    (error,) = cell.contents("error")
    assert "ipython-input" in str(error["traceback"]) or "Cell" in str(error["traceback"])
    assert "luminous_nix_ipy" not in str(error["traceback"])
    assert "FAILED" in cell.contents("display_data")[0]["data"]["text/plain"]


@pytest.mark.parametrize("body", ["import time\ntime.sleep(500)", "await asyncio.sleep(500)"])
def test_an_interrupted_step_is_recorded_as_such(kernel: Kernel, body: str) -> None:
    kernel.run("import asyncio")
    cell = kernel.send(f"%%nix step Sleep\nprint('asleep')\n{body}\n")
    kernel.wait(lambda: "asleep" in cell.printed())
    time.sleep(0.2)
    kernel.interrupt()
    kernel.wait(lambda: cell.ended)
    assert cell.status in ("KeyboardInterrupt", "CancelledError")
    assert "INTERRUPTED after" in cell.contents("display_data")[-1]["data"]["text/plain"]
    assert last_told(kernel.folder)["Sleep"]["verdict"] == "interrupted"


def test_a_kernel_that_died_leaves_what_was_done(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("%nix runbook start night")
    kernel.run("%%nix step First\n1\n")
    cell = kernel.send("%%nix step Second\nimport os\nprint('now')\nos.kill(os.getpid(), 9)\n")
    kernel.wait(lambda: "Second" in (last_told(kernel.folder)))
    kernel.manager.shutdown_kernel(now=True)
    assert not cell.ended
    told = last_told(kernel.folder)
    assert (told["First"]["verdict"], told["Second"]["verdict"]) == ("done", "running")
    with a_kernel(tmp_path, LUMINOUS_NIX_PROGRESS="none") as later:
        later.run("%load_ext luminous_nix_ipy")
        shown = later.run("%nix runbook").contents("execute_result")[0]["data"]["text/plain"]
    assert "Runbook night: CUT OFF, 2 steps" in shown
    assert "newest record" in shown


def test_run_all_stops_at_a_requirement(kernel: Kernel) -> None:
    cells = [
        kernel.send(text)
        for text in ("%nix runbook start all", "%nix require --host elsewhere", "x = 1")
    ]
    kernel.wait(lambda: all(cell.reply for cell in cells) and cells[1].contents("error"))
    assert [cell.reply["status"] for cell in cells] == ["ok", "error", "aborted"]
    (error,) = cells[1].contents("error")
    assert error["ename"] == "RequirementFailed" and len(error["traceback"]) == 1

"""Jobs in a real ipykernel: they go on after their cell, and their button ends them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.driver import PATIENCE, Cell, Kernel, a_kernel
from tests.kernel.notebook import run
from tests.playground import path_without_nix

SETUP = """
%load_ext luminous_nix_ipy
import asyncio
from luminous_nix_ipy import jobs
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.tools.process import run

def child(*argv):
    progress = Progress()
    async def work():
        await run(argv, on_line=lambda _, line: progress.update(line))
        return "the child ended itself"
    return jobs.start("child", progress, work(), get_ipython())
"""
SLEEP = "job = child('sh', '-c', 'echo pid $$; sleep {seconds}')"
TAKES_S = 2.5


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    variables = {"PATH": path_without_nix(folder / "bin"), "TMPDIR": str(folder)}
    with a_kernel(folder, **variables) as started:
        assert run(started, SETUP).status == "ok"
        yield started


def test_the_display_of_a_job_goes_on_after_its_cell(notebook: Kernel) -> None:
    cell = notebook.run(SLEEP.format(seconds=1))
    assert cell.status == "ok"
    still, live = cell.contents("display_data")
    assert "application/vnd.jupyter.widget-view+json" in live["data"]
    assert not ended(cell)
    notebook.wait(lambda: ended(cell))
    last = cell.contents("update_display_data")[-1]
    assert last["transient"]["display_id"] == still["transient"]["display_id"]
    assert list(last["data"]) == ["text/plain", "text/html"]
    assert last["data"]["text/plain"].startswith("child done in 1")
    assert run(notebook, "job.state").result == "'done'"


def test_the_cancel_button_ends_the_child(notebook: Kernel) -> None:
    cell = notebook.run(SLEEP.format(seconds=300))
    pid = child_pid(notebook)
    button = widget(cell, "ButtonModel")
    click(notebook, button)
    clicked = time.monotonic()
    wait_for(lambda: not alive(pid))
    assert time.monotonic() - clicked < TAKES_S
    notebook.wait(lambda: ended(cell))
    assert "cancelled" in cell.contents("update_display_data")[-1]["data"]["text/plain"]
    reply = run(notebook, "await job")
    assert reply.ename == "NixError"
    assert "was cancelled" in reply.traceback
    assert "jobs.py" not in reply.traceback


def test_awaiting_gives_the_result_and_an_interrupt_ends_the_waiting_only(notebook: Kernel) -> None:
    go = notebook.folder / "go"
    # Bounded, so that a kernel that is killed leaves nothing behind for ever.
    until = f"n=0; until [ -e {go} ] || [ $n = 600 ]; do sleep 0.1; n=$((n + 1)); done"
    assert run(notebook, f"job = child('sh', '-c', 'echo pid $$; {until}')").status == "ok"
    pid = child_pid(notebook)
    waiting = notebook.send("print('waiting', flush=True)\nawait job")
    notebook.wait(lambda: "waiting" in waiting.printed())
    notebook.interrupt()
    notebook.wait(lambda: waiting.ended)
    assert waiting.status in ("CancelledError", "KeyboardInterrupt")
    assert alive(pid)
    blocked = notebook.send("print('waiting', flush=True)\njob.result()")
    notebook.wait(lambda: "waiting" in blocked.printed())
    notebook.interrupt()
    notebook.wait(lambda: blocked.ended)
    assert blocked.status == "KeyboardInterrupt"
    assert alive(pid)
    go.touch()
    assert run(notebook, "await job").result == "'the child ended itself'"


def test_a_job_is_no_obstacle_to_other_cells(notebook: Kernel) -> None:
    assert run(notebook, SLEEP.format(seconds=300)).status == "ok"
    pid = child_pid(notebook)
    assert run(notebook, "x = %nix jobs\nx.state[0]").result == "'running'"
    assert "await it, or end it: %nix jobs --cancel" in run(notebook, "job").result
    number = run(notebook, "job.number").result
    assert run(notebook, f"%nix jobs --cancel {number}").status == "ok"
    wait_for(lambda: not alive(pid))


def test_a_real_change_in_the_background(notebook: Kernel) -> None:
    started = run(notebook, "%nix playground start")
    assert started.status == "ok", started
    assert run(notebook, "job = %nix rollback --yes --bg").status == "ok"
    reply = run(notebook, "await job")
    assert reply.status == "ok", reply
    assert "Done: Generation" in reply.result
    assert run(notebook, "%nix rollback --bg").ename == "UsageError"
    assert run(notebook, "%nix playground stop").status == "ok"


def test_without_widgets_the_display_is_text(tmp_path: Path) -> None:
    variables = {"PATH": path_without_nix(tmp_path / "bin"), "LUMINOUS_NIX_PROGRESS": "text"}
    with a_kernel(tmp_path, **variables) as notebook:
        assert run(notebook, SETUP).status == "ok"
        cell = notebook.run(SLEEP.format(seconds=0.2))
        notebook.wait(lambda: ended(cell))
        (shown,) = cell.contents("display_data")
        assert "application/vnd.jupyter.widget-view+json" not in shown["data"]
        # Unloading ends what still runs.
        assert run(notebook, SLEEP.format(seconds=300)).status == "ok"
        pid = child_pid(notebook)
        assert run(notebook, "%unload_ext luminous_nix_ipy").status == "ok"
        wait_for(lambda: not alive(pid))


def child_pid(notebook: Kernel) -> int:
    """The pid that the child told as its progress."""
    while not (said := run(notebook, "job.message").result.strip("'")).startswith("pid "):
        time.sleep(0.05)
    return int(said.split()[1])


def ended(cell: Cell) -> bool:
    return any(
        c["data"]["text/plain"].startswith(("child done", "child failed"))
        for c in cell.contents("update_display_data")
    )


def widget(cell: Cell, model: str) -> str:
    """The comm of the one widget of this model that a cell made."""
    (comm,) = [
        content["comm_id"]
        for content in cell.contents("comm_open")
        if content["data"]["state"].get("_model_name") == model
    ]
    return str(comm)


def click(notebook: Kernel, comm: str) -> None:
    """What a frontend sends when a button is clicked (ipywidgets, the custom message)."""
    data: dict[str, Any] = {"method": "custom", "content": {"event": "click"}}
    message = notebook.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    notebook.client.shell_channel.send(message)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

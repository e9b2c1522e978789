"""Coroutines, interrupts and progress in a real ipykernel."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel.driver import Cell, Kernel, a_kernel

WIDGET = "application/vnd.jupyter.widget-view+json"

IMPORTS = """
import asyncio, os, sys, time
from pathlib import Path
from luminous_nix_ipy import loop
from luminous_nix_ipy.backend import shield
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.tools.process import run
from luminous_nix_ipy.widgets.progress import painter_for

def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
"""

SLEEPER = """
pids = []
def started(stream, line):
    pids.append(int(line))
    print("started")
async def sleeper(ignore=""):
    code = f"import os, signal, time; {ignore}print(os.getpid(), flush=True); time.sleep(600)"
    await run([sys.executable, "-c", code], on_line=started)
stubborn = "signal.signal(2, 1); signal.signal(15, 1); "
"""

ACTIVATION = """
async def activation():
    print("started")
    while not os.path.exists("go"):
        await asyncio.sleep(0.01)
    return "activated"
job = None
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with a_kernel(tmp_path_factory.mktemp("kernel")) as kernel:
        assert kernel.run(IMPORTS + SLEEPER + ACTIVATION).status == "ok"
        yield kernel


@pytest.fixture(scope="module")
def nesting_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("nesting")
    with a_kernel(folder, LUMINOUS_NIX_LOOP="nested") as kernel:
        assert kernel.run(IMPORTS + SLEEPER + ACTIVATION).status == "ok"
        yield kernel


@pytest.fixture(params=["thread", "nested"])
def either(request: pytest.FixtureRequest) -> Kernel:
    """A kernel that runs coroutines on the private loop, and one that nests them."""
    name = "kernel" if request.param == "thread" else "nesting_kernel"
    return request.getfixturevalue(name)  # type: ignore[no-any-return]


def bars(cell: Cell) -> list[float]:
    """The values that the widget's bar took."""
    states = [c["data"].get("state", {}) for c in cell.contents("comm_msg")]
    return [state["value"] for state in states if isinstance(state.get("value"), float)]


def has_printed(word: str, name: str = "stdout"):  # type: ignore[no-untyped-def]
    return lambda cell: word in cell.printed(name)


def test_live_updates_arrive_while_the_program_runs(either: Kernel) -> None:
    cell = either.run(
        """
        progress = Progress(painter=painter_for(get_ipython()))
        script = '''for i in 1 2 3 4 5; do echo $i; sleep 0.15; done
        n=0; until [ -e seen ] || [ $n = 600 ]; do sleep 0.05; n=$((n + 1)); done; echo 9'''
        async def work():
            progress.begin("build")
            await run(["sh", "-c", script],
                      on_line=lambda s, line: progress.update(f"step {line}", int(line) / 10))
            progress.finish("all built")
        loop.run(work())
        """,
        until=lambda cell: 0.5 in bars(cell),
    )
    assert not cell.reply, "0.5 was shown while the program waited to be told that it was"
    (either.folder / "seen").touch()
    either.wait(lambda: cell.ended)
    (either.folder / "seen").unlink()
    assert cell.status == "ok"
    assert len(bars(cell)) >= 4
    assert bars(cell) == sorted(bars(cell))
    still, live = cell.contents("display_data")
    assert still["data"].keys() == {"text/plain", "text/html"}
    assert live["data"].keys() >= {WIDGET, "text/plain", "text/html"}
    *stills, emptied, left = cell.contents("update_display_data")
    assert all(other["transient"] == still["transient"] for other in (*stills, left))
    assert emptied["transient"] == live["transient"]
    assert emptied["data"] == {"text/plain": "", "text/html": ""}
    assert left["data"].keys() == {"text/plain", "text/html"}
    assert left["data"]["text/plain"].startswith("build done in ")
    assert cell.contents("stream") == []


@pytest.mark.parametrize("ignore", ["", "stubborn"])
def test_an_interrupt_ends_the_program_and_the_next_cell_works(either: Kernel, ignore: str) -> None:
    cell = either.run(
        f"""
        try:
            loop.run(sleeper({ignore}))
        except KeyboardInterrupt:
            print("interrupted", time.time(), gone(pids[-1]))
        """,
        until=has_printed("started"),
    )
    sent = either.interrupt()
    either.wait(lambda: cell.ended)
    _, caught, gone = cell.printed().split("started\n")[1].split()
    assert gone == "True"
    assert float(caught) - sent < 2.5
    assert either.run("print(loop.run(asyncio.sleep(0, 'next')))").printed() == "next\n"


def test_an_interrupt_is_a_keyboard_interrupt_of_the_cell(either: Kernel) -> None:
    cell = either.run("loop.run(sleeper())", until=has_printed("started"))
    either.interrupt()
    either.wait(lambda: cell.ended)
    assert cell.status == "KeyboardInterrupt"
    assert cell.contents("error")[0]["traceback"] == ["KeyboardInterrupt: interrupted"]


def test_an_interrupted_await_ends_the_program_too(kernel: Kernel) -> None:
    # ipykernel hears the interrupt of an await when its loop next wakes, which an idle one does not
    # (tornado's IOLoop.add_callback, called in a signal handler): so something must go on.
    cell = kernel.run(
        """
        async def ticking():
            while True:
                await asyncio.sleep(0.05)
        await asyncio.gather(sleeper(), ticking())
        """,
        until=has_printed("started"),
    )
    kernel.interrupt()
    kernel.wait(lambda: cell.ended)
    assert cell.status in ("CancelledError", "KeyboardInterrupt")
    assert kernel.run("print(gone(pids[-1]))").printed() == "True\n"


def test_one_interrupt_of_an_activation_only_says_so(either: Kernel) -> None:
    cell = either.run(
        "print(loop.run(shield.protect(activation(), 'activation')))", until=has_printed("started")
    )
    either.interrupt()
    either.wait(lambda: has_printed("interrupt again to detach", "stderr")(cell))
    assert not cell.reply
    (either.folder / "go").touch()
    either.wait(lambda: cell.ended)
    (either.folder / "go").unlink()
    assert (cell.status, cell.printed()) == ("ok", "started\nactivated\n")


def test_a_second_interrupt_detaches_and_the_activation_completes(either: Kernel) -> None:
    cell = either.run(
        """
        ended = []
        async def work():
            ended.append(await shield.protect(activation(), "activation"))
        loop.run(work())
        """,
        until=has_printed("started"),
    )
    either.interrupt()
    either.wait(lambda: has_printed("interrupt again to detach", "stderr")(cell))
    either.interrupt()
    either.wait(lambda: cell.ended)
    assert cell.status == "KeyboardInterrupt"
    assert "goes on without this cell" in cell.printed("stderr")
    assert either.run("print(shield.active(), ended)").printed() == "('activation',) []\n"
    (either.folder / "go").touch()
    after = either.run(
        """
        while shield.active():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        print(ended)
        """
    )
    (either.folder / "go").unlink()
    assert after.printed() == "['activated']\n"


def test_an_awaited_activation_is_not_cancelled_by_an_interrupt(kernel: Kernel) -> None:
    cell = kernel.run(
        """
        ended = []
        async def work():
            ended.append(await activation())
        await shield.protect(work(), "activation")
        """,
        until=has_printed("started"),
    )
    kernel.interrupt()
    (kernel.folder / "go").touch()
    kernel.wait(lambda: cell.ended)
    (kernel.folder / "go").unlink()
    assert kernel.run("print(ended)").printed() == "['activated']\n"


def test_run_all_loses_no_cell(either: Kernel) -> None:
    cells = [either.send("print(loop.run(asyncio.sleep(0.5, 'first')))")]
    cells += [either.send(f"print({number})") for number in (2, 3, 4)]
    either.wait(lambda: all(cell.ended for cell in cells))
    assert [cell.printed() for cell in cells] == ["first\n", "2\n", "3\n", "4\n"]


def test_the_nested_way_awaits_what_the_notebooks_loop_made(nesting_kernel: Kernel) -> None:
    cell = nesting_kernel.run(
        """
        bound = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.1, bound.set_result, "connected")
        async def work():
            return await bound
        print(loop.run(work()))
        """
    )
    assert cell.printed() == "connected\n"


@pytest.mark.skipif(
    int(metadata.version("ipykernel").split(".")[0]) < 7,
    reason="ipykernel 6 shows what a thread displays in the cell that runs; install 7 or later",
)
def test_what_a_job_shows_goes_to_the_cell_that_started_it(kernel: Kernel) -> None:
    first = kernel.run(
        """
        async def work():
            progress = Progress(painter=painter_for(get_ipython()))
            while not os.path.exists("second"):
                await asyncio.sleep(0.01)
            progress.begin("job")
            progress.update("working", 0.5)
            print("from the job")
            progress.finish("job done")
        job = loop.submit(work())
        """
    )
    second = kernel.run("Path('second').touch(); print('second'); job.result()")
    kernel.wait(lambda: bool(first.contents("update_display_data")))
    assert (second.status, second.printed()) == ("ok", "second\n")
    assert second.contents("display_data") == []
    assert len(first.contents("display_data")) == 2  # the panel, and its still
    assert first.printed() == "from the job\n"


SUMMARY = """
from IPython import get_ipython
from luminous_nix_ipy import loop
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.widgets.progress import painter_for
async def work():
    progress = Progress(painter=painter_for(get_ipython()))
    progress.begin("rollback")
    progress.update("activating", 0.5)
    progress.finish("Now at generation 41.")
loop.run(work())
"""


@pytest.mark.parametrize("mode", ["auto", "text", "none"])
def test_a_saved_notebook_holds_only_the_static_summary(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", mode)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SUMMARY)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = notebook.cells[0].outputs
    if mode == "none":
        assert outputs == []
        return
    output, *emptied = outputs
    assert all(other.data == {"text/plain": "", "text/html": ""} for other in emptied)
    assert output.data.keys() == {"text/plain", "text/html"}
    assert output.data["text/plain"].endswith(": Now at generation 41.")
    assert "<progress" in output.data["text/html"]

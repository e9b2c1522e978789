"""Nesting is refused where it goes wrong, and works elsewhere, in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest

from luminous_nix_ipy import nested
from luminous_nix_ipy.errors import Refused


class World:
    """The packages that are installed, as nested.py sees them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.installed = {"nest-asyncio": "1.6.0", "nest-asyncio2": "1.7.4", "ipykernel": "7.4.0"}
        self.applied: list[str] = []
        monkeypatch.setattr(metadata, "version", self._version)
        monkeypatch.setattr(nested, "_package", self._package(nested._package))
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))

    def _version(self, name: str) -> str:
        if name not in self.installed:
            raise metadata.PackageNotFoundError(name)
        return self.installed[name]

    def _package(self, real: Any) -> Any:
        def choose(loop: asyncio.BaseEventLoop) -> Any:
            chosen = real(loop)
            self.applied.append(chosen.__name__)
            stand_in = ModuleType(chosen.__name__)
            stand_in.apply = lambda loop: None  # type: ignore[attr-defined]
            return stand_in

        return choose

    def python(self, *version: int) -> None:
        self._monkeypatch.setattr(sys, "version_info", version)

    def choice(self) -> str:
        """The package that would be applied to a fresh loop."""
        loop = asyncio.new_event_loop()
        try:
            nested._apply(loop)
        finally:
            loop.close()
        return self.applied[-1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize("version", ["1.7.3", "1.7.4", "1.10", "2.0.0rc1"])
def test_nest_asyncio2_is_preferred_from_its_safe_version_on(world: World, version: str) -> None:
    world.installed["nest-asyncio2"] = version
    world.installed["ipykernel"] = "6.29.5"
    assert world.choice() == "nest_asyncio2"


@pytest.mark.parametrize("second", [None, "1.7.2"])
def test_nest_asyncio_serves_where_it_is_known_to_work(world: World, second: str | None) -> None:
    del world.installed["nest-asyncio2"]
    if second:
        world.installed["nest-asyncio2"] = second
    world.installed["ipykernel"] = "7.0.1"
    assert world.choice() == "nest_asyncio"


@pytest.mark.parametrize("second", [None, "1.7.2"])
def test_it_is_refused_on_an_ipykernel_where_it_loses_cells(
    world: World, second: str | None
) -> None:
    del world.installed["nest-asyncio2"]
    if second:
        world.installed["nest-asyncio2"] = second
    world.installed["ipykernel"] = "7.1.0"
    with pytest.raises(Refused, match="loses the cells that are queued") as caught:
        world.choice()
    assert "nest-asyncio2 1.7.3" in caught.value.todo[0]


def test_it_is_refused_on_a_python_where_it_breaks_asyncio(world: World) -> None:
    del world.installed["nest-asyncio2"]
    world.installed["ipykernel"] = "6.29.5"
    world.python(3, 14, 0)
    with pytest.raises(Refused, match=r"breaks asyncio\.current_task"):
        world.choice()


def test_a_loop_that_the_old_package_has_patched_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio.SelectorEventLoop, "_nest_patched", True, raising=False)
    with pytest.raises(Refused) as caught:
        world.choice()
    assert "Restart the kernel" in caught.value.todo[0]


def test_no_package_at_all_is_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    del world.installed["nest-asyncio2"]
    world.installed["ipykernel"] = "6.29.5"
    monkeypatch.setitem(sys.modules, "nest_asyncio", None)
    with pytest.raises(Refused, match="No nest-asyncio is installed"):
        world.choice()


def test_a_loop_that_is_not_asyncios_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign(asyncio.AbstractEventLoop):
        __module__ = "uvloop"

    async def work() -> None: ...

    monkeypatch.setattr(nested, "_loop", Foreign)
    coroutine = work()
    with pytest.raises(Refused, match=r"event loop \(uvloop\)"):
        nested.run(coroutine)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        coroutine.send(None)


PREAMBLE = """
import asyncio, os, signal, sys, threading, time
from luminous_nix_ipy import nested
from luminous_nix_ipy.backend import shield
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.tools.process import run

def interrupt_later(*seconds):
    def send():
        for pause in seconds:
            time.sleep(pause)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    threading.Thread(target=send).start()

async def cell(work):  # as a cell calls a magic: synchronously, on the running loop
    try:
        print(nested.run(work))
    except KeyboardInterrupt:
        print("KeyboardInterrupt")
"""


def in_a_process(script: str) -> list[str]:
    """The lines that a script prints in a Python of its own, since nesting patches asyncio."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return (done.stdout + done.stderr).splitlines()


def test_import_patches_nothing() -> None:
    assert in_a_process("print(hasattr(asyncio, '_nest_patched'))") == ["False"]


def test_it_awaits_what_is_bound_to_the_notebooks_own_loop() -> None:
    lines = in_a_process("""
        async def main():
            bound = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.1, bound.set_result, "from the cell's loop")
            async def work():
                return await bound
            await cell(work())
        asyncio.run(main())
        """)
    assert lines == ["from the cell's loop"]


def test_it_runs_programs_and_raises_errors() -> None:
    lines = in_a_process("""
        async def main():
            async def work():
                return (await run(["echo", "hello"])).stdout.strip()
            await cell(work())
            async def fail():
                raise NixError("no")
            try:
                await cell(fail())
            except NixError as error:
                print("raised", error)
        asyncio.run(main())
        """)
    assert lines == ["hello", "raised no"]


def test_it_works_where_no_loop_runs() -> None:
    lines = in_a_process("""
        async def work():
            await asyncio.sleep(0.01)
            return "in a terminal"
        print(nested.run(work()))
        print(nested.run(work()))
        """)
    assert lines == ["in a terminal"] * 2


def test_interrupt_cancels_after_the_clean_up_and_the_next_cell_works() -> None:
    lines = in_a_process("""
        pids = []
        async def work():
            script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
            def seen(stream, line):
                pids.append(int(line))
                interrupt_later(0.2)
            await run([sys.executable, "-c", script], on_line=seen)
        async def main():
            await cell(work())
            print("alive" if os.path.exists(f"/proc/{pids[0]}") else "dead")
            await cell(asyncio.sleep(0, "next"))
            print(signal.getsignal(signal.SIGINT).__name__)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        """)
    assert lines == ["KeyboardInterrupt", "dead", "next", "default_int_handler"]


def test_interrupts_in_a_critical_section_warn_then_detach() -> None:
    lines = in_a_process("""
        async def activate():
            interrupt_later(0.2, 0.3)
            await asyncio.sleep(1.5)
            print("activated")
        async def main():
            await cell(shield.protect(activate(), "activation"))
            print("the cell is free")
            while shield.active():
                await asyncio.sleep(0.01)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        """)
    assert lines == [
        "KeyboardInterrupt",
        "the cell is free",
        "activated",
        "activation in progress; interrupt again to detach.",
        "activation goes on without this cell.",
    ]


def test_a_coroutine_that_cancels_itself_is_a_sentence() -> None:
    lines = in_a_process("""
        async def work():
            raise asyncio.CancelledError
        async def main():
            try:
                await cell(work())
            except NixError as error:
                print(error)
        asyncio.run(main())
        """)
    assert lines == ["The operation was cancelled before it ended."]

"""The private loop: runs, cancels, detaches, refuses, and stops with nothing left behind."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from luminous_nix_ipy import loop, settings
from luminous_nix_ipy.backend import shield
from luminous_nix_ipy.errors import NixError, Refused

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def fresh() -> Iterator[None]:
    loop.stop()
    yield
    loop.stop()


def interrupt_when(event: threading.Event, times: int = 1, every: float = 0.3) -> threading.Thread:
    """Send this process SIGINT as the kernel's interrupt does, once the event is set."""

    def send() -> None:
        assert event.wait(30)
        for _ in range(times):
            time.sleep(every)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "luminous-nix"]


async def where() -> threading.Thread:
    return threading.current_thread()


def test_a_coroutine_runs_on_one_private_thread_started_lazily() -> None:
    assert loop_threads() == []
    first = loop.run(where())
    assert first is not threading.main_thread()
    assert loop.run(where()) is first
    assert loop_threads() == [first]


def test_results_and_errors_come_back() -> None:
    async def fail() -> None:
        raise Refused("no")

    assert loop.run(asyncio.sleep(0, "result")) == "result"
    with pytest.raises(Refused, match="no"):
        loop.run(fail())


def test_it_works_while_this_threads_own_loop_runs() -> None:
    async def cell() -> str:
        return loop.run(asyncio.sleep(0.01, "from inside"))

    assert asyncio.run(cell()) == "from inside"


def test_the_context_of_the_caller_is_carried() -> None:
    variable = contextvars.ContextVar("variable", default="none")

    async def read() -> str:
        return variable.get()

    variable.set("this cell")
    assert loop.run(read()) == "this cell"
    assert loop.submit(read()).result(30) == "this cell"


def test_waiting_on_the_loops_own_thread_is_refused() -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        loop.run(inner())

    with pytest.raises(Refused, match="thread that has to run it"):
        loop.run(outer())


def test_a_browser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(Refused, match="runs in a browser"):
        loop.run(where())


def test_interrupt_cancels_waits_for_the_clean_up_and_raises() -> None:
    started = threading.Event()
    cleaned: list[str] = []

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.2)
            cleaned.append("up")

    sender = interrupt_when(started)
    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert cleaned == ["up"]
    sender.join()
    assert loop.run(asyncio.sleep(0, "the next cell")) == "the next cell"


def test_a_second_interrupt_stops_the_waiting_for_the_clean_up() -> None:
    started, ended = threading.Event(), threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(2)
            ended.set()

    sender = interrupt_when(started, times=2)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert not ended.is_set()
    assert time.monotonic() - began < 2
    sender.join()
    assert ended.wait(30)


def test_a_clean_up_that_takes_too_long_is_not_awaited_for_ever(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "CLEANUP", 0.3)
    started, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.to_thread(go_on.wait, 30)

    sender = interrupt_when(started)
    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert "has not ended yet" in capsys.readouterr().err
    go_on.set()
    sender.join()


def critical_work(started: threading.Event, done: list[str], seconds: float):  # type: ignore[no-untyped-def]
    async def activate() -> str:
        started.set()
        await asyncio.sleep(seconds)
        done.append("activated")
        return "result"

    return shield.protect(activate(), "activation")


def test_one_interrupt_in_a_critical_section_only_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    started, done = threading.Event(), list[str]()
    sender = interrupt_when(started)
    assert loop.run(critical_work(started, done, 1.0)) == "result"
    sender.join()
    assert done == ["activated"]
    assert capsys.readouterr().err == "activation in progress; interrupt again to detach.\n"


def test_the_second_interrupt_in_a_critical_section_detaches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    started, done = threading.Event(), list[str]()
    sender = interrupt_when(started, times=2)
    with pytest.raises(KeyboardInterrupt):
        loop.run(critical_work(started, done, 2.0))
    assert done == []
    assert shield.active() == ("activation",)
    sender.join()
    assert "goes on without this cell" in capsys.readouterr().err
    loop.stop()  # waits for the section, although everything is cancelled
    assert done == ["activated"]


def test_an_interrupt_after_the_section_cancels_again() -> None:
    started, done = threading.Event(), list[str]()

    async def work() -> None:
        await critical_work(threading.Event(), done, 0.01)
        started.set()
        await asyncio.sleep(60)

    sender = interrupt_when(started)
    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    assert done == ["activated"]
    sender.join()


def test_a_cancel_in_a_critical_section_comes_after_it() -> None:
    async def body() -> None:
        steps: list[str] = []

        async def work() -> None:
            with shield.critical("outer"), shield.critical("inner"):
                await asyncio.sleep(0.2)
                steps.append("section")
            steps.append("synchronous rest")
            await asyncio.sleep(60)
            steps.append("never")

        async def parent() -> None:
            await asyncio.create_task(work())

        task = asyncio.create_task(parent())
        await asyncio.sleep(0.05)
        assert shield.active() == ("outer", "inner")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert steps == ["section", "synchronous rest"]
        assert shield.active() == ()

    asyncio.run(body())


def test_a_task_that_ends_with_its_critical_section_has_its_result() -> None:
    async def body() -> None:
        task = asyncio.create_task(critical_work(threading.Event(), [], 0.2))
        await asyncio.sleep(0.05)
        task.cancel()
        assert await task == "result"

    asyncio.run(body())


def test_timeouts_and_the_end_of_asyncio_run_wait_for_a_critical_section() -> None:
    done: list[str] = []

    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await critical_work(threading.Event(), done, 0.2)
                await asyncio.sleep(60)
        assert done == ["activated"]
        left = asyncio.create_task(critical_work(threading.Event(), done, 0.2))
        await asyncio.sleep(0.05)
        assert not left.done()

    asyncio.run(body())
    assert done == ["activated"] * 2


def test_a_cancel_before_the_section_stops_it() -> None:
    async def body() -> None:
        started = threading.Event()
        task = asyncio.create_task(critical_work(started, [], 0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not started.is_set()

    asyncio.run(body())


def test_a_submitted_job_can_be_cancelled_and_awaited() -> None:
    cleaned: list[str] = []
    started = threading.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("up")

    job = loop.submit(work())
    assert started.wait(30)
    assert job.cancel()
    with pytest.raises(CancelledError):
        job.result(30)
    assert cleaned == ["up"]
    assert not job.cancel()
    assert job.cancelled()

    async def cell() -> str:
        return await asyncio.wrap_future(loop.submit(asyncio.sleep(0.01, "awaited")))

    assert asyncio.run(cell()) == "awaited"


def test_stop_cancels_what_runs_and_a_later_run_starts_anew() -> None:
    started = threading.Event()
    outcome: list[BaseException] = []

    async def work() -> None:
        started.set()
        await asyncio.sleep(60)

    def cell() -> None:
        try:
            loop.run(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=cell)
    thread.start()
    assert started.wait(30)
    loop.stop()
    thread.join(30)
    assert isinstance(outcome[0], NixError)
    assert loop_threads() == []
    assert loop.run(asyncio.sleep(0, "again")) == "again"


def test_a_coroutine_that_exits_ends_no_other() -> None:
    async def leave() -> None:
        sys.exit(3)

    other = loop.submit(asyncio.sleep(0.2, "other"))
    with pytest.raises(RuntimeError, match=r"called exit\(\)"):
        loop.run(leave())
    assert other.result(30) == "other"


def test_a_forked_child_starts_a_loop_of_its_own() -> None:
    loop.run(where())
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if loop.run(asyncio.sleep(0, "child")) == "child" else 1
        finally:
            os._exit(code)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


def test_the_setting_sends_coroutines_to_the_nested_way(monkeypatch: pytest.MonkeyPatch) -> None:
    from luminous_nix_ipy import nested

    seen: list[object] = []

    def run(work: object) -> str:
        seen.append(work)
        return "nested"

    monkeypatch.setattr(nested, "run", run)
    monkeypatch.setenv("LUMINOUS_NIX_LOOP", "nested")
    assert settings.get("loop") == "nested"
    work = where()
    assert loop.run(work) == "nested"  # type: ignore[comparison-overlap]
    assert seen == [work]
    assert loop_threads() == []
    work.close()

"""Programs are run, streamed, cancelled and timed out, and none is ever left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools.process import Completed, Conversation, converse, plain, run

PYTHON = sys.executable


def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine, debug=True)


def gone(pid: int) -> bool:
    """No such process, or one that has ended and belongs to somebody else to reap."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z" and int(parent) != os.getpid()


def soon(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def sleeper(stubborn: bool = False) -> list[str]:
    """A program that says its pid and sleeps."""
    ignore = "import signal; signal.signal(2, 1); signal.signal(15, 1);" if stubborn else ""
    return [
        PYTHON,
        "-c",
        f"import os, time; {ignore} print(os.getpid(), flush=True); time.sleep(60)",
    ]


class Pids:
    """Collects the pids that programs print."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.event = asyncio.Event()

    def __call__(self, stream: str, line: str) -> None:
        self.pids += [int(word) for word in line.split()]
        self.event.set()


def test_output_status_and_duration_are_returned() -> None:
    done = go(run(["sh", "-c", "echo out; echo err >&2; exit 3"], check=False))
    assert (done.argv[0], done.returncode, done.stdout, done.stderr) == ("sh", 3, "out\n", "err\n")
    assert 0 < done.duration < 60


def test_lines_of_both_streams_come_as_they_are_printed() -> None:
    script = (
        "import sys,time\nprint('one', flush=True); time.sleep(.3)\nprint('two', file=sys.stderr)"
    )
    seen: list[tuple[str, str, float]] = []
    go(run([PYTHON, "-c", script], on_line=lambda s, t: seen.append((s, t, time.monotonic()))))
    assert [(s, t) for s, t, _ in seen] == [("stdout", "one"), ("stderr", "two")]
    assert seen[1][2] - seen[0][2] >= 0.2


def test_line_ends_partial_lines_and_bytes_that_are_not_utf8() -> None:
    seen: list[str] = []
    argv = ["printf", r"a\r\n\n\377\nlast"]
    done: Completed = go(run(argv, on_line=lambda s, t: seen.append(t)))
    assert seen == ["a", "", "\ufffd", "last"]
    assert os.fsencode(done.stdout) == b"a\r\n\n\xff\nlast"


def test_a_line_of_megabytes_comes_whole() -> None:
    seen: list[int] = []
    script = "import sys; sys.stdout.write('x' * 5_000_000 + '\\nend\\n')"
    done = go(run([PYTHON, "-c", script], on_line=lambda s, t: seen.append(len(t))))
    assert seen == [5_000_000, 3]
    assert len(done.stdout) == 5_000_005


@pytest.mark.parametrize(("stream", "other"), [("stdout", "stderr"), ("stderr", "stdout")])
def test_keep_bounds_what_is_remembered_of_each_stream(stream: str, other: str) -> None:
    script = (
        f"import sys; sys.{stream}.write('x' * 300_000 + 'the end'); sys.{other}.write('whole')"
    )
    done = go(run([PYTHON, "-c", script], keep=7))
    assert getattr(done, stream) == "the end"
    assert getattr(done, other) == "whole"


def test_stdin_is_given_and_is_null_otherwise() -> None:
    assert go(run(["cat"], stdin="secret")).stdout == "secret"
    assert len(go(run(["cat"], stdin=b"x" * 1_000_000)).stdout) == 1_000_000
    assert go(run(["readlink", "/proc/self/fd/0"])).stdout == "/dev/null\n"


def test_stdin_that_is_not_read_does_no_harm() -> None:
    assert go(run(["true"], stdin=b"x" * 1_000_000)).returncode == 0


def test_the_environment_is_the_machines_and_path_is_searched_in_it(tmp_path: Any) -> None:
    machine = Machine(env={"NIX_STATE_DIR": "/somewhere"})
    assert go(run(["printenv", "NIX_STATE_DIR"], machine=machine)).stdout == "/somewhere\n"
    program = tmp_path / "our-own"
    program.write_text("#!/bin/sh\necho found $A\n")
    program.chmod(0o755)
    done = go(run(["our-own"], env={"PATH": f"{tmp_path}:/usr/bin:/bin", "A": "1"}))
    assert done.stdout == "found 1\n"


def test_the_program_leads_a_session_of_its_own() -> None:
    script = "import os; print(os.getsid(0) == os.getpid())"
    assert go(run([PYTHON, "-c", script], cwd="/")).stdout == "True\n"


@pytest.mark.parametrize(
    ("argv", "cwd", "words"),
    [
        ([], None, "No program was named"),
        (["no-such-program"], None, "No program no-such-program is in the folders of PATH"),
        (["/no/such/program"], None, "No such file"),
        (["/etc/passwd"], None, "Permission denied"),
        (["a\0b"], None, "null byte"),
        (["true"], "/no/such/folder", "/no/such/folder, is not there"),
    ],
)
def test_what_cannot_be_started_says_why(argv: list[str], cwd: str | None, words: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        go(run(argv, cwd=cwd))
    assert words in str(caught.value)
    assert caught.value.returncode is None


def test_failure_carries_argv_status_and_the_last_words_without_escapes() -> None:
    script = (
        r"for i in $(seq 30); do echo line $i >&2; done; printf '\033[31;1merror:\033[0m no\n' >&2"
    )
    with pytest.raises(CommandFailed) as caught:
        go(run(["sh", "-c", script + "; exit 7"]))
    error = caught.value
    assert (error.returncode, error.argv[:2]) == (7, ("sh", "-c"))
    assert "exit status 7" in error.what
    assert error.why.splitlines()[-2:] == ["line 30", "error: no"]
    assert "line 1\n" not in error.why
    assert "line 1\n" in error.stderr


def test_a_line_without_end_is_cut_in_the_last_words_alone() -> None:
    with pytest.raises(CommandFailed) as caught:
        go(run(["sh", "-c", "printf 'error: %09999d' 1 >&2; exit 1"]))
    error = caught.value
    assert error.why.startswith("error: 000") and error.why.endswith("0…")
    assert len(error.why) < 600 < 9999 < len(error.stderr)


@pytest.mark.parametrize(("number", "name"), [(15, "SIGTERM"), (40, "signal 40")])
def test_a_signal_is_named(number: int, name: str) -> None:
    with pytest.raises(CommandFailed, match=f"was ended by {name}"):
        go(run(["sh", "-c", f"kill -{number} $$"]))


def test_a_program_of_another_user_that_may_not_be_signalled_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(target: object, number: int) -> None:
        raise PermissionError

    async def body() -> int:
        pids = Pids()
        with monkeypatch.context() as patch, pytest.raises(CommandFailed, match="took longer"):
            patch.setattr(os, "killpg", refuse)
            patch.setattr(subprocess.Popen, "send_signal", refuse)
            await run(sleeper(), timeout=1, grace=0.1, on_line=pids)
        os.kill(pids.pids[0], signal.SIGKILL)
        return pids.pids[0]

    pid = go(body())
    assert soon(lambda: gone(pid))
    assert "not permitted to send SIGINT" in caplog.text


@pytest.mark.parametrize("stubborn", [False, True])
def test_timeout_ends_the_program_and_says_so(stubborn: bool) -> None:
    async def body() -> int:
        pids = Pids()
        with pytest.raises(CommandFailed, match=r"took longer than 1 s and was ended"):
            await run(sleeper(stubborn), timeout=1, grace=0.1, on_line=pids, check=False)
        return pids.pids[0]

    assert gone(go(body()))


@pytest.mark.parametrize("stubborn", [False, True])
def test_cancel_ends_the_program_within_the_time_promised(stubborn: bool) -> None:
    async def body() -> tuple[int, float]:
        pids = Pids()
        task = asyncio.create_task(run(sleeper(stubborn), on_line=pids))
        await pids.event.wait()
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids.pids[0], time.monotonic() - started

    pid, seconds = go(body())
    assert gone(pid)
    assert seconds < 2.5


def test_cancel_reaches_grandchildren_that_ignore_sigint() -> None:
    async def body() -> list[int]:
        pids = Pids()
        argv = [
            "sh",
            "-c",
            "sleep 60 & echo $$ $!; wait",
        ]  # a shell's background job ignores SIGINT
        task = asyncio.create_task(run(argv, on_line=pids, grace=0.1))
        await pids.event.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids.pids

    pids = go(body())
    assert len(pids) == 2
    assert soon(lambda: all(gone(pid) for pid in pids))


def test_a_second_cancel_hurries() -> None:
    async def body() -> float:
        pids = Pids()
        task = asyncio.create_task(run(sleeper(stubborn=True), on_line=pids, grace=30))
        await pids.event.wait()
        started = time.monotonic()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gone(pids.pids[0])
        return time.monotonic() - started

    assert go(body()) < 10


def test_cancel_while_it_is_being_started_leaves_nothing() -> None:
    before = set(os.listdir("/proc"))
    unlikely = "61.5172839"

    async def body() -> None:
        for steps in range(6):
            task = asyncio.create_task(run(["sleep", unlikely]))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    go(body())
    for pid in set(os.listdir("/proc")) - before:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{int(pid)}/cmdline") as file:
            assert unlikely not in file.read()


def test_the_end_of_asyncio_run_ends_the_programs() -> None:
    pids: list[int] = []

    async def body() -> None:
        collect = Pids()
        task = asyncio.create_task(run(sleeper(), on_line=collect))
        await collect.event.wait()
        pids.extend(collect.pids)
        del task

    go(body())
    assert gone(pids[0])


def test_an_abandoned_run_on_a_closed_loop_leaves_no_child_and_no_zombie() -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # "Task was destroyed but is pending"
    pids: list[int] = []

    async def body() -> tuple[Coroutine[Any, Any, Completed], asyncio.Task[Completed]]:
        collect = Pids()
        running = run(sleeper(), on_line=collect)
        task = loop.create_task(running)
        await collect.event.wait()
        pids.extend(collect.pids)
        return running, task

    running, _task = loop.run_until_complete(body())
    loop.close()
    running.close()
    assert soon(lambda: not os.path.exists(f"/proc/{pids[0]}"))


def test_two_runs_in_a_row_and_a_run_off_the_main_thread() -> None:
    assert [go(run(["echo", str(i)])).stdout for i in range(2)] == ["0\n", "1\n"]
    results: list[Completed] = []
    thread = threading.Thread(target=lambda: results.append(go(run(["echo", "thread"]))))
    thread.start()
    thread.join(30)
    assert [done.stdout for done in results] == ["thread\n"]


def test_output_held_open_by_somebody_else_is_not_awaited_for_ever() -> None:
    pids: list[int] = []
    started = time.monotonic()
    done = go(run(["sh", "-c", "sleep 60 & echo $!"]))
    pids.append(int(done.stdout))
    try:
        assert time.monotonic() - started < 30
        assert not gone(pids[0]), "what a program leaves behind on purpose is left alone"
    finally:
        os.kill(pids[0], signal.SIGKILL)


def test_a_failing_line_callback_does_not_break_the_program(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[str] = []

    def fail(stream: str, line: str) -> None:
        calls.append(line)
        raise ValueError("bad callback")

    done = go(run(["printf", "a\nb\nc\n"], on_line=fail))
    assert done.stdout == "a\nb\nc\n"
    assert calls == ["a"]
    assert [r.exc_info[1].args for r in caplog.records if r.exc_info and r.exc_info[1]] == [
        ("bad callback",)
    ]


def test_the_log_tells_argv_status_and_duration_but_not_stdin(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "luminous_nix_ipy.tools.process")
    go(run(["cat"], stdin="hunter2"))
    go(run(["sh", "-c", "echo broken >&2; exit 4"], check=False))
    assert "cat succeeded after" in caplog.text
    assert "failed with exit status 4" in caplog.text
    assert "broken" in caplog.text
    assert "hunter2" not in caplog.text


def test_escapes_are_stripped() -> None:
    assert (
        plain("\x1b[1;31mred\x1b[0m \x1b]8;;http://a\x1b\\link\x1b]8;;\x07 \x1b[2K\x1bM.")
        == "red link ."
    )


def test_what_is_said_before_the_conversation_is_had_can_be_answered() -> None:
    """asyncio may hand on the first lines before whoever started the program is told of it."""

    async def body() -> tuple[list[str], bool]:
        heard: list[str] = []
        loop = asyncio.get_running_loop()
        start, had = loop.subprocess_exec, False

        async def slowly(*given: Any, **options: Any) -> Any:
            started = await start(*given, **options)
            while len(heard) < 2:
                await asyncio.sleep(0.01)
            return started

        def hear(talk: Conversation, stream: str, line: str) -> None:
            heard.append(line)
            talk.send(b"and you?\n")
            talk.hang_up()
            assert not had

        loop.subprocess_exec = slowly  # type: ignore[method-assign]
        echo = ["sh", "-c", 'echo hello; read -r said; echo "$said"']
        async with asyncio.timeout(20):
            talk = await converse(echo, env=os.environ, on_line=hear)
            had = True
            done = await talk.ended()
        return heard, done is not None and done.returncode == 0

    assert go(body()) == (["hello", "and you?"], True)

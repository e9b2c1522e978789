"""Real builds, old and new Nix: what is told while they run, and what is left when they fail."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.nix_run import run_nix
from luminous_nix_ipy.backend.progress import Progress, ProgressState
from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command, Message
from luminous_nix_ipy.store.derivations import derivation_name
from luminous_nix_ipy.tools.build_history import Report, history_file, read_history
from luminous_nix_ipy.tools.process import Completed
from tests.private_nix import build, package, run
from tests.record_activity_logs import chain, failing

EXPERIMENTAL = ("--extra-experimental-features", "nix-command")


class Canvas:
    """A painter that remembers."""

    def __init__(self) -> None:
        self.states: list[ProgressState] = []

    def draw(self, state: ProgressState) -> None:
        self.states.append(state)

    close = draw


@pytest.fixture
def canvas() -> Canvas:
    return Canvas()


@pytest.fixture
def context(private_machine: Machine, canvas: Canvas) -> Context:
    return Context(private_machine, Progress(painter=canvas, interval=0), direct=True)


def nix(context: Context, *argv: str, **options: Any) -> Completed:
    return asyncio.run(run_nix(context, Command(argv, "a test"), **options))


def history(context: Context) -> list[Report]:
    return read_history(history_file(context.machine.child_environment()))


def slow(name: str, *needs: str, salt: int = 0, seconds: float = 0.7) -> str:
    return package(name, f"{salt}", needs=needs, script=f"echo at work; sleep {seconds}")


PROGRAMS = {
    "nix-build": ("nix-build", "--no-out-link", "-E"),
    "nix": ("nix", *EXPERIMENTAL, "build", "--no-link", "--impure", "--expr"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_builds_are_told_while_they_run(context: Context, canvas: Canvas, program: str) -> None:
    second = slow("beta-2", slow("alpha-1"))
    done = nix(context, *PROGRAMS[program], second)
    assert done.returncode == 0
    assert "@nix" not in done.stderr
    assert done.argv == (*PROGRAMS[program], second)
    if program == "nix-build":
        assert done.stdout.strip().endswith("-beta-2")
    works = [state.work for state in canvas.states if state.work is not None]
    seen = [activity.name for work in works for activity in work.running]
    assert list(dict.fromkeys(seen)) == ["alpha-1", "beta-2"]
    assert any(a.last_line == "at work" for work in works for a in work.running)
    assert (works[-1].builds.done, works[-1].builds.expected) == (2, 2)
    assert works[-1].running == ()
    fractions = [state.fraction for state in canvas.states]
    assert fractions == sorted(fractions)
    assert [r.name for r in history(context)] == ["alpha", "beta"]


def test_what_was_built_before_is_known_the_next_time(context: Context, canvas: Canvas) -> None:
    command = PROGRAMS["nix-build"]
    nix(context, *command, slow("gamma", slow("beta", slow("alpha")), seconds=2))
    canvas.states.clear()
    salted = slow("gamma", slow("beta", slow("alpha", salt=1), salt=1), salt=1, seconds=2)
    started = time.monotonic()
    nix(context, *command, salted)
    took = time.monotonic() - started
    first = next(
        (state.work.estimate, state.elapsed)
        for state in canvas.states
        if state.work is not None and state.work.estimate is not None
    )
    assert (first[0].known, first[0].builds) == (3, 3)
    assert first[0].low <= took <= first[0].high + 2
    assert len(history(context)) == 6


def test_a_failure_says_what_nix_said(context: Context) -> None:
    messages: list[Message] = []
    with pytest.raises(CommandFailed) as caught:
        nix(
            context,
            *("nix-build", "--keep-going", "--max-jobs", "2", "--no-out-link", "-E", failing()),
            on_message=messages.append,
        )
    error = caught.value
    assert error.why.startswith("error: ")
    assert "bad-2.drv" in error.why and "exit code 3" in error.why
    assert "@nix" not in error.why + error.stderr and "\x1b" not in error.why
    assert error.argv[0] == "nix-build" and "internal-json" not in error.what
    assert [derivation_name(f.derivation) for f in error.failed_builds] == ["bad-2"]
    assert error.failed_builds[0].log == ("compiling", "no such file")
    assert [m.text for m in messages if m.level == 0] == [m.text for m in error.messages]
    assert sorted(r.name for r in history(context)) == ["good", "slow"]


def test_a_failure_may_be_looked_at_instead(context: Context) -> None:
    done = nix(context, "nix-instantiate", "--eval", "-E", "{ foo = 1; }.fooo", check=False)
    assert done.returncode == 1
    assert "attribute 'fooo' missing" in done.stderr


def test_wrong_options_are_told_in_nixs_own_words(context: Context) -> None:
    with pytest.raises(CommandFailed, match="failed with exit status 1") as caught:
        nix(context, "nix-env", "--set", "--frobnicate")
    assert "error: unknown flag '--frobnicate'" in caught.value.why


@pytest.mark.parametrize("program", ["nix-env", "nix-store", "nix-collect-garbage", "nix"])
def test_every_program_takes_the_log(context: Context, program: str) -> None:
    path = build(context.machine, package("hello-1"))
    argv = {
        "nix-env": ("nix-env", "--profile", f"{context.machine.profiles_dir}/p", "--set", path),
        "nix-store": ("nix-store", "--query", "--references", path),
        "nix-collect-garbage": ("nix-collect-garbage",),
        "nix": ("nix", *EXPERIMENTAL, "eval", "--expr", "1 + 1"),
    }[program]
    done = nix(context, *argv)
    assert "@nix" not in done.stderr
    if program == "nix":
        assert done.stdout.strip() == "2"


def test_fetching_is_told(context: Context, canvas: Canvas, tmp_path: Path) -> None:
    machine, cache = context.machine, f"file://{tmp_path}/cache"
    filler = "head -c 300000 /dev/urandom > $out/data"
    path = build(machine, package("big-1", script=f"{filler}\n"))
    run(machine, "nix", *EXPERIMENTAL, "copy", "--to", cache, path)
    run(machine, "nix-store", "--delete", path)
    options = ("--option", "substituters", cache, "--option", "require-sigs", "false")
    nix(context, "nix-store", "--realise", path, *options)
    work = context.progress.state.work
    assert work is not None
    assert (work.paths.done, work.paths.expected) == (1, 1)
    assert work.copied.done > 250_000
    assert work.downloads == ()


def test_an_interrupt_ends_it_and_keeps_what_was_built(context: Context) -> None:
    expression = slow("beta", slow("alpha", seconds=0.1), seconds=30)

    async def interrupted() -> float:
        command = Command((*PROGRAMS["nix-build"], expression), "a test")
        task = asyncio.create_task(run_nix(context, command))
        while not (context.progress.state.work and context.progress.state.work.builds.done):
            await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(interrupted()) < 2.5
    assert [r.name for r in history(context)] == ["alpha"]


def test_an_unreadable_history_stops_nothing(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    file = Path(history_file(context.machine.child_environment()))
    file.parent.mkdir(parents=True)
    file.write_text("something else\n")
    nix(context, *PROGRAMS["nix-build"], chain())
    assert file.read_text() == "something else\n"
    assert "not a history of builds" in caplog.text

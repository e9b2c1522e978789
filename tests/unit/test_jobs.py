"""Jobs: what awaits them, what ends them, what is told of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as NotYet

import pytest

from luminous_nix_ipy import jobs, loop, machine, nix
from luminous_nix_ipy.backend import shield
from luminous_nix_ipy.backend.progress import Progress, ProgressState
from luminous_nix_ipy.errors import ChangeFailed, NixError, NotFound, Refused
from luminous_nix_ipy.jobs import Job
from luminous_nix_ipy.machine import Machine
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error

SOON = 20.0


@pytest.fixture(autouse=True)
def none_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")
    monkeypatch.setattr(jobs, "_jobs", [])
    yield
    loop.stop()


async def answer(value: int = 42) -> int:
    await asyncio.sleep(0.01)
    return value


async def forever() -> int:
    await asyncio.Event().wait()
    return 0


async def refusal() -> int:
    raise Refused("It is refused.")


def start(work: object, title: str = "work", progress: Progress | None = None) -> Job[int]:
    return jobs.start(title, progress or Progress(), work)  # type: ignore[arg-type]


def test_a_job_gives_what_its_work_returns() -> None:
    job = start(answer())
    assert job.result(SOON) == 42
    assert (job.done, job.state) == (True, "done")
    assert not job.cancel()
    assert repr(job).startswith(f"Job {job.number} (work): done after")


def test_it_can_be_awaited_on_any_loop_and_more_than_once() -> None:
    job = start(answer())

    async def both() -> list[int]:
        return [await job, *await asyncio.gather(*(wait(job) for _ in range(2)))]

    async def wait(job: Job[int]) -> int:
        return await job

    assert asyncio.run(both()) == asyncio.run(both()) == [42, 42, 42]


def test_a_failure_is_raised_where_it_is_asked_for() -> None:
    job = start(refusal())
    with pytest.raises(Refused, match="It is refused"):
        job.result(SOON)
    assert (job.state, job.message) == ("failed", "It is refused.")

    async def wait() -> None:
        await job

    with pytest.raises(Refused):
        asyncio.run(wait())


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("begun", [False, True])
def test_cancelling_ends_it_and_says_so(begun: bool) -> None:
    first_step = threading.Event()

    async def work() -> int:
        first_step.set()
        return await forever()

    job = start(work())
    assert job.state == "running"
    if begun:
        assert first_step.wait(SOON)
    assert job.cancel()
    with pytest.raises(NixError, match=r"Job \d+ \(work\) was cancelled"):
        job.result(SOON)
    eventually(lambda: job.message == "cancelled")
    assert job.state == "cancelled"
    assert f"Job {job.number} (work): cancelled after" in repr(job)

    async def wait() -> None:
        await job

    with pytest.raises(NixError, match="was cancelled"):
        asyncio.run(wait())


def test_whoever_waits_may_give_up_and_the_job_goes_on() -> None:
    job = start(forever())

    async def wait() -> None:
        async with asyncio.timeout(0.05):
            await job

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    with pytest.raises(NixError, match="has not ended within"):
        job.result(0.01)
    assert job.state == "running"
    job.cancel()


def test_a_timeout_of_the_work_itself_is_its_failure() -> None:
    async def late() -> int:
        raise NotYet("too late")

    job = start(late())
    with pytest.raises(NotYet, match="too late"):
        job.result(SOON)


def test_a_critical_section_is_ended_first() -> None:
    inside, leave = threading.Event(), threading.Event()

    async def work() -> int:
        with shield.critical("activation"):
            inside.set()
            await asyncio.to_thread(leave.wait)
        return 7

    job = start(work())
    assert inside.wait(SOON)
    assert job.cancel()
    assert job.state == "cancelling"
    leave.set()
    assert job.result(SOON) == 7
    assert job.state == "done"


def test_the_painter_begins_at_once_and_ends_with_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, str]] = []

    class Painter:
        def draw(self, state: ProgressState) -> None:
            drawn.append(("draw", threading.current_thread().name))

        def close(self, state: ProgressState) -> None:
            drawn.append(("close", state.message))

    from luminous_nix_ipy.widgets import job as painters

    monkeypatch.setattr(painters, "painter_for", lambda shell, cancel: Painter())
    job = start(answer())
    assert drawn[0] == ("draw", threading.current_thread().name)
    job.result(SOON)
    assert drawn[-1] == ("close", "done")


def test_ended_jobs_are_forgotten_but_for_the_last_ones() -> None:
    alive = start(forever(), "alive")
    for i in range(jobs._KEPT + 5):
        start(answer(i), f"work {i}").result(SOON)
    listed = jobs.jobs()
    assert len([job for job in listed if job.done]) == jobs._KEPT
    assert listed[-1] is alive
    assert listed[0].title == f"work {jobs._KEPT + 4}"
    alive.cancel()


def test_the_table_and_cancelling_by_number() -> None:
    job = start(forever(), "build")
    frame = nix.jobs()
    assert list(frame.columns)[:3] == ["number", "title", "state"]
    assert frame.iloc[0].to_dict().items() >= {"title": "build", "state": "running"}.items()
    assert nix.jobs(cancel=job.number).state[0] in ("cancelling", "cancelled")
    with pytest.raises(NixError):
        job.result(SOON)
    with pytest.raises(NotFound, match="There is no job 99999"):
        nix.jobs(cancel=99999)


def test_without_jobs_the_table_is_empty() -> None:
    assert len(nix.jobs()) == 0
    with pytest.raises(NotFound, match="None was started with --bg"):
        nix.jobs(cancel=1)


@pytest.fixture(scope="module")
def made() -> Iterator[Machine]:
    with simulated() as found:
        yield found


def test_a_rollback_in_the_background(made: Machine) -> None:
    machine.use(made)
    with new_shell() as shell:
        current = int(nix.list().query("current").number.iloc[0])
        job = run(shell, "job = %nix rollback --yes --bg\njob")
        report = job.result(SOON)
        assert report.report.outcome == "done"
        assert int(nix.list().query("current").number.iloc[0]) == current - 1
        planned = run(shell, f"x = %nix rollback {current} --dry-run --bg\nx").result(SOON)
        assert planned.plan.target.number == current
        assert run(shell, "x = %nix undo --yes --bg\nx").result(SOON).report.outcome == "done"
        assert list(run(shell, "%nix jobs").title) == ["undo", "rollback", "rollback"]
        # What goes on beside counts in the kernel's metrics.
        counted = nix.metrics().set_index("operation").total_operations
        assert counted["rollback"] >= 2


def test_nobody_is_asked_in_the_background(made: Machine) -> None:
    machine.use(made)
    with new_shell() as shell:
        for line in ("%nix rollback --bg", "%nix undo --bg"):
            assert "so it needs --yes" in usage_error(shell, line)
    assert jobs.jobs() == []


def test_a_refusal_in_the_background(made: Machine) -> None:
    machine.use(made)
    job = nix.rollback(99999, yes=True, bg=True)
    with pytest.raises(NotFound, match="There is no generation 99999"):
        job.result(SOON)


def test_a_change_that_is_watched_is_put_back_when_it_is_cancelled(made: Machine) -> None:
    machine.use(made)
    before = nix.list().to_dict()
    job = nix.rollback(yes=True, settle=1000, bg=True)
    eventually(lambda: "watching it" in job.message)
    assert job.cancel() and job.state == "cancelling"
    with pytest.raises(ChangeFailed, match="watch: it was cancelled") as raised:
        job.result(SOON)
    assert job.state == "failed"
    report = raised.value.report
    assert report is not None and report.outcome == "restored"
    assert nix.list().to_dict() == before

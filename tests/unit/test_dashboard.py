"""The dashboard: what it says, what it costs while nothing changes, and what its buttons do."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy import loop, machine, nix
from luminous_nix_ipy.backend import glance as glances
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.glance import Glance, Lookout
from luminous_nix_ipy.backend.journal import append, journal_file
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command, Finding
from luminous_nix_ipy.widgets.dashboard import Dashboard
from luminous_nix_ipy.widgets.morning import morning
from tests.fake_system import add_generation, add_system, make_machine, select
from tests.journals import entry
from tests.playground import simulated
from tests.store_database import add_paths, write_database


@pytest.fixture
def made() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def real(tmp_path: Path) -> Machine:
    """A machine that is no playground, on which systemd seems to run."""
    made = make_machine(tmp_path)
    write_database(Path(made.state_dir), {})
    os.makedirs(f"{made.run_dir}/systemd/system")
    system = add_system(made, "25.11")
    add_generation(made.system_profile, 1, system)
    select(made.system_profile, 1)
    return made


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def look(lookout: Lookout) -> Glance:
    return asyncio.run(lookout.look())


def look_again(lookout: Lookout) -> Glance:
    return asyncio.run(lookout.look_again())


def journal(of: Machine, change: str, **fields: Any) -> None:
    """A change that was done."""
    started = datetime.now().astimezone()
    told = {"started": started, "ended": started, "outcome": "done", **fields}
    append(journal_file(of, "system"), entry(change, **told))


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def forbid_processes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """From now on a process that is started is an error; those that were tried."""
    tried: list[object] = []

    def refuse(*args: object, **kwargs: object) -> None:
        tried.append(args)
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for name in ("fork", "posix_spawn", "system"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "subprocess_exec", refuse)
    return tried


def test_it_tells_status_findings_sizes_changes_and_jobs(
    made: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luminous_nix_ipy.jobs._jobs", [])
    journal(made, "a", operation="rollback switch", profile=made.system_profile, to_number=4)
    text = repr(nix.dashboard())
    for words in (
        "PLAYGROUND",
        "all is well",
        f"as of {datetime.now():%Y-%m-%d}",
        "Reboot       not needed",
        "5: current 5, running 5, booted 5",
        "GiB for the store",
        "Size of the generations",
        "somebody  rollback switch of system",
        "None was started with --bg.",
    ):
        assert words in text, text


def test_a_bar_is_as_long_as_its_generation_and_solid_where_it_is_alone(made: Machine) -> None:
    found = nix.list(sizes=True)
    page = nix.dashboard()._page()
    text = page.parts[2].text(80)
    longest = found.closure_bytes.max()
    for generation in found.itertuples():
        line = next(x for x in text.splitlines() if x.startswith(f"{generation.number} "))
        bar = line.split()[-1]
        assert abs(len(bar) - 20 * generation.closure_bytes / longest) <= 1
        assert abs(bar.count("█") - 20 * generation.unique_bytes / longest) <= 1
    widths = re.findall(r'<rect[^>]* width="([\d.]+)"', page.html())
    assert max(map(float, widths)) == 99.0
    assert len(widths) == 2 * len(found)


def test_while_nothing_changes_nothing_is_read(
    made: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    lookout = Lookout(NixBackend(made), clock)
    look(lookout)
    monkeypatch.setattr(NixBackend, "execute", None)
    tried = forbid_processes(monkeypatch)
    for _ in range(3):
        clock.now += 100
        assert not lookout.has_changed()
    assert not tried


def test_a_change_of_the_journal_shows_up_after_a_look(made: Machine) -> None:
    lookout = Lookout(NixBackend(made))
    assert look(lookout).changes == ()
    journal(made, "a")
    assert lookout.has_changed()
    seen = look_again(lookout)
    assert [change.entry.id for change in seen.changes] == ["a"]
    assert not lookout.has_changed()


@pytest.mark.parametrize("link", ["system_profile", "current_system", "booted_system"])
def test_another_generation_shows_up_after_a_look(made: Machine, link: str) -> None:
    lookout = Lookout(NixBackend(made))
    look(lookout)
    path = getattr(made, link)
    target = "system-4-link" if link == "system_profile" else os.readlink(path) + "-other"
    os.unlink(path)
    os.symlink(target, path)
    assert lookout.has_changed()
    if link == "system_profile":
        assert look_again(lookout).status.current == 4


def test_a_look_again_starts_no_process(real: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    lookout = Lookout(NixBackend(real), clock)
    first = look(lookout)
    assert {"unit", "units"} & {finding.what for finding in first.findings}
    tried = forbid_processes(monkeypatch)
    clock.now += 100
    journal(real, "a")
    Path(real.conf_dir).mkdir(parents=True)
    Path(real.conf_dir, "nix.conf").write_text("sandbox = false\n")
    assert lookout.has_changed()
    again = look_again(lookout)
    assert not tried
    assert len(again.changes) == 1
    assert "Nix setting" in {finding.what for finding in again.findings}
    assert {"unit", "units"} & {finding.what for finding in again.findings}
    assert again.asked == first.asked < again.examined
    with pytest.raises(AssertionError, match="a process was started"):
        look(lookout)  # so this test would see one


def test_what_is_examined_is_examined_again_at_most_once_a_minute(real: Machine) -> None:
    clock = Clock()
    lookout = Lookout(NixBackend(real), clock)
    first = look(lookout)
    with sqlite3.connect(real.database) as connection:
        add_paths(connection, {f"{real.store_dir}/{'0' * 32}-lost": (1, ())})
    connection.close()
    os.utime(real.database)
    clock.now += glances.EXAMINED_AT_MOST - 1
    assert not lookout.has_changed()
    journal(real, "a")
    assert look_again(lookout).findings == first.findings
    assert not lookout.has_changed()
    clock.now += 1
    assert lookout.has_changed()
    again = look_again(lookout)
    assert "store path" in {finding.what for finding in again.findings}
    assert not lookout.has_changed()


def test_while_a_change_is_under_way_it_is_read_again(made: Machine) -> None:
    journal(made, "a")
    lookout = Lookout(NixBackend(made))
    seen = look(lookout)
    assert not lookout.has_changed()
    lookout._last = replace(seen, changes=(replace(seen.changes[0], state="under way"),))
    assert lookout.has_changed()


def test_without_nix_it_says_what_is_missing(tmp_path: Path) -> None:
    machine.use(Machine(**{name: str(tmp_path / name) for name in ("store_dir", "state_dir")}))
    with pytest.raises(NotFound, match="There is no Nix on this machine"):
        nix.dashboard()


def test_a_playground_that_is_gone_is_not_well() -> None:
    with simulated() as made:
        lookout = Lookout(NixBackend(made))
        look(lookout)
    assert lookout.has_changed()
    with pytest.raises(NotFound, match="This playground is gone: what is shown is how it was"):
        look_again(lookout)


def test_a_reboot_and_a_change_that_was_cut_off_are_in_the_headline(made: Machine) -> None:
    lookout = Lookout(NixBackend(made))
    seen = look(lookout)
    assert morning(seen, ()).title.endswith(": all is well")
    needed = replace(seen, status=replace(seen.status, reboot_needed=True))
    assert morning(needed, ()).title.endswith(": a reboot is needed")
    assert [row[0] for row in morning(needed, ()).parts[0].rows] == ["Reboot"]
    assert "Nothing" not in morning(needed, ()).parts[0].notes[0]
    journal(made, "a", ended=None, outcome=None)
    cut_off = look_again(lookout)
    assert morning(cut_off, ()).title.endswith(": a change was cut off")
    assert "cut off: %nix recover" in morning(cut_off, ()).text(120)
    assert [row[3] for row in morning(cut_off, ()).parts[0].rows] == ["%nix recover"]


def test_without_a_generation_it_says_so(real: Machine) -> None:
    os.unlink(f"{real.system_profile}-1-link")
    seen = look(Lookout(NixBackend(real)))
    assert "There is none yet." in morning(seen, ()).text()


FINDINGS = (
    (
        Finding("profile", "warning", "/p/system", "It is absolute.", command=Command(("x",), "y")),
        ("Warning, profile", "It is absolute. (/p/system)", "It runs x.", "%nix repair"),
    ),
    (
        Finding("store space", "warning", "/s", "Few.", "See what could go: %nix collect -h"),
        ("Warning, store space", "Few. (/s)", "See what could go.", "%nix collect -h"),
    ),
    (
        Finding("unit", "problem", "a.service", "It failed.", "systemctl status -- a.service"),
        ("Problem, unit", "It failed. (a.service)", "", "systemctl status -- a.service"),
    ),
    (
        Finding("elevation", "note", "sudo", "sudo asks.", "A rule with NOPASSWD."),
        ("Note, elevation", "sudo asks.", "A rule with NOPASSWD.", ""),
    ),
)


@pytest.mark.parametrize(("finding", "row"), FINDINGS, ids=lambda x: getattr(x, "what", ""))
def test_a_finding_has_the_line_that_mends_it(
    seen: Glance, finding: Finding, row: tuple[str, ...]
) -> None:
    page = morning(replace(seen, findings=(finding,)), ())
    assert page.parts[0].rows == [row]
    line = row[3]
    assert not line or f"→ {line}" in page.text()
    assert not line or f"<code>{line}</code>" in page.html()
    bad = finding.severity != "note"
    assert ("1 thing to be looked at" in page.title) == bad


def test_what_others_wrote_is_only_text(made: Machine) -> None:
    journal(made, "a", user="<script>alert(1)</script>\x1b[31m")
    html = nix.dashboard()._page().html()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html


class FakeLookout:
    """Shows what it is told to, or fails."""

    def __init__(self, *shown: Glance | BaseException) -> None:
        self.shown = list(shown)
        self.news = False

    def has_changed(self) -> bool:
        return self.news

    async def look(self) -> Glance:
        shown = self.shown.pop(0)
        if isinstance(shown, BaseException):
            raise shown
        return shown

    look_again = look


class FakeJob:
    """A job, or what looks like one."""

    message = "fetching <b>"

    def __init__(self, number: int) -> None:
        self.number, self.title, self.started = number, "something", datetime.now().astimezone()
        self.state, self.run_duration = "running", 3.0

    @property
    def done(self) -> bool:
        return self.state not in ("running", "cancelling")

    def cancel(self) -> bool:
        self.state = "cancelling"
        return True


@pytest.fixture(scope="module")
def seen() -> Iterator[Glance]:
    with simulated() as made:
        yield look(Lookout(NixBackend(made)))


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is shown in place of the still of a dashboard."""
    updates: list[dict[str, Any]] = []

    def display(bundle: dict[str, Any], *, raw: bool, display_id: bool = False) -> Any:
        update = SimpleNamespace(update=lambda shown, raw: updates.append(shown))
        return update if display_id else None

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "auto")
    return updates


Open = Callable[..., Dashboard]


@pytest.fixture
def open_dashboard(seen: Glance, updates: list[dict[str, Any]]) -> Iterator[Open]:
    opened = []

    def show(lookout: Any, jobs: list[Any] | None = None, glance: Glance = seen) -> Dashboard:
        dashboard = Dashboard(lookout, glance, lambda: jobs or [])
        opened.append(dashboard)
        dashboard._ipython_display_()
        return dashboard

    yield show
    for dashboard in opened:
        dashboard.close()
    loop.stop()


def test_the_button_looks_again_and_the_still_follows(
    open_dashboard: Open, seen: Glance, updates: list[dict[str, Any]]
) -> None:
    status = replace(seen.status, host="another-name")
    dashboard = open_dashboard(FakeLookout(replace(seen, status=status)))
    dashboard.again.click()
    soon(lambda: dashboard.said.startswith("Looked at everything"))
    assert "another-name" in dashboard._head.value
    soon(lambda: updates)
    assert updates[-1]["text/plain"].count("another-name") == 1
    assert "another-name" in updates[-1]["text/html"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFound("It is gone.", "Somebody took it.", ["Put it back."]), "It is gone. Somebody"),
        (ValueError("odd"), "failed unexpectedly (ValueError: odd)"),
    ],
    ids=["NixError", "other"],
)
def test_an_error_of_a_look_is_told_and_the_next_look_works(
    open_dashboard: Open, seen: Glance, error: Exception, words: str
) -> None:
    dashboard = open_dashboard(FakeLookout(error, seen))
    dashboard.again.click()
    soon(lambda: words in dashboard.said)
    assert 'role="status"' in dashboard.status.value
    soon(lambda: not dashboard._is_looking())
    dashboard.again.click()
    soon(lambda: dashboard.said.startswith("Looked at everything"))


def test_two_clicks_at_once_are_one_look(open_dashboard: Open, seen: Glance) -> None:
    dashboard = open_dashboard(FakeLookout(seen))
    waiting: Future[Any] = Future()
    dashboard._looking = waiting
    dashboard.again.click()
    assert dashboard._looking is waiting


def test_news_are_looked_at_without_a_click(open_dashboard: Open, seen: Glance) -> None:
    lookout = FakeLookout(replace(seen, status=replace(seen.status, host="news")))
    dashboard = open_dashboard(lookout)
    dashboard._look_for_news()
    assert dashboard._looking is None
    lookout.news = True
    dashboard._look_for_news()
    soon(lambda: "news" in dashboard._head.value)


def test_where_programs_would_be_asked_it_waits_for_the_button(
    open_dashboard: Open, seen: Glance
) -> None:
    status = replace(seen.status, reader="command (the database is busy)")
    lookout = FakeLookout()
    lookout.news = True
    dashboard = open_dashboard(lookout, glance=replace(seen, status=status))
    dashboard._look_for_news()
    assert "look again" in dashboard.said
    assert dashboard._looking is None


def test_a_job_is_cancelled_by_its_button(
    open_dashboard: Open, updates: list[dict[str, Any]]
) -> None:
    job, jobs = FakeJob(7), []
    jobs.append(job)
    dashboard = open_dashboard(FakeLookout(), jobs)
    row = dashboard._rows[7]
    assert "&lt;b&gt;" in row._words.value
    assert "7" in row.cancel.description
    assert row.cancel.tooltip
    row.cancel.click()
    assert job.state == "cancelling"
    assert row.cancel.disabled
    jobs.insert(0, FakeJob(8))
    dashboard._look_for_news()
    assert dashboard._rows[7] is row, "what has the focus stays"
    assert [box.children[-1] for box in dashboard._job_rows.children][1] is row.cancel
    job.state = "cancelled"
    dashboard._look_for_news()
    assert row.box.children == (row._words,)
    assert "Job 7, something, cancelled after 3.0 s" in row._words.value
    soon(lambda: any("Job 7, something, cancelled" in shown["text/plain"] for shown in updates))


def test_a_job_whose_button_fails_says_so(
    open_dashboard: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = FakeJob(1)
    monkeypatch.setattr(job, "cancel", lambda: 1 / 0)
    dashboard = open_dashboard(FakeLookout(), [job])
    dashboard._rows[1].cancel.click()
    assert "ZeroDivisionError" in dashboard.said


def test_a_look_for_news_that_finds_none_sends_nothing(open_dashboard: Open) -> None:
    dashboard = open_dashboard(FakeLookout(), [FakeJob(1)])
    sent: list[Any] = []
    for widget in (dashboard._head, *dashboard._parts, dashboard._job_rows, dashboard.status):
        widget.observe(lambda change: sent.append(change.name))
    dashboard._look_for_news()
    assert sent == []

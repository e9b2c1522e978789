"""The panel of progress in real frontends: rows, the log that is chosen, Cancel, what it leaves."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.checks import FIRST, opened
from tests.browser.page import Notebook

BUILDS = """
import asyncio
from datetime import datetime, timedelta
from luminous_nix_ipy import jobs
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.records import Activity, Counts, Estimate, FailedBuild, NixWork

def activity(number, name, **of):
    began = datetime.now().astimezone() - timedelta(seconds=10 * number)
    given = {"kind": "build", "phase": "buildPhase", "done": 0, "expected": 0, "log": (), **of}
    return Activity(id=number, name=name, running=1, failed=0, started=began, host="", **given)

def work(tick):
    many = [activity(9 + n, f"font-{n}") for n in range(9)]
    return NixWork(
        builds=Counts(done=7, expected=12, running=11), paths=Counts(done=3, expected=9),
        copied=Counts(done=5 << 20, expected=64 << 20), downloaded=Counts(), rate=3.5e6,
        running=(
            activity(4, "linux-6.12.63", log=tuple(f"  CC drivers/net/{n}.o" for n in range(8))),
            activity(2, "firefox-145.0", log=(f"<b>compiling</b> unit {tick}",)), *many,
        ),
        downloads=(activity(1, "glibc-2.40", kind="copyPath", done=5 << 20, expected=30 << 20),),
        failed=(FailedBuild("/nix/store/x-bad-1.drv", "", ("cc1: error: no such file",)),),
        estimate=Estimate(low=50.0, middle=60.0, high=130.0, known=4, builds=5), speaking=2,
    )

async def building(progress):
    for tick in range(3000):
        progress.update("7 of 12 built", 0.4, work(tick))
        await asyncio.sleep(0.1)

def start():
    progress = Progress()
    return jobs.start("build", progress, building(progress), get_ipython())
"""


def a_job_shows_what_it_builds(notebook: Notebook, variant: str = "") -> None:
    """A row for each build, counts and times in words, the log that is chosen; Cancel ends it,
    clicked twice too, and what it leaves needs no kernel."""
    opened(notebook, variant, BUILDS, "job = start()")
    notebook.run_all()
    output = notebook.output(FIRST + 1)
    expect(output.locator(".lx-panel .lx-message")).to_have_text("build: 7 of 12 built")
    expect(output.locator(".lx-panel .lx-time")).to_contain_text("40 %")
    below = output.locator(".lx-panel div.luminous-nix.lx-details")
    expect(below).to_contain_text("between 50 s and 2 min")
    expect(below.locator("tbody tr")).to_have_count(8)
    expect(below.locator("tbody tr").first).to_contain_text("building: buildPhase")
    expect(below).to_contain_text("and 4 more")
    expect(below).to_contain_text("bad-1 failed; the end of its log:")
    log = output.locator(".lx-panel .lx-log")
    expect(log).to_contain_text("<b>compiling</b> unit")
    output.get_by_label("Log of").select_option("linux-6.12.63")
    expect(log).to_contain_text("CC drivers/net/7.o")
    assert not notebook.faults()
    notebook.screenshot("progress-panel", output)
    output.locator("button.lx-cancel").dblclick()
    expect(output.locator("button")).to_have_count(0)
    expect(output.locator(".lx-progress")).to_contain_text("cancelled")
    expect(output.locator(".lx-time")).to_contain_text("failed after")
    assert notebook.value("job.state") == "'cancelled'"
    assert not notebook.errors, notebook.errors


def a_cell_that_waits_says_how_to_cancel(notebook: Notebook, variant: str = "") -> None:
    """It has no button, which nobody would hear; an interrupt ends it."""
    blocking = """
    from luminous_nix_ipy.verbs.session import session
    session().draw(building)
    """
    opened(notebook, variant, BUILDS, blocking)
    for index in range(FIRST + 1):
        notebook.run_cell(index)
    notebook.start(FIRST + 1)
    output = notebook.output(FIRST + 1)
    expect(output.locator(".lx-hint")).to_have_text("To cancel it, interrupt the kernel.")
    expect(output.locator("button")).to_have_count(0)
    expect(output.locator(".lx-panel .lx-log")).to_contain_text("compiling")
    notebook.page.get_by_title("Interrupt the kernel").click()
    notebook.wait_idle()
    expect(output).to_contain_text("KeyboardInterrupt")


def test_a_job_shows_what_it_builds(lab: Notebook) -> None:
    a_job_shows_what_it_builds(lab)


def test_a_job_shows_what_it_builds_in_the_dark(lab: Notebook) -> None:
    lab.open_notebook([BUILDS, "job = start()"])
    lab.theme("dark")
    lab.run_all()
    expect(lab.output(3).locator(".lx-panel .lx-log")).to_contain_text("compiling")
    assert not lab.faults()
    lab.screenshot("progress-panel-dark", lab.output(3))
    lab.output(3).locator("button.lx-cancel").click()
    expect(lab.output(3).locator("button")).to_have_count(0)


def test_a_cell_that_waits_says_how_to_cancel(lab: Notebook) -> None:
    a_cell_that_waits_says_how_to_cancel(lab)

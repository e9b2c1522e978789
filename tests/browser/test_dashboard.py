"""The dashboard in JupyterLab: it follows the machine, ends a job, stays in a saved notebook."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.page import Notebook

DASHBOARD, DEED, JOB = 2, 3, 4
CELLS = (
    "%nix dashboard",
    "%nix rollback 4 --yes;",
    """
    import asyncio
    from luminous_nix_ipy import jobs
    from luminous_nix_ipy.backend.progress import Progress
    job = jobs.start("something long", Progress(), asyncio.sleep(600))
    """,
)
BREAK = """
import os
from luminous_nix_ipy import machine
link = machine.current().system_profile
os.unlink(link)
os.symlink(f"{link}-5-link", link)
"""
"""Makes the profile's link absolute, which the doctor warns of."""


def opened(lab: Notebook) -> Locator:
    """A notebook with a dashboard that is shown; its live output."""
    lab.open_notebook(CELLS)
    for cell in (0, 1, DASHBOARD):
        lab.run_cell(cell)
    live = lab.output(DASHBOARD).locator(".lx-live")
    expect(live).to_be_visible()
    return live


def check_it_tells_how_the_machine_is(live: Locator) -> None:
    expect(live.locator(".title")).to_contain_text("all is well")
    expect(live.locator(".lx-facts")).to_contain_text("current 5, running 5, booted 5")
    expect(live.locator(".lx-sizes tbody tr")).to_have_count(5)
    expect(live.locator(".lx-changes")).to_contain_text("The journal tells of none.")


def check_it_follows_a_rollback(lab: Notebook, live: Locator) -> None:
    """A rollback in another cell shows up without anybody touching the dashboard."""
    lab.run_cell(DEED)
    expect(live.locator(".lx-facts")).to_contain_text("current 4, running 4, booted 5")
    expect(live.locator(".lx-facts")).to_contain_text("needed. Changed since boot")
    expect(live.locator(".lx-changes tbody tr")).to_contain_text(["rollback"])


def check_a_job_is_cancelled(lab: Notebook, live: Locator) -> None:
    lab.run_cell(JOB)
    row = live.locator(".lx-job-row")
    expect(row).to_contain_text("something long, running")
    row.locator("button.lx-cancel").click()
    expect(row).to_contain_text("something long, cancelled")
    expect(row.locator("button")).to_have_count(0)
    assert lab.value("job.state") == "'cancelled'"


def check_the_last_state_is_in_the_file(lab: Notebook) -> None:
    lab.page.wait_for_timeout(1000)  # the still follows within half a second
    still, widget = lab.save()["cells"][DASHBOARD]["outputs"]
    for kind in ("text/plain", "text/html"):
        assert "current 4, running 4, booted 5" in "".join(still["data"][kind])
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]


def check_a_reopened_notebook_shows_it(lab: Notebook) -> None:
    lab.shut_down_kernel()
    lab.reload()
    still = lab.output(DASHBOARD).locator(".lx-still")
    expect(still).to_be_visible()
    expect(still).to_contain_text("current 4, running 4, booted 5")
    expect(lab.output(DASHBOARD).get_by_text("model not found")).to_have_count(0)


def test_it_follows_the_machine_and_stays_in_the_saved_notebook(lab: Notebook) -> None:
    live = opened(lab)
    check_it_tells_how_the_machine_is(live)
    expect(lab.output(DASHBOARD).locator(".lx-still")).to_be_hidden()
    assert not lab.faults()
    lab.screenshot("dashboard")
    check_it_follows_a_rollback(lab, live)
    check_the_last_state_is_in_the_file(lab)
    check_a_reopened_notebook_shows_it(lab)
    lab.screenshot("dashboard-reopened")
    assert not lab.faults()


def test_a_job_is_cancelled_from_it(lab: Notebook) -> None:
    check_a_job_is_cancelled(lab, opened(lab))


def test_the_keyboard_looks_again_and_findings_have_their_line(lab: Notebook) -> None:
    live = opened(lab)
    lab.value(f"exec({BREAK!r})")
    live.locator("button.lx-again").focus()
    lab.page.keyboard.press("Enter")
    expect(live.locator("[role=status]")).to_contain_text("Looked at everything")
    findings = live.locator(".lx-attention .findings li")
    expect(findings.first).to_contain_text("Warning, profile")
    expect(findings.first.locator("code")).to_have_text("%nix repair")
    expect(live.locator(".title")).to_contain_text("1 thing to be looked at")
    lab.theme("dark")
    assert not lab.faults()
    lab.output(DASHBOARD).scroll_into_view_if_needed()
    lab.screenshot("dashboard-dark")
    assert not lab.errors

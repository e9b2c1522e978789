"""Consent by buttons in real frontends: what is clicked is done, and nothing else is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.checks import FIRST, bars_advanced, current, opened, tab_to, watch_bars
from tests.browser.page import App, Notebook

DONE = "Done: Generation {} is current and running."
_CUT_OFF = """all => all.filter(one => one.scrollWidth > one.clientWidth)
    .map(one => one.textContent)"""


def other_cells_await_it(notebook: Notebook, variant: str = "") -> None:
    """A cell that awaits a proposal goes on when its button was clicked, with the report."""
    opened(notebook, variant, "x = %nix rollback 4", "report = await x\nreport.report.outcome")
    for index in range(FIRST + 1):
        notebook.run_cell(index)
    notebook.start(FIRST + 1)
    notebook.output(FIRST).locator("button.lx-agree").click()
    expect(notebook.output(FIRST + 1)).to_contain_text("'done'")
    notebook.wait_idle()
    assert current(notebook) == 4
    assert not notebook.errors, notebook.errors


def a_void_plan_is_made_again(notebook: Notebook, variant: str = "") -> None:
    """What another cell has changed meanwhile makes a plan void: nothing is done before a new one
    was agreed to."""
    opened(notebook, variant, "%nix rollback 1", "%nix rollback 4 --yes;")
    notebook.run_all()
    output = notebook.output(FIRST)
    output.locator("button.lx-agree").click()
    expect(output.locator("[role=status]")).to_contain_text("The machine has changed")
    assert current(notebook) == 4, "a void plan was carried out"
    output.locator("button.lx-again").click()
    agree = output.locator("button.lx-agree")
    expect(agree).to_have_text("Roll back system 4 → 1 on the PLAYGROUND")
    agree.click()
    expect(output.locator("[role=status]")).to_have_text(DONE.format(1))
    assert current(notebook) == 1
    assert not notebook.errors, notebook.errors


def the_keyboard_reads_and_agrees(notebook: Notebook, variant: str = "") -> None:
    """Tab, the arrows, Enter and Space are enough to read every tab of a plan and to agree."""
    opened(notebook, variant, "%nix rollback 4")
    notebook.run_all()
    output = notebook.output(FIRST)
    press = notebook.page.keyboard.press
    tabs = output.get_by_role("tab")
    expect(tabs).to_have_count(5)
    output.evaluate("element => element.closest('.jp-Cell').focus()")
    tab_to(notebook, tabs.first)
    for index in range(1, 5):
        press("ArrowRight")
        press("Enter")
        expect(tabs.nth(index)).to_have_attribute("aria-selected", "true")
        expect(sheet(output)).to_have_attribute("aria-label", tabs.nth(index).inner_text())
    expect(sheet(output)).to_contain_text("switch-to-configuration test")
    press("Tab")
    expect(sheet(output)).to_be_focused()
    press("Tab")
    expect(output.locator("button.lx-agree")).to_be_focused()
    press("Space")
    expect(output.locator("[role=status]")).to_have_text(DONE.format(4))
    assert current(notebook) == 4
    assert not notebook.errors, notebook.errors


def a_reopened_notebook_tells_how_it_stood(notebook: Notebook, variant: str = "") -> None:
    """Saved, and opened without a kernel, every proposal shows its last state and no button."""
    opened(notebook, variant, *["%nix rollback 4"] * 3)
    notebook.run_all()
    asked, declined, agreed = (notebook.output(FIRST + n) for n in range(3))
    declined.locator("button.lx-decline").click()
    agreed.locator("button.lx-agree").click()
    expect(agreed.locator("[role=status]")).to_have_text(DONE.format(4))
    expect(agreed.locator(".lx-still")).to_contain_text("Carried out")  # beside the widget, hidden
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload()
    expect(asked.locator(".title")).to_have_text("Plan: rollback of system, 5 → 4")
    expect(asked).to_contain_text("Not agreed to yet")
    expect(declined.locator(".title")).to_have_text("Declined: rollback of system, 5 → 4")
    expect(agreed.locator(".title")).to_have_text("Carried out: rollback of system, 5 → 4")
    expect(agreed).to_contain_text("Commands that were run")
    for output in (asked, declined, agreed):
        expect(output.get_by_text("model not found")).to_be_hidden()
        expect(output.locator("button")).to_have_count(0)


def an_error_of_a_button_is_told(notebook: Notebook, variant: str = "") -> None:
    """What fails in a callback is said in the proposal's own status line."""
    broken = "from luminous_nix_ipy.widgets.proposal import Proposal\nProposal._go = lambda *_: 1/0"
    opened(notebook, variant, "%nix rollback 4", broken)
    notebook.run_all()
    output = notebook.output(FIRST)
    output.locator("button.lx-decline").click()
    expect(output.locator("[role=status]")).to_contain_text("ZeroDivisionError")
    assert current(notebook) == 5


def a_failure_is_told_in_lines(notebook: Notebook, variant: str = "") -> None:
    """What an activation said before it failed keeps its lines."""
    opened(notebook, variant, "%nix rollback 2")  # its activation fails
    notebook.run_all()
    output = notebook.output(FIRST)
    output.locator("button.lx-agree").click()
    said = output.locator("[role=status]")
    expect(said).to_contain_text("generation 5 is current")
    assert "\nactivation script failed\n" in said.inner_text()


def an_app_rolls_back(app: App, variant: str = "") -> None:
    """In Voila, where nobody can be prompted, the buttons are wanted by a setting; callbacks drive
    the change and its progress."""
    opened(app, variant, "%config NixMagics.consent = 'button'", "%nix rollback 4")
    output = app.output(FIRST + 1)
    watch_bars(app)
    output.locator("button.lx-agree").click()
    expect(output.locator("[role=status]")).to_have_text(DONE.format(4))
    bars_advanced(app)
    assert not app.errors, app.errors


def its_words_are_whole(notebook: Notebook, variant: str = "") -> None:
    """No tab and no button cuts off what it is called, on a narrow page either."""
    opened(notebook, variant, "%nix delete 1 2 3")
    notebook.run_all()
    output = notebook.output(FIRST)
    expect(output.locator("button.lx-agree")).to_be_visible()
    for width in (1200, 460):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        try:
            cut = output.locator(".lm-TabBar-tabLabel, button").evaluate_all(_CUT_OFF)
        finally:
            notebook.page.set_viewport_size({"width": 1200, "height": 900})
        assert not cut, f"cut off where the page is {width} wide: {cut}"


def sheet(output: Locator) -> Locator:
    """What the tab that is turned up holds."""
    return output.locator(".lx-sheet:visible")


def test_other_cells_await_it(lab: Notebook) -> None:
    other_cells_await_it(lab)


def test_a_void_plan_is_made_again(lab: Notebook) -> None:
    a_void_plan_is_made_again(lab)


def test_the_keyboard_reads_and_agrees(lab: Notebook) -> None:
    the_keyboard_reads_and_agrees(lab)


def test_a_reopened_notebook_tells_how_it_stood(lab: Notebook) -> None:
    a_reopened_notebook_tells_how_it_stood(lab)


def test_an_error_of_a_button_is_told(lab: Notebook) -> None:
    an_error_of_a_button_is_told(lab)


def test_its_words_are_whole(lab: Notebook) -> None:
    its_words_are_whole(lab)


def test_a_failure_is_told_in_lines(lab: Notebook) -> None:
    a_failure_is_told_in_lines(lab)


def test_an_app_rolls_back(voila: App) -> None:
    an_app_rolls_back(voila)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible(lab: Notebook, theme: str) -> None:
    lab.open_notebook(["%nix rollback 4"])
    lab.theme(theme)
    lab.run_all()
    output = lab.output(2)
    expect(output.locator("button.lx-agree")).to_be_visible()
    assert not lab.faults()
    lab.screenshot(f"consent-asked-{theme}")
    output.locator("button.lx-agree").click()
    expect(output.locator("[role=status]")).to_have_text(DONE.format(4))
    assert not lab.faults()
    lab.screenshot(f"consent-done-{theme}")

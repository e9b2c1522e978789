"""The generation browser in a real one: by keyboard, by mouse, beside another, and reopened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.checks import FIRST, accessible_in_both_themes, current, opened, tab_to
from tests.browser.page import App, Notebook


def grid(output: Locator) -> Locator:
    """The list of generations."""
    return output.locator(".lx-generations")


def numbers(output: Locator) -> list[str]:
    """The generations that are listed, from the top."""
    return grid(output).locator("tbody th").all_inner_texts()


def row(output: Locator, number: int) -> Locator:
    return grid(output).locator(f"tr[data-id='{number}']")


def says(output: Locator, words: str) -> None:
    """The browser's own status line, not that of a plan in it."""
    expect(output.locator(".lx-status:not(.lx-deed *)")).to_contain_text(words)


def browsing(notebook: Notebook, variant: str, *more: str) -> Locator:
    """A browser that is shown; what stands below its cell."""
    opened(notebook, variant, "%nix browse", *more)
    for index in range(FIRST + 1):
        notebook.run_cell(index)
    output = notebook.output(FIRST)
    expect(row(output, 5)).to_be_visible()
    return output


def the_keyboard_sorts_and_filters(notebook: Notebook, variant: str = "") -> None:
    """The filter, the header and the rows are each one stop of Tab, and the arrows go on."""
    output = browsing(notebook, variant)
    press = notebook.page.keyboard.press
    tab_to(notebook, output.get_by_role("searchbox", name="Filter generations"))
    notebook.page.keyboard.type("25.11")
    expect(grid(output).locator(".lx-count")).to_have_text("2 of 5 generations")
    assert numbers(output) == ["4", "3"]
    press("Tab")
    header = grid(output).locator("thead th[aria-sort]")
    expect(header.first.locator("button")).to_be_focused()
    expect(header.first).to_have_attribute("aria-sort", "descending")
    press("Enter")
    expect(header.first).to_have_attribute("aria-sort", "ascending")
    assert numbers(output) == ["3", "4"]
    press("ArrowRight")
    press("Space")
    expect(header.nth(1)).to_have_attribute("aria-sort", "ascending")
    expect(header.first).to_have_attribute("aria-sort", "none")
    press("Tab")
    press("Home")
    expect(row(output, 3)).to_be_focused()
    expect(output.locator(".lx-facts")).to_contain_text("Generation 3")
    press("ArrowUp")
    expect(header.nth(1).locator("button")).to_be_focused()
    assert notebook.page.locator(".jp-Cell").count() == FIRST + 1, "Jupyter took a key"
    assert notebook.cell(FIRST).locator(".cm-content").inner_text() == "%nix browse"
    assert not notebook.errors, notebook.errors


def the_keyboard_notes_keeps_and_deletes(notebook: Notebook, variant: str = "") -> None:
    """What a generation is called, that it is kept, and that it goes: all without a mouse."""
    output = browsing(notebook, variant)
    press = notebook.page.keyboard.press
    tab_to(notebook, row(output, 5))
    press("End")
    press("Enter")
    expect(output.locator("button.lx-roll-back")).to_be_focused()
    press("Tab")
    press("Enter")
    says(output, "Generation 1 is kept.")
    expect(row(output, 1)).to_contain_text("kept")
    expect(output.locator("button.lx-keep")).to_have_text("Let go")
    press("Enter")
    says(output, "not kept any more")
    tab_to(notebook, output.get_by_role("textbox", name="Note"))
    notebook.page.keyboard.type("x: <b>the first</b>")
    press("Tab")
    press("Enter")
    says(output, "Noted on 1.")
    expect(row(output, 1)).to_contain_text("x: <b>the first</b>")
    press("Shift+Tab")
    press("Shift+Tab")
    expect(output.locator("button.lx-delete")).to_be_focused()
    press("Enter")
    tab_to(notebook, output.locator("button.lx-agree"))
    press("Enter")
    says(output, "Done.")
    expect(row(output, 1)).to_have_count(0)
    expect(row(output, 2)).to_be_focused()
    assert not notebook.errors, notebook.errors


def two_are_compared_with_the_mouse(notebook: Notebook, variant: str = "") -> None:
    """Boxes choose; what is chosen is marked for eyes and ears, and compared."""
    output = browsing(notebook, variant)
    for number in (5, 4):
        row(output, number).locator(".lx-mark").click()
        expect(row(output, number)).to_have_attribute("aria-selected", "true")
        expect(row(output, number).locator(".lx-mark")).to_have_text("✓")
    comparison = output.locator(".lx-comparison")
    expect(comparison).to_contain_text("From 4 to 5")
    expect(comparison.locator("tbody tr", has_text="openssl")).to_contain_text("upgraded")
    comparison.get_by_role("searchbox").fill("removed")
    expect(comparison.locator(".lx-count")).to_contain_text("2 of ")
    row(output, 3).locator(".lx-mark").click()
    expect(comparison).to_contain_text("3 are chosen")
    expect(comparison.locator("table")).not_to_be_visible()
    expect(output.locator("button.lx-delete-chosen")).to_have_text("Delete 3 chosen …")
    row(output, 2).locator("td").last.click()
    expect(row(output, 2)).to_have_attribute("aria-current", "true")
    expect(row(output, 2)).to_have_attribute("aria-selected", "false")


def it_stays_true(notebook: Notebook, variant: str = "") -> None:
    """What another cell changes comes into the list; what is chosen there stays chosen."""
    output = browsing(notebook, variant, "%nix rollback 4 --yes;", "%nix delete 1 --yes;")
    row(output, 2).locator(".lx-mark").click()
    row(output, 1).locator("td").last.click()
    notebook.run_cell(FIRST + 1)
    expect(row(output, 4)).to_contain_text("current, running")
    says(output, "generation 4 is current now")
    notebook.run_cell(FIRST + 2)
    expect(row(output, 1)).to_have_count(0)
    says(output, "The machine has changed: generation 1 is gone.")
    expect(row(output, 2)).to_have_attribute("aria-selected", "true")
    expect(output.locator(".lx-facts")).to_contain_text("Generation 2")


def two_do_not_disturb_each_other(notebook: Notebook, variant: str = "") -> None:
    """Two browsers of one machine: what is chosen, filtered and proposed is each one's own, what
    the machine is both tell."""
    first = browsing(notebook, variant, "%nix browse")
    notebook.run_cell(FIRST + 1)
    second = notebook.output(FIRST + 1)
    expect(row(second, 5)).to_be_visible()
    grid(first).get_by_role("searchbox").fill("25.05")
    row(first, 2).locator(".lx-mark").click()
    row(second, 4).locator("td").last.click()
    second.locator("button.lx-roll-back").click()
    second.locator("button.lx-agree").click()
    says(second, "Done.")
    says(first, "generation 4 is current now")
    assert numbers(first) == ["2", "1"]
    assert numbers(second) == ["5", "4", "3", "2", "1"]
    expect(row(second, 2)).to_have_attribute("aria-selected", "false")
    expect(row(first, 2)).to_have_attribute("aria-selected", "true")
    expect(first.locator(".lx-agree")).to_have_count(0)
    assert current(notebook) == 4


def what_has_gone_cannot_be_acted_on(notebook: Notebook, variant: str = "") -> None:
    """A click on a generation that was deleted meanwhile is answered by a sentence."""
    blind = "from luminous_nix_ipy.widgets.browser import Browser; Browser._look = lambda _: None"
    output = browsing(notebook, variant or blind, "%nix delete 1 --yes;")
    row(output, 1).locator("td").last.click()
    notebook.run_cell(FIRST + 1)
    output.locator("button.lx-roll-back").click()
    says(output, "There is no generation 1.")


def it_is_readable(notebook: Notebook, variant: str = "") -> None:
    """With all its parts open it is readable in both themes, wide and narrow."""
    output = browsing(notebook, variant)
    row(output, 5).locator(".lx-mark").click()
    row(output, 4).locator(".lx-mark").click()
    expect(output.locator(".lx-changes tbody tr").first).to_be_visible()
    row(output, 4).locator("td").last.click()
    output.locator("button.lx-roll-back").click()
    expect(output.locator("button.lx-agree")).to_be_visible()
    accessible_in_both_themes(notebook)
    notebook.screenshot("browse-dark")
    notebook.theme("light")
    notebook.screenshot("browse")
    notebook.page.set_viewport_size({"width": 620, "height": 900})
    try:
        inner = output.locator(".lx-live").first.evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert inner[0] <= inner[1], f"it is wider than its place: {inner}"
        notebook.screenshot("browse-narrow")
    finally:
        notebook.page.set_viewport_size({"width": 1200, "height": 900})


def reopened_it_shows_its_last_state(notebook: Notebook, variant: str = "") -> None:
    """Saved and opened again without a kernel: the list, and what was compared last."""
    output = browsing(notebook, variant)
    row(output, 5).locator(".lx-mark").click()
    row(output, 4).locator(".lx-mark").click()
    expect(output.locator(".lx-changes tbody tr").first).to_be_visible()
    still = output.locator(".lx-still")
    expect(still).to_contain_text("Packages, from 4 to 5")
    expect(still).not_to_be_visible()
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload()
    notebook.wait_ready()
    still = notebook.output(FIRST).locator(".lx-still")
    expect(still).to_be_visible()
    expect(still).to_contain_text("current, running, booted")
    expect(still).to_contain_text("openssl")
    expect(notebook.output(FIRST)).not_to_contain_text("not found")


def ten_thousand_rows_are_quick(notebook: Notebook, variant: str = "") -> None:
    """Of many rows only those near those in view are drawn, and all are reached."""
    many = """
    from luminous_nix_ipy.widgets.grid import Column, Grid, Row

    many = Grid("Many", [Column("number", number=True), Column("words")], things="rows", most=1)
    many.show([Row(str(n), [str(n), f"word {n % 7}"], [n, None]) for n in range(10_000)])
    many.add_class("lx-generations")
    """
    opened(notebook, variant, many)
    notebook.run_all()
    output = notebook.output(FIRST)
    rows = grid(output).locator("tbody tr")
    expect(rows.first).to_be_visible()
    assert rows.count() < 100
    tab_to(notebook, rows.first)
    notebook.page.keyboard.press("End")
    expect(row(output, 9999)).to_be_focused()
    assert rows.count() < 100
    expect(row(output, 9999)).to_have_attribute("aria-rowindex", "10001")
    notebook.page.keyboard.press("Home")
    expect(row(output, 0)).to_be_focused()
    grid(output).locator(".lx-scroll").evaluate("e => { e.scrollTop = e.scrollHeight / 2; }")
    expect(grid(output).locator("tr[data-id='5000']")).to_have_count(1)
    notebook.page.keyboard.press("ArrowDown")
    expect(row(output, 1)).to_be_focused()


@pytest.mark.parametrize(
    "check",
    [
        the_keyboard_sorts_and_filters,
        the_keyboard_notes_keeps_and_deletes,
        two_are_compared_with_the_mouse,
        it_stays_true,
        two_do_not_disturb_each_other,
        what_has_gone_cannot_be_acted_on,
        it_is_readable,
        reopened_it_shows_its_last_state,
        ten_thousand_rows_are_quick,
    ],
    ids=lambda check: check.__name__,
)
def test_in_lab(lab: Notebook, check: Callable[[Notebook], None]) -> None:
    check(lab)


def test_in_notebook(notebook7: Notebook) -> None:
    two_are_compared_with_the_mouse(notebook7)


def test_in_voila(voila: App) -> None:
    """In an app it is the same, and a rollback is agreed to by a button."""
    opened(voila, "", "%nix browse")
    output = voila.output(FIRST)
    row(output, 4).locator("td").last.click()
    output.locator("button.lx-roll-back").click()
    output.locator("button.lx-agree").click()
    says(output, "Done.")
    expect(row(output, 4)).to_contain_text("current, running")
    assert not voila.errors, voila.errors

"""Plots in JupyterLab: a picture with its description and table, also when it is not trusted."""

from __future__ import annotations

import nbformat
from playwright.sync_api import Locator, expect

from tests.browser.page import Notebook

PLOT = 2


def check_the_picture_has_a_description(output: Locator) -> None:
    picture = output.get_by_role("img")
    expect(picture).to_be_visible()
    description = picture.get_attribute("alt") or ""
    assert description.startswith("Size of the generations of system. Generation 5 needs ")
    width = picture.evaluate("image => image.complete && image.naturalWidth")
    assert width > 500


def check_the_table_unfolds(output: Locator) -> None:
    table = output.locator("details table")
    expect(table).to_be_hidden()
    output.locator("summary").focus()
    output.page.keyboard.press("Enter")
    expect(table).to_be_visible()
    expect(table.locator("tbody tr")).to_have_count(5)


def distrust(lab: Notebook) -> None:
    """Open the notebook as one that somebody else has executed."""
    lab.save()
    path = lab.server.notebooks / lab.path
    notebook = nbformat.read(path, 4)
    (shown,) = notebook.cells[PLOT].outputs
    shown.data["text/html"] += "\n<p>Somebody else added this.</p>"
    nbformat.write(notebook, path)
    lab.shut_down_kernel()
    lab.reload()
    expect(lab.output(PLOT)).to_contain_text("Somebody else added this.")


def test_a_plot_tells_the_same_without_being_seen(lab: Notebook) -> None:
    lab.open_notebook(["%nix plot sizes"])
    lab.run_all()
    check_the_picture_has_a_description(lab.output(PLOT))
    check_the_table_unfolds(lab.output(PLOT))
    assert not lab.faults()
    lab.screenshot("plot-sizes")
    lab.theme("dark")
    assert not lab.faults()
    lab.theme("light")
    distrust(lab)
    check_the_picture_has_a_description(lab.output(PLOT))
    check_the_table_unfolds(lab.output(PLOT))
    lab.screenshot("plot-untrusted")

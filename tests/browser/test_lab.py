"""The extension in JupyterLab."""

from __future__ import annotations

from tests.browser.page import Notebook


def test_generations_are_a_table(lab: Notebook) -> None:
    lab.open_notebook(["%nix list"])
    lab.run_all()
    assert lab.output(2).locator("table.dataframe tbody tr").count() == 5
    assert lab.errors == []

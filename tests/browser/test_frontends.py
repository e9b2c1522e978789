"""The extension in Notebook 7 and in Voila: the same as in JupyterLab, in short."""

from __future__ import annotations

from tests.browser import checks
from tests.browser.page import App, Notebook


def test_generations_in_notebook_7(notebook7: Notebook) -> None:
    checks.generations_are_a_table(notebook7)


def test_progress_in_notebook_7(notebook7: Notebook) -> None:
    checks.progress_advances(notebook7)


def test_cancel_in_notebook_7(notebook7: Notebook) -> None:
    checks.cancel_ends_a_job(notebook7)


def test_generations_in_voila(voila: App) -> None:
    checks.generations_are_a_table(voila)
    assert not voila.faults()


def test_progress_of_a_callback_in_voila(voila: App) -> None:
    checks.a_callback_draws_progress(voila)

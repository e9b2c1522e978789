"""The extension in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser import checks
from tests.browser.page import Notebook


@pytest.mark.parametrize(
    "check",
    [
        checks.generations_are_a_table,
        checks.progress_advances,
        checks.a_prompt_asks,
        checks.buttons_ask,
        checks.the_keyboard_rolls_back,
        checks.cancel_ends_a_job,
        checks.a_reopened_notebook_shows_results,
        checks.tables_are_readable,
        checks.views_are_accessible,
        checks.an_error_in_a_callback_is_told,
        checks.a_view_without_its_kernel_says_so,
    ],
    ids=lambda check: check.__name__,
)
def test_in_lab(check: Callable[[Notebook], None], lab: Notebook) -> None:
    check(lab)

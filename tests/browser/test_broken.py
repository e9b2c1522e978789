"""The checks notice what is broken: each variant of the product fails the one that is about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import checks
from tests.browser.page import Notebook
from tests.browser.servers import PATIENCE

VARIANTS: dict[str, tuple[Callable[[Notebook, str], None], str, str]] = {
    "a bar that never advances": (
        checks.progress_advances,
        """
        import msgspec
        from luminous_nix_ipy.widgets import progress

        look_at = progress.look_at
        progress.look_at = lambda state: msgspec.structs.replace(look_at(state), fraction=0.0)
        """,
        "the bar does not advance",
    ),
    "a bar without words": (
        checks.progress_advances,
        """
        import msgspec
        from luminous_nix_ipy.widgets import progress

        look_at = progress.look_at
        progress.look_at = lambda state: msgspec.structs.replace(
            look_at(state), headline="", percent="", time=""
        )
        """,
        "words beside the bar",
    ),
    "a Cancel button that does nothing": (
        checks.cancel_ends_a_job,
        """
        from luminous_nix_ipy.jobs import Job

        Job.cancel = lambda job: None
        """,
        "the job goes on after Cancel",
    ),
    "a callback that raises silently": (
        checks.an_error_in_a_callback_is_told,
        """
        from luminous_nix_ipy.widgets.live import LiveView

        LiveView.tell_error = lambda view, error: None
        """,
        "This failed unexpectedly",
    ),
    "no static output": (
        checks.a_reopened_notebook_shows_results,
        """
        from luminous_nix_ipy.widgets.live import LiveView

        LiveView._still = lambda view: {"text/plain": "", "text/html": ""}
        """,
        "tells of a missing widget",
    ),
    "a table without its rows": (
        checks.generations_are_a_table,
        """
        from luminous_nix_ipy.table import Table

        read = Table.__getattribute__
        Table.__getattribute__ = lambda t, name: () if name == "rows" else read(t, name)
        """,
        "rows",
    ),
    "a table without its caption": (
        checks.generations_are_a_table,
        """
        from luminous_nix_ipy.table import Table

        read = Table.__getattribute__
        Table.__getattribute__ = lambda t, name: "" if name == "caption" else read(t, name)
        """,
        "caption",
    ),
    "a button without a name": (
        checks.views_are_accessible,
        """
        import ipywidgets
        import traitlets

        class Nameless(ipywidgets.Button):
            description = traitlets.Unicode()  # which the page is not told
            tooltip = traitlets.Unicode()

        ipywidgets.Button = Nameless
        """,
        "button-name",
    ),
    "white on white": (
        checks.tables_are_readable,
        """
        from IPython.display import HTML

        HTML("<style>.luminous-nix table { color: white !important }</style>")
        """,
        "light: as its ground",
    ),
    "black on black": (
        checks.tables_are_readable,
        """
        from IPython.display import HTML

        HTML("<style>.luminous-nix table { color: black !important }</style>")
        """,
        "dark: color-contrast",
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_broken_variant_fails(
    variant: str, lab: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, code, words = VARIANTS[variant]
    monkeypatch.setattr(lab, "patience", 4.0)
    # What never comes is not waited for as long as what may come late.
    expect.set_options(timeout=15_000)
    try:
        with pytest.raises(AssertionError, match=words):
            check(lab, code)
    finally:
        expect.set_options(timeout=PATIENCE * 1000)

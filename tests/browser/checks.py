"""What has to hold in a frontend: one function for each promise.

Each opens a notebook of its own. `variant` is a cell that runs before anything is shown:
`test_broken.py` breaks the product there, and each check has to notice.
"""

from __future__ import annotations

import re
import socket
from contextlib import closing
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.page import App, Notebook, Shown

FIRST = 3
"""The number of the first cell of a check: before it are the set-up and the variant."""

_WATCH_BARS = """() => {
    window.bars = [];
    const look = () => {
        for (const bar of document.querySelectorAll('.lx-bar .progress-bar')) {
            const words = bar.closest('.lx-progress')?.innerText ?? '';
            const last = window.bars.at(-1);
            if (last?.width !== bar.style.width || last.words !== words)
                window.bars.push({width: bar.style.width, words});
        }
    };
    const options = {subtree: true, childList: true, attributes: true, characterData: true};
    new MutationObserver(look).observe(document.body, options);
}"""
_RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()"
"""As the menu does it, so that the page knows."""
_A_SLIDER = "import ipywidgets; ipywidgets.IntSlider()"
_A_LONG_JOB = """
import asyncio
from luminous_nix_ipy import jobs
from luminous_nix_ipy.backend.progress import Progress
progress = Progress()

async def work():
    progress.update("it goes on", 0.4)
    await asyncio.sleep(3600)

job = jobs.start("a long job", progress, work(), get_ipython())
"""


def opened(shown: Shown, variant: str, *cells: str) -> None:
    """Open a notebook with these cells, the first of them the number `FIRST`."""
    assert isinstance(shown, (Notebook, App))
    shown.open_notebook([variant or "None", *cells])


def generations_are_a_table(shown: Shown, variant: str = "") -> None:
    """`%nix list` is a table with a caption and a row for each generation; nothing else happens."""
    opened(shown, variant, "%nix list")
    if isinstance(shown, Notebook):
        shown.run_all()
    output = shown.output(FIRST)
    expect(output.locator("caption")).to_have_text("PLAYGROUND: Generations")
    rows = output.locator("table.dataframe tbody tr")
    assert rows.locator("th[scope=row]").all_inner_texts() == ["5", "4", "3", "2", "1"], "rows"
    headers = output.locator("thead th[scope=col]").all_inner_texts()
    assert headers[:4] == ["number", "date", "current", "state"]
    assert "running, booted" in rows.nth(0).inner_text()
    assert not shown.errors, shown.errors


def progress_advances(notebook: Notebook, variant: str = "") -> None:
    """A change draws its progress while it goes on, and leaves words and a full bar behind."""
    opened(notebook, variant, "%nix rollback 4 --yes")
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.run_cell(2)
    watch_bars(notebook)
    output = notebook.run_cell(FIRST)
    bars_advanced(notebook)
    expect(output.locator(".progress-bar")).to_have_count(0)
    left = output.locator(".lx-progress").first
    assert left.locator("progress").get_attribute("value") == "1.000"
    assert "done in" in left.inner_text()
    assert "Done: Generation 4 is current and running." in output.inner_text()
    assert not notebook.errors, notebook.errors


def watch_bars(shown: Shown) -> None:
    """From now on, remember every state of every bar."""
    shown.page.evaluate(_WATCH_BARS)


def bars_advanced(shown: Shown) -> None:
    """The bar that was remembered grew, with words beside it that changed too."""
    seen: list[dict[str, str]] = shown.page.evaluate("() => window.bars")
    widths = [float(state["width"].removesuffix("%") or 0) for state in seen]
    assert len(set(widths)) >= 4, f"the bar does not advance: {seen}"
    assert widths == sorted(widths), f"the bar goes back: {seen}"
    said = {state["words"] for state in seen}
    assert len(said) >= 4, f"the words beside the bar do not change: {seen}"
    told = {state["width"] for state in seen if "%" in state["words"]}
    assert len(told) >= 4, f"no words beside the bar: {seen}"


def a_prompt_asks(notebook: Notebook, variant: str = "") -> None:
    """Where there are no widgets, a prompt asks: what is not agreed to is not done."""
    no_widgets = "%config NixMagics.progress = 'text'"
    opened(notebook, variant, no_widgets, "%nix rollback 4", "%nix rollback 4")
    for index in range(FIRST + 1):
        notebook.run_cell(index)
    declined, agreed = FIRST + 1, FIRST + 2
    notebook.start(declined)
    notebook.answer("n")
    notebook.wait_idle()
    expect(notebook.output(declined)).to_contain_text("Not agreed to. Nothing was changed.")
    assert current(notebook) == 5, "it was done without consent"
    notebook.start(agreed)
    notebook.answer("y")
    notebook.wait_idle()
    expect(notebook.output(agreed)).to_contain_text("Plan: rollback of system, 5 → 4")
    expect(notebook.output(agreed)).to_contain_text("Done: Generation 4 is current and running.")
    assert current(notebook) == 4


def buttons_ask(notebook: Notebook, variant: str = "") -> None:
    """Where there are widgets, buttons ask; the change is drawn in place of the question."""
    opened(notebook, variant, "%nix rollback 4", "%nix rollback 4")
    notebook.run_all()
    declined, agreed = map(notebook.output, (FIRST, FIRST + 1))
    declined.locator("button.lx-decline").click()
    expect(declined.locator("[role=status]")).to_have_text("Not agreed to. Nothing was changed.")
    assert current(notebook) == 5, "it was done without consent"
    watch_bars(notebook)
    agreed.locator("button.lx-agree").click()
    expect(agreed.locator(".lx-head")).to_contain_text("Carried out: rollback of system, 5 → 4")
    bars_advanced(notebook)
    expect(agreed.locator("[role=status]")).to_contain_text("Generation 4 is current and running.")
    assert current(notebook) == 4
    assert not notebook.errors, notebook.errors


def the_keyboard_rolls_back(notebook: Notebook, variant: str = "") -> None:
    """Tab, the arrows, Space and Enter do all that the generation browser can: compare two
    generations, read the plan of a rollback, agree to it."""
    opened(notebook, variant, "%nix browse")
    notebook.run_all()
    output = notebook.output(FIRST)
    press = notebook.page.keyboard.press
    rows = output.locator(".lx-generations table[role=grid] tbody tr")
    expect(rows).to_have_count(5)
    tab_to(notebook, rows.first)
    press("ArrowDown")
    press("ArrowDown")
    press("Space")
    press("ArrowUp")
    press("Space")
    expect(output.locator(".lx-generations .lx-count")).to_contain_text("2 chosen")
    expect(output.locator(".lx-comparison")).to_contain_text("postgresql")
    press("Enter")
    expect(output.locator("button.lx-roll-back")).to_be_focused()
    press("Enter")
    tab_to(notebook, output.locator("button.lx-agree"))
    press("Space")
    expect(output).to_contain_text("Carried out: rollback of system, 5 → 4")
    assert current(notebook) == 4
    expect(rows.nth(1)).to_contain_text("current")
    assert not notebook.errors, notebook.errors


def tab_to(notebook: Notebook, target: Locator) -> None:
    """Press Tab until this has the focus."""
    expect(target).to_be_visible()
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        notebook.page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there")


def current(notebook: Notebook) -> int:
    """The number of the current generation, as the kernel reads it."""
    return int(
        notebook.value("""
            import luminous_nix_ipy
            int(luminous_nix_ipy.nix.list().query("current").number.iloc[0])
        """)
    )


def cancel_ends_a_job(notebook: Notebook, variant: str = "") -> None:
    """The Cancel button of a job ends what it does: its download is hung up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/packages.json"
        opened(notebook, variant, f"job = %nix index add {url} --kind packages --bg")
        notebook.run_all()
        server.settimeout(notebook.patience)
        with closing(server.accept()[0]) as download:
            download.settimeout(notebook.patience)
            assert download.recv(1 << 16).startswith(b"GET /packages.json")
            output = notebook.output(FIRST)
            output.get_by_role("button", name="Cancel").click()
            assert _hung_up(download), "the job goes on after Cancel"
    expect(output.locator("button")).to_have_count(0)
    expect(output).to_contain_text("interrupted")
    assert notebook.value("job.state") == "'cancelled'"
    assert not notebook.errors, notebook.errors


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def a_reopened_notebook_shows_results(notebook: Notebook, variant: str = "") -> None:
    """A notebook whose kernel is gone shows the last state of everything, and nowhere that a widget
    is missing."""
    opened(
        notebook,
        variant,
        "%nix list",
        "%nix rollback 4 --yes",
        "%nix browse",
        "%nix dashboard",
        "%nix rollback 5",
        _A_LONG_JOB,
        _A_SLIDER,
    )
    notebook.run_all()
    cells = range(FIRST, FIRST + 6)
    listed, done, browser, dashboard, asked, working = map(notebook.output, cells)
    expect(working.locator(".lx-panel")).to_contain_text("it goes on")
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload()
    notebook.wait_ready()
    # By now what a widget without its model shows has come.
    expect(notebook.output(cells.stop)).to_contain_text("model not found")
    for index in cells:
        text = notebook.output(index).inner_text()
        for words in ("not found", "Loading widget", "Error displaying"):
            assert words not in text, f"cell {index} tells of a missing widget: {text}"
    expect(listed.locator("table.dataframe")).to_be_visible()
    expect(done).to_contain_text("Done: Generation 4 is current and running.")
    expect(done.locator("progress").first).to_be_visible()
    expect(browser.locator("table.dataframe")).to_be_visible()
    expect(dashboard).to_contain_text("current 4, running 4, booted 5")
    expect(asked).to_contain_text("Plan: rollback of system, 4 → 5")
    expect(working).to_contain_text("it goes on")
    expect(working).to_contain_text("40 %")


def tables_are_readable(notebook: Notebook, variant: str = "") -> None:
    """Text is readable in the light and the dark theme."""
    opened(notebook, variant, "%nix list", "%nix doctor")
    notebook.run_all()
    accessible_in_both_themes(notebook)


def views_are_accessible(notebook: Notebook, variant: str = "") -> None:
    """What people act on is readable and every control has a name, in both themes."""
    opened(
        notebook,
        variant,
        "%nix browse",
        "%nix dashboard",
        "%nix rollback 4",
        "job = %nix rollback 4 --yes --bg --settle 1000s",
    )
    notebook.run_all()
    expect(notebook.output(FIRST + 3)).to_contain_text("watching it")
    accessible_in_both_themes(notebook)


def accessible_in_both_themes(notebook: Notebook) -> None:
    """What we draw in this notebook, as axe-core judges it in each theme."""
    for theme in ("light", "dark"):
        notebook.theme(theme)
        faults = notebook.faults()
        assert not faults, f"{theme}: " + "\n".join(faults)
        unreadable = notebook.unreadable()
        assert not unreadable, f"{theme}: as its ground: {unreadable}"
        passed: list[dict[str, Any]] = notebook.audit()["passes"]
        assert any(rule["id"] == "color-contrast" for rule in passed), "no text was looked at"


def a_view_without_its_kernel_says_so(notebook: Notebook, variant: str = "") -> None:
    """Once the kernel was restarted the buttons of a view are dead, and the view says it."""
    opened(notebook, variant, "%nix rollback 4")
    notebook.run_all()
    view = notebook.output(FIRST).locator(".luminous-nix-live").first
    told = "view => getComputedStyle(view, '::before').content"
    expect(view.locator("button.lx-agree")).to_be_visible()
    assert view.evaluate(told) == "none"
    notebook.page.evaluate(_RESTART)
    expect(view).to_have_class(re.compile("disconnected"))
    assert "Its kernel has ended" in view.evaluate(told)


def an_error_in_a_callback_is_told(notebook: Notebook, variant: str = "") -> None:
    """A button whose deed fails says so where it is, not in a log that nobody reads."""
    fails = """
    from luminous_nix_ipy.widgets.browser import Browser

    def fail(browser, button):
        raise ZeroDivisionError("on purpose")

    Browser._roll_back = fail
    """
    opened(notebook, variant, fails, "%nix browse")
    notebook.run_all()
    output = notebook.output(FIRST + 1)
    output.locator("button.lx-roll-back").click()
    told = "This failed unexpectedly (ZeroDivisionError: on purpose)."
    status = output.locator(".lx-status [role=status]")
    expect(status).to_contain_text(told, timeout=notebook.patience * 1000)


def a_callback_draws_progress(app: App, variant: str = "") -> None:
    """In an app a button's callback changes the machine under a bar that moves."""
    opened(
        app,
        variant,
        """
        import ipywidgets
        from luminous_nix_ipy import nix

        told = ipywidgets.Output()
        button = ipywidgets.Button(description="Roll back")

        @button.on_click
        def roll_back(_):
            with told:
                display(nix.rollback(4, yes=True))

        display(button, told)
        """,
    )
    watch_bars(app)
    app.output(FIRST).get_by_role("button", name="Roll back").click()
    expect(app.page.get_by_text("Done: Generation 4 is current and running.")).to_be_visible()
    bars_advanced(app)

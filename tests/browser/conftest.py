"""Real frontends in a real browser: the fixtures `lab`, `notebook7` and `voila`.

How to write a test: take a fixture, open a notebook with the cells you need, run it, look.

    from tests.browser.page import Notebook

    def test_the_list_is_a_table(lab: Notebook) -> None:
        lab.open_notebook(["%nix list"])       # cells 0 and 1 load the extension and start a
        lab.run_all()                          # playground, so this is cell 2
        rows = lab.output(2).locator("table.dataframe tbody tr")
        assert rows.count() == 5
        assert not lab.faults()                # axe-core on what we draw, in the theme that is on
        lab.screenshot("list")                 # build/screenshots/list.png: look at it

- `start(i)` begins to run a cell and does not wait: for one that asks (`answer("y")`) or whose
  progress is watched. `run_cell(i)`, `run_all()` wait to the end; `wait_idle()` does alone.
- `output(i)` and `page` are Playwright's locator and page (its sync API):
  `lab.output(2).locator("button.lx-apply").click()`, `lab.page.keyboard.press("Tab")`. Every click
  and `expect(locator).to_have_text(...)` waits by itself: never sleep.
- `value("x.state")` asks the kernel; it waits for the cell that runs.
- `save()`, `reload()`, `restart_kernel()`, `shut_down_kernel()`, `theme("dark")`, `errors`.
- In Voila `open_notebook` executes the notebook, and there is neither `start` nor `value`.

One server of each kind, one browser and one page of JupyterLab serve all tests, in one process
(`xdist_group`); the kernels find no Nix. They end before other tests begin, since Playwright's loop
would be in the way of theirs. A test that fails leaves build/screenshots/failed-NAME.png.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, expect, sync_playwright

from tests.browser.page import App, Notebook, Shown
from tests.browser.servers import PATIENCE, Server, a_server
from tests.provide import browser as provided
from tests.require import require

_HERE = Path(__file__).parent
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder in one process."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    require("browser")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"),
            executable_path=provided.find(),
            headless=True,
            chromium_sandbox=False,
            viewport={"width": 1200, "height": 900},
            args=[
                *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
                *("--disable-background-networking", "--disable-component-update"),
            ],
        )
        yield context
        context.close()


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with a_server("lab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="package")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with a_server("notebook", tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture(scope="package")
def voila_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with a_server("voila", tmp_path_factory.mktemp("voila")) as server:
        yield server


@pytest.fixture(scope="package")
def the_lab(browser: BrowserContext, lab_server: Server) -> Notebook:
    """JupyterLab, loaded once."""
    return Notebook(lab_server, browser.new_page())


@pytest.fixture
def lab(the_lab: Notebook, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """JupyterLab."""
    yield the_lab
    _picture(the_lab, request)
    if the_lab.path:
        the_lab.theme("light")
        the_lab.close()


@pytest.fixture
def notebook7(
    browser: BrowserContext, notebook_server: Server, request: pytest.FixtureRequest
) -> Iterator[Notebook]:
    """Notebook 7."""
    with browser.new_page() as page:
        notebook = Notebook(notebook_server, page)
        yield notebook
        _picture(notebook, request)
        notebook.close()


@pytest.fixture
def voila(
    browser: BrowserContext, voila_server: Server, request: pytest.FixtureRequest
) -> Iterator[App]:
    """Voila."""
    with browser.new_page() as page:
        app = App(voila_server, page)
        yield app
        _picture(app, request)


def _picture(shown: Shown, request: pytest.FixtureRequest) -> None:
    """A picture of what a test that failed saw last."""
    if request.node.stash.get(_FAILED, False):
        with suppress(Error):
            shown.screenshot(f"failed-{request.node.name}")
        print("The console told:", *shown.errors, sep="\n")

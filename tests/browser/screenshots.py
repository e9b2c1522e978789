"""`python -m tests.browser.screenshots`: pictures of the views, as JupyterLab shows them now.

All are in build/screenshots; those that the README and the pages show are copied to
docs/screenshots. The name of a file says what it shows.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect, sync_playwright

from tests.browser.page import SCREENSHOTS, SETUP, Notebook
from tests.browser.servers import PATIENCE, a_server
from tests.provide import browser

SHOWN = SCREENSHOTS.parents[1] / "docs/screenshots"
MOST_BYTES = 150_000
"""Of a picture that is kept with the sources."""


def compare_two(output: Locator) -> None:
    """Choose the generations 4 and 5, and wait for what differs."""
    for number in (4, 5):
        output.locator(f"tr[data-id='{number}'] .lx-mark").click()
    expect(output.locator(".lx-comparison")).to_contain_text("nginx")


def type_words(output: Locator) -> None:
    """Search for something, and look at the first that was found."""
    output.get_by_role("searchbox", name="Search").press_sequentially("browser")
    expect(output.locator(".lx-results tbody th")).to_have_text(["firefox"])


def until_watched(output: Locator) -> None:
    """Wait until most of the change is done."""
    expect(output).to_contain_text("all is well; watching it")


def nothing(output: Locator) -> None:
    """It shows all at once."""


VIEWS: dict[str, tuple[str, Callable[[Locator], None], bool]] = {
    "generations": ("%nix list --sizes", nothing, False),
    "generation-browser": ("%nix browse", compare_two, True),
    "plan-of-a-rollback": ("%nix rollback 4", nothing, True),
    "search-box": ("%nix search", type_words, True),
    "dashboard": ("%nix dashboard", nothing, True),
    "doctor": ("%nix doctor", nothing, False),
    "progress": ("job = %nix rollback 4 --yes --bg --settle 600s", until_watched, False),
}
"""The cell of each view, what is done with it, and whether the pages show it."""
DARK = "generation-browser"
"""The view that is shown in the dark theme too."""


def take(notebook: Notebook) -> list[Path]:
    """Take all pictures; those that the pages show."""
    notebook.open_notebook([cell for cell, _, _ in VIEWS.values()])
    for index in range(len(SETUP)):
        notebook.run_cell(index)
    shown = []
    for index, (name, (_, act, is_shown)) in enumerate(VIEWS.items(), len(SETUP)):
        act(notebook.run_cell(index))
        pictures = [notebook.screenshot(name, notebook.cell(index))]
        if name == DARK:
            notebook.theme("dark")
            pictures.append(notebook.screenshot(f"{name}-dark", notebook.cell(index)))
            notebook.theme("light")
        shown += pictures if is_shown else []
    return shown


def main() -> int:
    program = browser.find()
    if program is None:
        print("Chromium is missing: `make provide` installs it where it can.", file=sys.stderr)
        return 1
    expect.set_options(timeout=PATIENCE * 1000)
    with (
        tempfile.TemporaryDirectory(prefix="pictures-") as folder,
        a_server("lab", Path(folder, "server")) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=program, chromium_sandbox=False, args=["--disable-gpu"]
        ) as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1200, "height": 1700})
        pictures = take(Notebook(server, page))
    SHOWN.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        if picture.stat().st_size > MOST_BYTES:
            print(f"{picture} is too large to be kept with the sources.", file=sys.stderr)
            return 1
        shutil.copy(picture, SHOWN)
        print(SHOWN / picture.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

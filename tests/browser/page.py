"""What somebody at a browser does with a notebook, and sees.

`Notebook` is a notebook in JupyterLab or Notebook 7, `App` the same in Voila. Both have `page`
(Playwright's), `output(i)`, `errors`, `screenshot(name)` and `faults(...)`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import axe_playwright_python
import nbformat
import playwright.sync_api
from playwright.sync_api import ConsoleMessage, Locator, Page

from tests.browser.servers import PATIENCE, Server

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
SETUP = ("%load_ext luminous_nix_ipy", "%nix playground start;")
"""The cells 0 and 1 of every notebook, unless it is opened without."""
OURS = ".luminous-nix, [class*='lx-']"
"""Everything that we draw; the rest of the page is Jupyter's."""

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
_KNOWN = re.compile(
    r"reading 'schema'|favicon|Failed to load resource"
    r"|widget model not found|/api/kernels/\S+ failed: .* response code: 404"
    r"|Canceled future for create_subshell_request"
)
"""Errors that Jupyter's own pages log whatever they show; the last three of them late, of the
notebook that was open before, whose kernel was shut down."""
_numbers = itertools.count(1)

_START = """command => {
    window.luminousRuns = (window.luminousRuns ?? 0) + 1;
    window.jupyterapp.commands.execute(command).finally(() => { window.luminousRuns -= 1; });
}"""
_IS_READY = """path => {
    const shown = window.jupyterapp?.shell.currentWidget;
    const kernel = shown?.sessionContext?.session?.kernel;
    return shown?.context?.path === path && kernel?.connectionStatus === 'connected'
        && kernel.status === 'idle';
}"""
_SEEN = """() => {
    const shown = window.jupyterapp?.shell.currentWidget;
    const session = shown?.sessionContext;
    const kernel = session?.session?.kernel;
    const dialogs = [...document.querySelectorAll('.jp-Dialog')].map(dialog => dialog.innerText);
    return JSON.stringify({
        shown: shown?.context?.path ?? shown?.id, isReady: session?.isReady, dialogs,
        connection: kernel?.connectionStatus, kernel: kernel?.status, id: kernel?.id,
        focused: document.hasFocus(), visibility: document.visibilityState,
    });
}"""
_FORGET_CHANGES = """() => {
    // Nothing is shown where the notebook could not be opened; the next test can do without it.
    const shown = window.jupyterapp?.shell.currentWidget;
    if (shown?.context) shown.context.model.dirty = false;
}"""
_CLOSE = f"""async () => {{
    // At once: an output that came in between would be a change again, and JupyterLab would ask
    // whether to save it, in a dialog that is in the way of all that follows.
    ({_FORGET_CHANGES})();
    await window.jupyterapp.commands.execute('application:close-all');
}}"""
_IS_IDLE = """() => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel;
    return !window.luminousRuns && kernel?.status === 'idle';
}"""
_AUDIT = """async scope => {
    // JupyterLab's body has no height, so axe-core takes what is not placed absolutely for hidden.
    document.body.style.height = '100vh';
    const said = await axe.run({include: [scope]}, {});
    document.body.style.height = '';
    return said;
}"""
_HAS_GROUND = """light => {
    const ground = getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor;
    return Number(ground.match(/\\d+/)[0]) > 128 === light;
}"""
_ASK_KERNEL = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false, allow_stdin: false});
    let said = '';
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === 'execute_result') said = content.data['text/plain'];
        if (header.msg_type === 'error') said = content.traceback.join('\\n');
    };
    const reply = await future.done;
    return {status: reply.content.status, said};
}"""


class Shown:
    """What is common to all frontends.

    Args:
        page: a page of the browser, for this alone.
    """

    patience = PATIENCE
    """Seconds that a check waits for what it is about."""

    def __init__(self, server: Server, page: Page) -> None:
        self.server = server
        self.page = page
        self.errors: list[str] = []
        """What the console of the browser was told as errors since the notebook was opened, but
        what Jupyter's own pages always tell."""
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._keep(str(error)))

    def output(self, index: int) -> Locator:
        """What stands below the cell of this number, counted from 0."""
        raise NotImplementedError

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """A picture of the page, or of a part of it: build/screenshots/`name`.png."""
        path = SCREENSHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path, animations="disabled")
        return path

    def faults(self, scope: str = OURS) -> list[str]:
        """What axe-core finds serious or critical in all that matches a CSS selector."""
        return [
            f"{rule['id']}: {rule['help']}: {node['html']} {node['failureSummary']}"
            for rule in self.audit(scope)["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]

    def unreadable(self, scope: str = OURS) -> list[str]:
        """The text that has the very colour of its ground, which axe-core only finds strange."""
        return [
            node["html"]
            for rule in self.audit(scope)["incomplete"]
            for node in rule["nodes"]
            for reason in node["any"]
            if (reason["data"] or {}).get("messageKey") == "equalRatio"
        ]

    def audit(self, scope: str = OURS) -> dict[str, Any]:
        """All that axe-core says of what matches a CSS selector; it raises where nothing does."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(_AXE.read_text())
        said: dict[str, Any] = self.page.evaluate(_AUDIT, scope)
        return said

    def _write(self, cells: Sequence[str], setup: bool) -> str:
        """A new notebook with these cells; its name."""
        name = f"notebook-{next(_numbers)}.ipynb"
        sources = [*(SETUP if setup else ()), *map(dedent, cells)]
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources],
            metadata={
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
        )
        nbformat.write(made, self.server.notebooks / name)
        return name

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._keep(message.text)

    def _keep(self, error: str) -> None:
        if not _KNOWN.search(error):
            self.errors.append(error)


class Notebook(Shown):
    """A notebook in JupyterLab or Notebook 7."""

    path = ""
    """The notebook that is open."""

    def open_notebook(self, cells: Sequence[str], *, setup: bool = True) -> None:
        """Write a new notebook and open it; the one before is closed and its kernel shut down.

        Args:
            cells: the sources of its code cells.
            setup: begin with the two cells that load the extension and start a playground.
        """
        self.close()
        self.path = self._write(cells, setup)
        self.errors.clear()
        if self.server.kind == "lab" and self.page.url.startswith(self.server.url):
            self._execute("docmanager:open", {"path": self.path})
        else:
            self._go()
        self.wait_ready()

    def close(self) -> None:
        """Close the notebook without saving it, and shut its kernel down."""
        if self.path:
            if self.server.kind == "lab":
                self.page.evaluate(_CLOSE)
            else:
                self.page.evaluate(_FORGET_CHANGES)
                self.page.goto("about:blank")
            self.path = ""
        self.server.end_kernels()

    def reload(self) -> None:
        """Load the page anew, as F5 does."""
        self._go()

    def wait_ready(self) -> None:
        """Wait until the notebook is shown and its kernel is idle.

        Raises:
            TimeoutError: they are not; with what there is instead, in the page and in the server.
        """
        try:
            self.page.wait_for_function(_IS_READY, arg=self.path)
        except playwright.sync_api.TimeoutError as error:
            seen = self.page.evaluate(_SEEN)
            sessions = self.server.ask("GET", "sessions")
            raise TimeoutError(
                f"{self.path} is not ready: {seen}; sessions: {sessions}\n{self.server.log[-4000:]}"
            ) from error

    def start(self, index: int | None = None) -> None:
        """Begin to run one cell, or all, and don't wait: one that asks does not end by itself."""
        if index is None:
            self.page.evaluate(_START, "notebook:run-all-cells")
            return
        self.page.evaluate(
            "i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", index
        )
        self.page.evaluate(_START, "notebook:run-cell")

    def run_cell(self, index: int) -> Locator:
        """Run one cell to its end; what stands below it."""
        self.start(index)
        self.wait_idle()
        return self.output(index)

    def run_all(self) -> None:
        """Run every cell to the end, or to the first that fails."""
        self.start()
        self.wait_idle()

    def wait_idle(self) -> None:
        """Wait until every cell that was started has ended and the kernel has nothing to do."""
        self.page.wait_for_function(_IS_IDLE)

    def cell(self, index: int) -> Locator:
        """The whole cell of this number, counted from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def answer(self, text: str) -> None:
        """Wait for the prompt of a cell, and answer it."""
        prompt = self.page.locator(".jp-Stdin-input")
        prompt.fill(text)
        prompt.press("Enter")

    def value(self, code: str) -> str:
        """The value of an expression in the kernel, as its repr, without a cell for it.

        Raises:
            AssertionError: the code fails.
        """
        reply = self.page.evaluate(_ASK_KERNEL, dedent(code).strip())
        assert reply["status"] == "ok", reply["said"]
        return str(reply["said"])

    def save(self) -> dict[str, Any]:
        """Save the notebook; what is in the file then."""
        self._execute("docmanager:save")
        content: dict[str, Any] = nbformat.read(self.server.notebooks / self.path, 4)
        return content

    def restart_kernel(self) -> None:
        """Restart the kernel; outputs stay."""
        (session,) = self.server.ask("GET", "sessions")
        self.server.ask("POST", f"kernels/{session['kernel']['id']}/restart")
        self.wait_ready()

    def shut_down_kernel(self) -> None:
        """Shut the kernel down; outputs stay."""
        self.server.end_kernels()

    def theme(self, name: str) -> None:
        """Change to the "light" or the "dark" theme."""
        self._execute("apputils:change-theme", {"theme": _THEMES[name]})
        light = "true" if name == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
        # The page is told the theme's name before it has the theme's colours.
        self.page.wait_for_function(_HAS_GROUND, arg=name == "light")
        # Under what lies over the page meanwhile axe-core cannot tell text from ground.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def _go(self) -> None:
        where = "lab/tree" if self.server.kind == "lab" else "notebooks"
        self.page.goto(f"{self.server.url}/{where}/{self.path}?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget")
        if self.server.kind == "lab":
            self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def _execute(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        """Execute a command of JupyterLab to its end."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [command, arguments or {}],
        )


class App(Shown):
    """A notebook as an app in Voila: executed when it is opened, and only its outputs shown."""

    def open_notebook(
        self, cells: Sequence[str], *, setup: bool = True, theme: str = "light"
    ) -> None:
        """Write a new notebook and open it, which executes it."""
        self.errors.clear()
        name = self._write(cells, setup)
        self.page.goto(f"{self.server.url}/voila/render/{name}?theme={theme}")
        self.page.wait_for_selector("#rendered_cells", state="visible")

    def output(self, index: int) -> Locator:
        return self.page.locator(".jp-Cell").nth(index).locator(".jp-Cell-outputWrapper")

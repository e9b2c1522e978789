"""Servers of notebooks, each with its own home, settings, kernels, port and folder."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.playground import path_without_nix

PATIENCE = 60.0
"""Seconds to wait for anything; only a test that fails waits so long."""

_ROOT = Path(__file__).parents[2]
_JUPYTER = (
    *("--ServerApp.token=", "--ServerApp.password=", "--ServerApp.ip=127.0.0.1"),
    *("--ServerApp.port_retries=0", "--ServerApp.disable_check_xsrf=True"),
    *("--allow-root", "--no-browser"),
)
_KINDS: dict[str, tuple[str, ...]] = {
    "lab": ("jupyterlab", *_JUPYTER, "--LabApp.expose_app_in_browser=True"),
    "notebook": ("notebook", *_JUPYTER, "--JupyterNotebookApp.expose_app_in_browser=True"),
    "voila": (
        *("voila", "--no-browser", "--Voila.ip=127.0.0.1"),
        "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension",
    ),
}
_SETTINGS: dict[str, dict[str, Any]] = {
    # A pop-up about news covers the page.
    "labconfig/page_config.json": {
        "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}
    },
    # Every cell is in the page, whether it is in view or not.
    "lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {
        "windowingMode": "none"
    },
    "lab/user-settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {
        "autosave": False
    },
}


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server."""

    kind: str
    """ "lab", "notebook" or "voila"."""
    url: str
    folder: Path
    """Its home; what its kernels leave in temporary folders is in `tmp` below it."""

    @property
    def notebooks(self) -> Path:
        """What it shows."""
        return self.folder / "notebooks"

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def ask(self, method: str, path: str) -> Any:
        """Its answer on its REST API, which Voila has not."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def end_kernels(self) -> None:
        """Shut every kernel down, as "Shut Down All Kernels" does."""
        for session in self.ask("GET", "sessions"):
            self.ask("DELETE", f"sessions/{session['id']}")


@contextmanager
def a_server(kind: str, folder: Path) -> Iterator[Server]:
    """A server that finds no Nix, so that playgrounds are made in half a second."""
    environment = _environment(folder)
    settings = Path(environment["JUPYTER_CONFIG_DIR"])
    for name, content in _SETTINGS.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(json.dumps(content))
    port = _free_port()
    server = Server(kind, f"http://127.0.0.1:{port}", folder)
    server.notebooks.mkdir()
    module, *options = _KINDS[kind]
    where = (
        (f"--Voila.port={port}", str(server.notebooks))
        if kind == "voila"
        else (f"--ServerApp.port={port}", f"--ServerApp.root_dir={server.notebooks}")
    )
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options, *where],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(server, process)
        yield server
        if kind != "voila":
            server.end_kernels()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _environment(folder: Path) -> dict[str, str]:
    foreign = ("NIX_", "NIXOS_", "LUMINOUS_", "JUPYTER", "IPYTHON", "XDG_")
    (folder / "tmp").mkdir(parents=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PATH": path_without_nix(folder / "bin"),
        "PYTHONPATH": str(_ROOT),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "LUMINOUS_NIX_STATE_DIR": str(folder / "state"),
        "LUMINOUS_NIX_SYSTEM_STATE_DIR": str(folder / "system-state"),
        "LUMINOUS_NIX_ELEVATION": "none",
    }


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_until_it_answers(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Jupyter tells its state; of Voila's pages each would execute a notebook, but the list."""
    path = "/" if server.kind == "voila" else "/api/status"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(server.url + path, timeout=PATIENCE).close()
            return
        except (OSError, urllib.error.URLError):
            assert process.poll() is None and time.monotonic() < deadline, server.log
            time.sleep(0.1)

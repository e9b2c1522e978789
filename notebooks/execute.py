"""`python -m notebooks.execute [NAME...]`: execute notebooks in place, as their tests will.

Progress is not drawn (nbval knows no updates of outputs), and the home is an empty one. A kernel
works in the folder of its notebook, as Jupyter's do: what a notebook needs may stand beside it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
SECONDS_A_CELL = 300


def notebooks() -> list[Path]:
    """Every notebook here and below."""
    found = HERE.rglob("*.ipynb")
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def environment(home: str) -> dict[str, str]:
    """The variables that a kernel needs so that its outputs can be compared with another's."""
    return {
        "HOME": home,
        "LUMINOUS_NIX_PROGRESS": "none",
        "LUMINOUS_NIX_STATE_DIR": f"{home}/state",
        "LUMINOUS_NIX_SYSTEM_STATE_DIR": f"{home}/system",
        "IPYTHONDIR": f"{home}/ipython",
        "LOGNAME": "operator",
        "SUDO_USER": "",
        "DOAS_USER": "",
        "TZ": "UTC",
    }


def execute(path: Path) -> None:
    """Execute one notebook and write its outputs and counts into it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed that is not tagged raises-exception.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(environment(home))
        client = NotebookClient(
            notebook, timeout=SECONDS_A_CELL, resources={"metadata": {"path": str(path.parent)}}
        )
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(without_host(notebook), path)


def without_host(notebook: NotebookNode) -> NotebookNode:
    """The notebook with "localhost" for the name of the machine that executed it."""
    named = rf"\b{re.escape(socket.gethostname())}\b"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            told = re.sub(named, "localhost", json.dumps(cell.outputs))
            cell.outputs = [nbformat.from_dict(output) for output in json.loads(told)]
    return notebook


if __name__ == "__main__":
    for place in [HERE / name for name in sys.argv[1:]] or notebooks():
        execute(place)
        print(f"executed {place.relative_to(HERE)}")

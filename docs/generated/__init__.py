"""Sphinx extension: the pages and tables that are made from the program itself.

A file of `docs/verbs` holds the example of one verb; everything else on its page comes from the
verb's own help. In any other page a line `<!-- generated: NAME -->` stands for a part of `PARTS`.

Every page is executed in a home of its own, which is removed afterwards. Cells tagged `needs-nix`
stand without their output where no Nix is installed, and the page says so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.execute import direct
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from traitlets.config import Config

from luminous_nix_ipy.verbs import VERBS
from notebooks.execute import environment

from . import python_api, tables, verb_page

PARTS = {
    "verbs": tables.verbs,
    "settings": tables.settings,
    "errors": tables.errors,
    "operations": tables.operations,
    "notebooks": tables.notebooks,
    "screenshots": tables.screenshots,
    "nix": python_api.nix,
    "backend": python_api.backend,
}

_KERNEL = (sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f")
_PART = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = "*This needs Nix. The machine that made this page has none, so it was not run.*"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", check_examples)
    app.connect("builder-inited", stay_apart)
    app.connect("source-read", complete_page)
    direct.single_nb_execution = execute
    return {"parallel_read_safe": True}


def check_examples(app: Sphinx) -> None:
    """Every verb has its file, and every file its verb.

    Raises:
        ExtensionError: it says which file to write or to remove.
    """
    folder = Path(app.srcdir, "verbs")
    written = {path.stem for path in folder.glob("*.md")}
    problems = [
        f"write docs/verbs/{verb}.md: a sentence, and a code-cell with an example of %nix {verb}"
        for verb in VERBS
        if verb not in written
    ]
    problems += [f"remove docs/verbs/{name}.md: no such verb" for name in written - {*VERBS}]
    if problems:
        raise ExtensionError("; ".join(sorted(problems)))


def stay_apart(app: Sphinx) -> None:
    """Give the kernels a home, a temporary folder and settings of their own, and this Python."""
    apart = tempfile.mkdtemp(prefix="nix-docs-")
    app.connect("build-finished", lambda app, error: shutil.rmtree(apart, ignore_errors=True))
    for name in [name for name in os.environ if name.startswith(("LUMINOUS_NIX_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(environment(apart), TMPDIR=apart, JUPYTER_PATH=apart)
    spec = Path(apart, "kernels", "python3", "kernel.json")
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": [*_KERNEL, "{connection_file}"], "language": "python"}))


def execute(*args: Any, **options: Any) -> Any:
    """Execute a page as MyST-NB does, but with sockets that are files in a folder of its own: a
    port that is free when it is chosen may be taken when the kernel binds it."""
    sockets = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    config = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
    return single_nb_execution(*args, config=config, **options)


def complete_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what is generated into a page, before it is read."""
    if app.env.doc2path(page).suffix != ".md":
        return
    folder, _, name = page.rpartition("/")
    text = source[0]
    if folder == "verbs" and name in VERBS:
        text = verb_page.page(name, text)
    text = _PART.sub(lambda part: PARTS[part[1]](), text)
    source[0] = text if shutil.which("nix") else _CELL.sub(_without_nix, text)


def _without_nix(cell: re.Match[str]) -> str:
    if "needs-nix" not in cell[0]:
        return cell[0]
    return f"{cell[0].replace('needs-nix', 'skip-execution')}\n\n{_NOT_RUN}"

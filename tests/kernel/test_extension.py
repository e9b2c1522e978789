"""The extension in a real ipykernel: what a notebook's user does, sees and is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel, a_kernel
from tests.kernel.notebook import complete, inspect, run
from tests.playground import path_without_nix

LOAD = "%load_ext luminous_nix_ipy"


def variables(folder: Path, **more: str) -> dict[str, str]:
    """What a kernel without Nix's programs is started with."""
    return {
        "PATH": path_without_nix(folder / "bin"),
        "LUMINOUS_NIX_PROGRESS": "none",
        "TMPDIR": str(folder),
        **more,
    }


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension on a playground without Nix."""
    folder = tmp_path_factory.mktemp("kernel")
    with a_kernel(folder, **variables(folder)) as started:
        assert run(started, LOAD).status == "ok"
        reply = run(started, "%nix playground start")
        assert reply.status == "ok", reply
        yield started
        assert run(started, "%nix playground stop").status == "ok"


def current(notebook: Kernel) -> int:
    reply = run(notebook, "x = %nix list\nint(x.number[x.current].iloc[0])")
    return int(reply.result)


def test_reads_return_tables_in_text_and_html(notebook: Kernel) -> None:
    for line in ("%nix", "%nix list", "%nix diff", "%nix metrics", "%nix journal"):
        reply = run(notebook, line)
        assert reply.status == "ok", reply
        assert reply.result
        assert "<table" in reply.html, line
        assert reply.cell.printed("stdout") == reply.cell.printed("stderr") == ""
    assert "PLAYGROUND" in run(notebook, "%nix status").result


def test_assignment_displays_nothing(notebook: Kernel) -> None:
    reply = run(notebook, "g = %nix list")
    assert (reply.status, reply.shown) == ("ok", [])
    assert run(notebook, "len(g) >= 5").result == "True"
    assert run(notebook, "%nix list;").shown == []


def test_failures_end_the_cell_without_traceback(notebook: Kernel) -> None:
    reply = run(notebook, "%nix rollback 999 --yes")
    assert (reply.status, reply.ename) == ("error", "NotFound")
    assert reply.traceback.startswith("NotFound: There is no generation 999.")
    assert "magics.py" not in reply.traceback
    wrong = run(notebook, "%nix rolback")
    assert (wrong.status, wrong.ename) == ("error", "UsageError")
    assert wrong.traceback == ""
    assert "did you mean rollback?" in wrong.cell.printed("stderr")


def test_nobody_to_ask_refuses(notebook: Kernel) -> None:
    before = current(notebook)
    reply = run(notebook, "%nix rollback")
    assert (reply.status, reply.ename) == ("error", "NoConsent")
    assert "--yes" in reply.traceback
    assert "Plan: rollback" in reply.displayed
    assert current(notebook) == before


def test_a_question_is_asked_and_obeyed(notebook: Kernel) -> None:
    before = current(notebook)
    refused = run(notebook, "%nix rollback", answers=["n"])
    assert (refused.status, refused.ename) == ("error", "NoConsent")
    assert current(notebook) == before
    agreed = run(notebook, "%nix rollback", answers=["y"])
    assert agreed.status == "ok", agreed
    assert agreed.asked == [f"Roll back system {before} → {before - 1} on the PLAYGROUND? [y/N] "]
    assert agreed.result.startswith("PLAYGROUND")
    assert current(notebook) == before - 1
    assert run(notebook, "%nix undo --yes").status == "ok"
    assert current(notebook) == before


def test_python_does_the_same(notebook: Kernel) -> None:
    cell = "from luminous_nix_ipy import nix as n\ng = %nix list\nn.list().equals(g)"
    reply = run(notebook, cell)
    assert reply.result == "True", reply
    refused = run(notebook, "n.rollback()")
    assert refused.ename == "NoConsent"


def test_tab(notebook: Kernel) -> None:
    assert complete(notebook, "%nix rol") == (["rollback"], 5)
    assert complete(notebook, "x = %nix rol") == (["rollback"], 9)
    assert complete(notebook, "%%nix rol") == (["rollback"], 6)
    assert complete(notebook, "a = 1\nx = %nix rollback --te") == (["--test"], 24)
    matches, start = complete(notebook, "%nix rollback ")
    assert (matches[0], start) == (str(current(notebook)), 14)
    assert "system" in complete(notebook, "%nix list --profile ")[0]


def test_the_docstring(notebook: Kernel) -> None:
    assert "%nix rollback" in inspect(notebook, "%nix")


COUNT = """
from luminous_nix_ipy.completion import IDENTIFIER
ip = get_ipython()
print(sum(type(c).__name__ == "NixMagics" for c in ip.configurables),
      sum(getattr(m, "matcher_identifier", "") == IDENTIFIER for m in ip.Completer.custom_matchers),
      ip.find_line_magic("nix") is not None)
"""


def test_reload_and_unload(tmp_path: Path) -> None:
    with a_kernel(tmp_path, **variables(tmp_path)) as notebook:
        run(notebook, LOAD)
        for _ in range(3):
            assert run(notebook, "%reload_ext luminous_nix_ipy").status == "ok"
        assert run(notebook, COUNT).cell.printed("stdout").split() == ["1", "1", "True"]
        assert run(notebook, "%unload_ext luminous_nix_ipy").status == "ok"
        assert run(notebook, COUNT).cell.printed("stdout").split() == ["0", "0", "False"]
        assert run(notebook, "%nix list").ename == "UsageError"
        assert run(notebook, LOAD).status == "ok"
        assert run(notebook, COUNT).cell.printed("stdout").split() == ["1", "1", "True"]


def test_without_nix_everything_says_so_and_offers_a_playground(tmp_path: Path) -> None:
    nowhere = {
        name: str(tmp_path / "nowhere" / name)
        for name in ("NIX_STORE_DIR", "NIX_STATE_DIR", "LUMINOUS_NIX_RUN_DIR")
    }
    with a_kernel(tmp_path, **variables(tmp_path, **nowhere)) as notebook:
        run(notebook, LOAD)
        for line in ("%nix", "%nix list", "%nix diff", "%nix rollback --yes", "%nix undo"):
            reply = run(notebook, line)
            assert (reply.status, reply.ename) == ("error", "NotFound"), line
            assert "%nix playground start" in reply.traceback, line
        assert run(notebook, "%nix metrics").status == "ok"
        assert run(notebook, "%nix help").status == "ok"


BLOCK = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("ipywidgets", "comm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
for name in [n for n in sys.modules if n.split(".")[0] == "ipywidgets"]:
    del sys.modules[name]
sys.meta_path.insert(0, Blocker())
"""


def test_without_ipywidgets(tmp_path: Path) -> None:
    with a_kernel(tmp_path, **variables(tmp_path, LUMINOUS_NIX_PROGRESS="auto")) as notebook:
        assert run(notebook, BLOCK).status == "ok"
        assert run(notebook, "import ipywidgets").ename == "ModuleNotFoundError"
        for cell in (LOAD, "%nix playground start", "%nix list", "%nix rollback --yes", "%nix"):
            reply = run(notebook, cell)
            assert reply.status == "ok", (cell, reply)
        assert run(notebook, "'ipywidgets' in __import__('sys').modules").result == "False"

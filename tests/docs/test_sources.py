"""What the sources of the pages name is there, and what makes pages of them does it right."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import luminous_nix_ipy
from luminous_nix_ipy.verbs import VERBS
from notebooks.execute import HERE, notebooks
from tests.playground import path_without_nix

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    import generated

    return generated


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|notebooks|docs)/[\w./-]*)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = re.findall(r"pip install '\.\[(\w+)\]'", text)
    assert {*wanted} <= {*extras["optional-dependencies"]}
    targets = re.findall(r"`make (\w+)`", text)
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if f"\n{target}: " not in makefile] == []


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## (\S+)", (DOCS / "changelog.md").read_text(), re.MULTILINE)
    assert versions[0] == luminous_nix_ipy.__version__


def test_a_verb_without_a_page_stops_the_build(generated: Any, tmp_path: Path) -> None:
    shutil.copytree(DOCS / "verbs", tmp_path / "verbs")
    app = SimpleNamespace(srcdir=tmp_path)
    generated.check_examples(app)
    (tmp_path / "verbs/list.md").rename(tmp_path / "verbs/lisst.md")
    with pytest.raises(generated.ExtensionError) as raised:
        generated.check_examples(app)
    assert "write docs/verbs/list.md" in str(raised.value)
    assert "remove docs/verbs/lisst.md" in str(raised.value)


def completed(generated: Any, name: str, text: str) -> str:
    environment = SimpleNamespace(doc2path=lambda name: DOCS / f"{name}.md")
    source = [text]
    generated.complete_page(SimpleNamespace(env=environment), name, source)
    return source[0]


CELLS = """\
```{code-cell}
:tags: [needs-nix]

%nix build
```

```{code-cell}
%nix list
```
"""


def test_what_needs_nix_is_not_run_without_it(
    generated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated.shutil, "which", lambda name: "/bin/nix")
    assert "skip-execution" not in completed(generated, "start", CELLS)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", path_without_nix(tmp_path / "bin"))
    text = completed(generated, "start", CELLS)
    assert text.count("skip-execution") == text.count(generated._NOT_RUN) == 1
    assert text.index("%nix build") < text.index(generated._NOT_RUN) < text.index("%nix list")


def test_a_verbs_page_starts_a_playground_unless_its_example_does(generated: Any) -> None:
    page = generated.verb_page.page
    assert "playground.start(real=False)" in page("list", "%nix list")
    assert "playground.start(real=None)" in page("build", CELLS)
    assert "playground.start(" not in page("playground", "%nix playground start")


def test_every_verb_and_every_method_is_listed(generated: Any) -> None:
    verbs, methods = generated.tables.verbs(), generated.python_api.nix()
    for verb in VERBS:
        assert f"(verbs/{verb}.md)" in verbs
        assert f"{{py:method}} nix.{verb}(" in methods
    assert "{py:method} nix.list(*, profile=None, sizes=False, all_columns=False, json=False)" in (
        methods
    )
    assert "-> NixFrame | Text\n" in methods  # of two overloads


def test_pictures_are_shown_where_there_are_any(
    generated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated.tables, "SCREENSHOTS", tmp_path)
    assert generated.tables.screenshots() == ""
    (tmp_path / "the-list.png").touch()
    assert generated.tables.screenshots() == (
        "## What it looks like\n\n"
        "```{figure} screenshots/the-list.png\n:alt: the list\n\nThe list\n```"
    )


def test_every_notebook_is_listed(generated: Any) -> None:
    listed = generated.tables.notebooks()
    for path in notebooks():
        assert f"\nnotebooks/{path.relative_to(HERE).with_suffix('')}\n" in listed
    assert ":caption: Runbooks\n" in listed


def test_docstrings_become_markdown(generated: Any) -> None:
    prose = generated.prose
    assert prose.line("with --keep and %nix undo") == "with `--keep` and `%nix undo`"
    assert (
        prose.line("by %nix\nnote --keep, a %%nix line") == "by `%nix note --keep`, a `%%nix` line"
    )
    assert prose.line('a *, a <b>, "c d", `e`') == 'a \\*, a `<b>`, `"c d"`, `e`'
    assert prose.line("CPU-bound N-1") == "CPU-bound N-1"
    assert prose.text("One\ntwo.\n\na    b\nc    d") == "One\ntwo.\n\n```text\na    b\nc    d\n```"
    assert prose.cell("a | b\nc") == "a \\| b c"
    text = generated.python_api.text(
        "Do it.\n\nArgs:\n    a, b: two\n        lines.\n\nMore.\n\nExample:\n    >>> f(1)\n"
    )
    assert text == "Do it.\n\n:param a/b: two lines.\n\nMore.\n\n```python\nf(1)\n```"


def test_links_that_lead_nowhere_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    import links

    (tmp_path / "a.html").write_text(
        '<a href="b.html#there"></a><a href="#here"></a><p id="here">'
        '<a href="https://example.org/x"></a><img src="data:image/png;base64,AA">'
    )
    (tmp_path / "b.html").write_text('<h1 id="there">')
    assert links.problems(tmp_path) == []
    (tmp_path / "b.html").write_text(
        '<a href="c.html"></a><a href="a.html#nowhere"></a><a href="https://example"></a>'
        '<script src="https://example.org/x.js"></script><img src="gone.png">'
    )
    assert links.problems(tmp_path) == [
        "a.html: b.html#there is no anchor of that page",
        "b.html: a.html#nowhere is no anchor of that page",
        "b.html: c.html is no file of the site",
        "b.html: gone.png is no file of the site",
        "b.html: https://example is no address",
        "b.html: https://example.org/x.js is loaded from another host",
    ]

"""The site is built without a warning, its examples have run, and its links lead somewhere."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from luminous_nix_ipy import settings
from luminous_nix_ipy.verbs import VERBS
from luminous_nix_ipy.verbs.parser import Parser
from notebooks.execute import notebooks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

pytestmark = pytest.mark.xdist_group("docs")


class Site(NamedTuple):
    folder: Path
    told: str
    home: Path
    temporary: Path

    def page(self, name: str) -> str:
        return (self.folder / f"{name}.html").read_text(encoding="utf-8")

    def text(self, name: str) -> str:
        """What a page says, without its markup."""
        return html.unescape(re.sub(r"<[^>]+>", "", self.page(name)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site, built as `make docs` does it."""
    folder = tmp_path_factory.mktemp("site")
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    shutil.copytree(DOCS, folder / "source")
    options = ["--fresh-env", "--fail-on-warning", "--keep-going", "--jobs", "2", "--quiet"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            *options,
            "-d",
            folder / "trees",
            folder / "source",
            folder / "html",
        ],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-5000:]
    return Site(folder / "html", told, home, temporary)


def test_no_warning_is_told(site: Site) -> None:
    assert "WARNING" not in site.told


def test_nothing_is_left_behind(site: Site) -> None:
    assert list(site.home.iterdir()) == []
    assert list(site.temporary.iterdir()) == []


def test_every_link_leads_somewhere(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "links.py", site.folder], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_has_its_help_and_an_example_that_ran(site: Site, verb: str) -> None:
    page, text = site.page(f"verbs/{verb}"), site.text(f"verbs/{verb}")
    for option in Parser(verb).options():
        assert option in text
    assert f"nix.{verb}" in text
    assert "cell_output" in page or "This needs Nix." in text
    assert "Traceback (most recent call last)" not in text
    example = (DOCS / "verbs" / f"{verb}.md").read_text()
    fails = "raises-exception" in example
    assert ("output traceback" in page) == fails
    assert fails or "Refused:" not in text  # a plan that is refused fails no cell
    assert f"nix {verb}" in example


def test_a_notebook_is_shown_as_it_was_saved(site: Site) -> None:
    for notebook in notebooks():
        name = notebook.relative_to(ROOT).with_suffix("")
        assert "cell_output" in site.page(str(name)), name
        assert f'href="{name}.html"' in site.page("notebooks"), name


def test_every_setting_is_told(site: Site) -> None:
    text = site.text("settings")
    for name, variable, *_, meaning in settings.table():
        assert name in text and variable in text and meaning in text


def test_what_the_pages_tell_has_happened(site: Site) -> None:
    """Cells whose failure a result or a report tells, which stops no build."""
    assert "Done: Generation 4 is current and running." in site.text("start")
    guide = site.text("migration")
    assert "Generation 4 is current and running." in guide
    assert "Generation 5 is current and running." in guide
    assert "Error: There is no generation 98." in guide
    backend = site.text("api/backend")
    assert "Generation 4 is current and running." in backend and "100%" in backend
    assert "There is no generation 99." in site.text("errors")


def test_the_promises_are_those_of_the_readme(site: Site) -> None:
    text = " ".join(site.text("safety").split())
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("## What it promises")[2].partition("## Figures")[0]
    promises = re.findall(r"^\| ([A-Z][\w ,:;%]+)", section, re.MULTILINE)
    assert len(promises) > 20
    assert [promise for promise in promises if promise.strip() not in text] == []


def test_the_search_knows_every_verb(site: Site) -> None:
    index = (site.folder / "searchindex.js").read_text()
    assert [verb for verb in VERBS if f"verbs/{verb}" not in index] == []

"""The search box, driven without a browser: what it asks, what it shows, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import NixBackend, NixOperation, OperationType, loop, machine, nix
from luminous_nix_ipy.backend.index_sources import index_folder
from luminous_nix_ipy.backend.model import NixResult
from luminous_nix_ipy.backend.search_model import OptionFacts
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.search_records import OptionEntry, PackageEntry
from luminous_nix_ipy.widgets.configuration_line import line_of_option, line_of_package
from luminous_nix_ipy.widgets.entries import OptionView
from luminous_nix_ipy.widgets.live import LiveView
from luminous_nix_ipy.widgets.newest import Newest
from luminous_nix_ipy.widgets.page import Page, Words
from luminous_nix_ipy.widgets.search_answers import MOST_LETTERS, Question
from luminous_nix_ipy.widgets.search_box import SearchBox
from tests import lists
from tests.http_server import serving
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _end_of_the_loop() -> Iterator[None]:
    yield
    loop.stop()


@pytest.fixture(scope="module")
def playground() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def there(playground: Machine) -> Machine:
    machine.use(playground)
    return playground


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """A machine that has nothing, which this process works on."""
    root = tmp_path / "machine"
    made = Machine(
        **{f"{name}_dir": str(root / name) for name in ("store", "state", "etc", "run")},
        home=str(root / "home"),
        user_state_dir=str(root / "home/state"),
        env={"USER": "someone", "XDG_STATE_HOME": str(root / "home/.local/state")},
    )
    machine.use(made)
    yield made
    machine.use(None)


@pytest.fixture
def opened() -> Iterator[Callable[..., SearchBox]]:
    boxes = []

    def build(kind: Any = "packages", limit: int = 20, **narrowed: Any) -> SearchBox:
        box = SearchBox(NixBackend(), Question(kind, "", limit, **narrowed))
        with box.lock:
            box._make()
        boxes.append(box)
        return box

    yield build
    for box in boxes:
        box.close()


Opened = Callable[..., SearchBox]


def type_in(box: SearchBox, text: str) -> None:
    """Type, keystroke by keystroke, and wait for the answer to all of it."""
    for end in range(len(text) + 1):
        box.field.value = text[:end]
    answered(box, lambda asked: asked.text == text)


def answered(box: SearchBox, is_it: Callable[[Question], object]) -> None:
    """Wait until this question is answered, and the answer on the page."""
    soon(lambda: is_it(box.asked))
    with box.lock:  # held until all of it is drawn
        pass


def shown(box: SearchBox) -> list[str]:
    """The first cells of the rows that are on the page."""
    grid = box.grids[box.asked.kind]
    return [row["cells"][0] for row in grid.rows] if grid in box.results.children else []


def detailed(box: SearchBox, text: str) -> None:
    soon(lambda: text in box.details.page.value)


# Newest


class Still(LiveView):
    def _page(self) -> Page:
        return Page("nothing")


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.shown: list[tuple[str, str]] = []
        self.doors: dict[str, threading.Event] = {}
        self.view = Still()
        self.newest = Newest(self.view, self.answer, lambda *answered: self.shown.append(answered))

    async def answer(self, question: str) -> str:
        self.asked.append(question)
        door = self.doors.setdefault(question, threading.Event())
        await asyncio.to_thread(door.wait, 20)
        if question == "wrong":
            raise NotFound("This is wrong.")
        return question.upper()

    def ask(self, question: str) -> None:
        with self.view.lock:
            self.newest.ask(question)

    def open(self, question: str) -> None:
        self.doors.setdefault(question, threading.Event()).set()


def test_only_the_newest_question_is_answered() -> None:
    slow = Slow()
    for question in ("a", "ab", "abc"):
        slow.ask(question)
    soon(lambda: slow.asked == ["a"])
    slow.open("abc")
    slow.open("a")
    soon(lambda: slow.shown)
    assert slow.shown == [("abc", "ABC")]
    assert slow.asked == ["a", "abc"], "what nobody wants any more is not asked"


def test_what_is_wanted_again_is_not_asked_again() -> None:
    slow = Slow()
    for question in ("a", "ab", "a"):
        slow.ask(question)
    slow.open("a")
    soon(lambda: slow.shown)
    assert slow.shown == [("a", "A")] and slow.asked == ["a"]


def test_what_was_forgotten_is_not_shown() -> None:
    slow = Slow()
    slow.ask("a")
    slow.newest.forget()
    slow.open("a")
    slow.open("b")
    soon(lambda: slow.newest._asked is None)
    slow.ask("b")
    soon(lambda: slow.shown)
    assert slow.shown == [("b", "B")]


def test_an_error_is_told_and_the_next_question_answered() -> None:
    slow = Slow()
    slow.open("wrong")
    slow.open("right")
    slow.ask("wrong")
    soon(lambda: slow.view.said == "This is wrong.")
    slow.ask("right")
    soon(lambda: slow.shown)
    assert slow.shown == [("right", "RIGHT")]


def test_the_error_of_an_old_question_is_not_told() -> None:
    slow = Slow()
    slow.ask("wrong")
    slow.ask("right")
    slow.open("wrong")
    slow.open("right")
    soon(lambda: slow.shown)
    assert slow.view.said == ""


# packages


def test_each_keystroke_is_answered(there: Machine, opened: Opened) -> None:
    box = opened()
    soon(lambda: box.answer.indexes)
    assert "22 packages of playground" in box.lead.value
    assert box.results.children == ()
    for text, first in (("fi", "firefox"), ("text ed", "vim"), ("postgres", "postgresql")):
        type_in(box, text)
        assert shown(box)[0] in (first, "helix"), text
        assert box.lead.value == ""
    assert "package" in box.said and ", found in " in box.said
    assert "found to be the newest today" in box.notes.value
    type_in(box, "")
    assert shown(box) == [] and "22 packages of playground" in box.lead.value


def test_the_first_result_is_shown_in_full_and_then_the_one_walked_to(
    there: Machine, opened: Opened
) -> None:
    box = opened()
    type_in(box, "text editor")
    first, second = shown(box)[:2]
    detailed(box, first)
    box.grids["packages"].active = second
    detailed(box, second)
    assert box.details.line.text == f"environment.systemPackages = [ pkgs.{second} ];"
    assert box.details.line.label == "The line for configuration.nix"
    assert box.details.value.layout.display == "none"
    type_in(box, "zzzzzzzz")
    assert box.details.root.layout.display == "none"


def test_a_new_query_is_in_the_order_of_what_fits_best(there: Machine, opened: Opened) -> None:
    box = opened()
    type_in(box, "text editor")
    box.grids["packages"].sort = [0, "descending"]
    box.grids["packages"].active = shown(box)[1]
    type_in(box, "text editors")
    assert box.grids["packages"].sort == []
    assert box.grids["packages"].active == shown(box)[0]


def test_more_are_shown_where_there_are_more(there: Machine, opened: Opened) -> None:
    box = opened(limit=2)
    type_in(box, "of")
    assert box.answer.more and box.more in box.results.children
    assert box.said.startswith("2 packages, ") and "there are more" in box.said
    active = box.grids["packages"].active = shown(box)[1]
    box.more.click()
    answered(box, lambda asked: asked.limit == 20)
    assert len(shown(box)) > 2 and box.grids["packages"].active == active
    assert box.answer.more is (box.more in box.results.children)


def test_what_narrows_is_heeded(there: Machine, opened: Opened) -> None:
    box = opened()
    type_in(box, "fire")
    assert shown(box) == ["firefox"]
    box.filters.exact.value = True
    answered(box, lambda asked: asked.exact)
    assert shown(box) == [] and "is called exactly “fire”" in box.said
    box.filters.exact.value = False
    box.filters.installed.value = True
    answered(box, lambda asked: asked.installed and not asked.exact)
    assert shown(box) == ["firefox"]
    assert box.filters.where.layout.display == "none", "there is nothing to choose from"


def test_close_names_are_offered_and_taken(there: Machine, opened: Opened) -> None:
    box = opened(exact=True)
    type_in(box, "firefx")
    assert "Did you mean firefox?" in box.said
    offered = [b for b in box.close_names if b.layout.display is None]
    assert [b.description for b in offered] == ["firefox"]
    offered[0].click()
    answered(box, lambda asked: asked.text == "firefox")
    assert shown(box) == ["firefox"]
    assert all(b.layout.display == "none" for b in box.close_names)


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "a\0b", "🦊", "‮evil", "'; drop table entry; --", "x" * 10_000],
)
def test_whatever_is_pasted_is_words(there: Machine, opened: Opened, text: str) -> None:
    box = opened()
    box.field.value = text
    answered(box, lambda asked: asked.text == text)
    assert box.answer.problem is None
    told = box._page()
    everything = told.html() + box.status.value + box.lead.value + box.notes.value
    assert "<script>" not in everything and "‮" not in everything and "\0" not in everything
    assert len(box.said) < 2 * MOST_LETTERS + 200
    assert ("first 200 letters" in box.said) is (len(text) > MOST_LETTERS)


def test_blanks_are_no_words(there: Machine, opened: Opened) -> None:
    box = opened()
    type_in(box, "  \t ")
    assert shown(box) == [] and box.said == ""


def test_the_still_shows_the_last_query_and_its_results(there: Machine, opened: Opened) -> None:
    box = opened()
    soon(lambda: box.answer.indexes)
    assert repr(box).startswith("PLAYGROUND") and "Search packages" in repr(box)
    type_in(box, "fire")
    said = repr(box)
    assert "Search packages: fire" in said and "firefox" in said and "140.0" in said
    assert "found to be the newest today" in said and "1 package" in said
    assert "<table" in box._repr_html_()


def test_an_index_of_two_is_chosen(bare: Machine, opened: Opened, tmp_path: Path) -> None:
    newer = {"pname": "hello", "version": "3.0", "description": "Greets"}
    for name, listed in (("one", lists.packages()), ("two", lists.packages(hello=newer))):
        (tmp_path / f"{name}.json").write_text(json.dumps(listed))
        nix.index("add", str(tmp_path / f"{name}.json"))
    box = opened()
    type_in(box, "hello")
    assert [row["cells"][1] for row in box.grids["packages"].rows] == ["2.12"]
    assert box.filters.where.layout.display is None
    assert box.filters.where.options == (("one", ""), ("two", "two"))
    box.filters.where.value = "two"
    answered(box, lambda asked: asked.where == "two")
    assert [row["cells"][1] for row in box.grids["packages"].rows] == ["3.0"]
    detailed(box, "3.0")
    box.filters.installed.value = True
    answered(box, lambda asked: asked.installed)
    assert shown(box) == [] and "No package of this machine answers “hello”" in box.said
    assert "2.12" in box.details.page.value, "its versions in every index"


class RollsBack(NixBackend):
    """Where others install, it rolls back: a playground without Nix can do that."""

    async def plan(self, operation: NixOperation) -> Any:
        return await super().plan(self._instead(operation))

    async def execute(self, operation: NixOperation, plan: Any = None) -> NixResult:
        return await super().execute(self._instead(operation), plan)

    def _instead(self, operation: NixOperation) -> NixOperation:
        if operation.type is not OperationType.INSTALL:
            return operation
        assert operation.packages == ["firefox"]
        return NixOperation(OperationType.ROLLBACK, options={"generation": 4})


@pytest.fixture
def installing() -> Iterator[SearchBox]:
    with simulated() as made:
        box = SearchBox(RollsBack(made), Question("packages", "", 20))
        with box.lock:
            box._make()
        type_in(box, "fire")
        detailed(box, "firefox")
        box.details.install.click()
        soon(lambda: box.installing.root.children)
        yield box
        box.close()


def test_what_was_planned_is_asked_and_then_done(installing: SearchBox) -> None:
    proposal = installing.installing.proposal
    assert proposal is not None and proposal.state == "asked"
    assert "stands below" in installing.said
    assert installing.installing.root.children == (proposal.root,)
    installing.details.install.click()
    assert "Another plan stands below" in installing.said
    proposal.agree()
    soon(lambda: proposal.state == "done")
    soon(lambda: "found in" in installing.said)
    assert nix.list().query("current").number.iloc[0] == 4
    assert installing.installing.root.children == (proposal.root,), "its report stays"
    installing.details.install.click()
    soon(lambda: "nothing to do" in installing.said)
    assert installing.installing.root.children == ()


def test_what_was_declined_is_not_done(installing: SearchBox) -> None:
    proposal = installing.installing.proposal
    assert proposal is not None
    proposal.decline()
    soon(lambda: installing.said == "Nothing was changed.")
    assert installing.installing.root.children == ()
    assert nix.list().query("current").number.iloc[0] == 5
    installing.details.install.click()
    soon(lambda: installing.installing.root.children)


def test_what_cannot_be_planned_is_told(there: Machine, opened: Opened) -> None:
    box = opened()
    type_in(box, "fire")
    detailed(box, "firefox")
    box.details.install.click()
    soon(lambda: "made without one" in box.said)
    box.details.install.click()  # it may be tried again
    soon(lambda: "Planning" in box.said or "made without one" in box.said)
    assert box.installing.root.children == ()


@pytest.mark.parametrize(("done", "words"), [(True, "is on the clipboard"), (False, "Ctrl+C")])
def test_copying_is_told(there: Machine, opened: Opened, done: bool, words: str) -> None:
    box = opened()
    box.details.line._handle_custom_msg({"copied": done}, [])
    assert words in box.said
    box.say("")
    for nonsense in ({}, {"copied": "yes"}, [], None, "copied"):
        box.details.line._handle_custom_msg(nonsense, [])
    assert box.said == ""


# options


def test_options_are_searched(there: Machine, opened: Opened) -> None:
    box = opened("options")
    soon(lambda: box.answer.indexes)
    assert "options of nixos (playground)" in box.lead.value
    type_in(box, "nginx ssl")
    assert shown(box)[0] == "services.nginx.virtualHosts.<name>.forceSSL"
    detailed(box, "encrypted address")
    assert box.details.line.text == 'services.nginx.virtualHosts."<name>".forceSSL = true;'
    assert box.details.install.layout.display == "none"
    assert box.filters.installed.layout.display == "none"
    assert box.details.value.layout.display is None


def test_the_value_on_this_machine_is_evaluated_only_when_asked_for(
    there: Machine, opened: Opened
) -> None:
    box = opened("options")
    type_in(box, "openssh")
    detailed(box, "It was not asked for")
    box.details.value.click()
    detailed(box, "made without one")
    assert not box.details.value.disabled


def test_from_packages_to_options_and_back(there: Machine, opened: Opened) -> None:
    box = opened()
    type_in(box, "nginx")
    assert "nginx" in shown(box)
    box.filters.kind.value = "options"
    answered(box, lambda asked: asked.kind == "options")
    assert "services.nginx.enable" in shown(box)
    assert box.field.label == "Search options"
    detailed(box, "services.nginx")
    box.filters.kind.value = "packages"
    answered(box, lambda asked: asked.kind == "packages")
    detailed(box, "Web server and reverse proxy")


def test_options_of_several_systems(bare: Machine, opened: Opened, tmp_path: Path) -> None:
    git = {"type": "string", "description": "The name in commits.", "declarations": [], "loc": []}
    (tmp_path / "home.json").write_text(json.dumps({"programs.git.userName": git}))
    (tmp_path / "nixos.json").write_text(json.dumps(lists.options()))
    nix.index("add", str(tmp_path / "home.json"), kind="home-manager")
    nix.index("add", str(tmp_path / "nixos.json"), kind="nixos")
    box = opened("options")
    type_in(box, "git user name")
    detailed(box, "The name in commits")
    assert box.details.line.label == "The line for home.nix"
    assert box.details.value.layout.display == "none", "only NixOS' own is evaluated"
    values = [value for _, value in box.filters.where.options]
    assert values[0] == "" and set(values[1:]) == {"nixos", "home-manager"}
    box.filters.where.value = "nixos"
    answered(box, lambda asked: asked.where == "nixos")
    assert "programs.git.userName" not in shown(box)


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("One sentence\nthat goes on.", ["One sentence that goes on."]),
        ("One.\n\nTwo\nlines.", ["One.", "", "Two lines."]),
        ("These:\n- a\n  b\n- c", ["These:", "- a b", "- c"]),
        (
            "So:\n```nix\na = 1;\nb = 2;\n```\nand\non",
            ["So:", "```nix", "a = 1;", "b = 2;", "```", "and on"],
        ),
        ("So:\n    a\n    b", ["So:", "    a", "    b"]),
    ],
)
def test_prose_is_shown_in_whole_paragraphs(written: str, lines: list[str]) -> None:
    entry = OptionEntry(name="a", kind="nixos", description=written)
    (page_of,) = (
        part
        for part in OptionView(OptionFacts(entry=entry, index="x", links=()))._page().parts
        if isinstance(part, Words) and part.caption == "Description"
    )
    assert page_of.lines == lines


# no index yet


def test_the_index_that_lacks_is_got_in_the_box(
    bare: Machine, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setenv("LUMINOUS_NIX_CHANNELS_URL", f"{server.url}/channels")
        monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "0")
        folder = "channels/nixos-unstable"
        server.serve(f"{folder}/packages.json.br", lists.packed(lists.packages()))
        box = opened()
        soon(lambda: box.get_index.root.children)
        assert "There is no index of packages yet" in box.said
        assert "%nix index update" in box.said
        button = box.get_index.root.children[0]
        assert button.description == "Get the index of nixos-unstable (packages)"
        box.field.value = "hello"
        button.click()
        soon(lambda: shown(box) == ["hello"])
        assert box.get_index.root.children == ()
        assert "100 %" in box.get_index.message.value


def test_an_index_that_cannot_be_had_is_told_and_may_be_tried_again(
    bare: Machine, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setenv("LUMINOUS_NIX_CHANNELS_URL", f"{server.url}/channels")
        monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "0")
        box = opened()
        soon(lambda: box.get_index.root.children)
        button = box.get_index.root.children[0]
        button.click()
        soon(lambda: "no index was made" in box.said)
        soon(lambda: box.get_index.root.children == (button,))


def test_a_damaged_index_is_told(bare: Machine, opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(lists.packages()))
    nix.index("add", str(tmp_path / "list.json"))
    Path(index_folder(bare), "list.packages.sqlite").write_bytes(b"damaged")
    box = opened(where="list")
    box.field.value = "hello"
    soon(lambda: "list.packages.sqlite" in box.said)
    assert shown(box) == []


# the line for a configuration


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        ("hello", "environment.systemPackages = [ pkgs.hello ];"),
        ("_1password-gui", "environment.systemPackages = [ pkgs._1password-gui ];"),
        (
            "python3Packages.requests",
            "environment.systemPackages = [ pkgs.python3Packages.requests ];",
        ),
        ("haskellPackages.3d", 'environment.systemPackages = [ pkgs.haskellPackages."3d" ];'),
        ("let", 'environment.systemPackages = [ pkgs."let" ];'),
    ],
)
def test_lines_of_packages(attribute: str, line: str) -> None:
    assert line_of_package(PackageEntry(attribute=attribute, pname="x")) == line


@pytest.mark.parametrize(
    ("name", "told", "line"),
    [
        ("a.enable", {"type": "boolean", "default": "false"}, "a.enable = true;"),
        ("a.enable", {"type": "boolean", "default": "true"}, "a.enable = false;"),
        ("a.b", {"type": "string", "default": '"x"', "example": '"y"'}, 'a.b = "y";'),
        ("a.b", {"type": "string", "default": '"x"'}, 'a.b = "x";'),
        ("a.b", {"type": "string"}, 'a.b = "";'),
        ("a.b", {"type": "list of string"}, "a.b = [ ];"),
        ("a.b", {"type": "null or string"}, "a.b = null;"),
        ("a.b", {"type": "string", "example": "x" * 4000}, 'a.b = "";'),
        ("a.<name>.b", {"type": "string"}, 'a."<name>".b = "";'),
        ('a."b.c".d', {"type": "string"}, 'a."b.c".d = "";'),
        ('a."${b}".d', {"type": "string"}, 'a."\\${b}".d = "";'),
        ("a.*.b", {"type": "boolean"}, "a = [ { b = true; } ];"),
        ("a.*.b.*.c", {"type": "boolean"}, "a = [ { b = [ { c = true; } ]; } ];"),
        ("a.*", {"type": "boolean"}, "a = [ true ];"),
    ],
)
def test_lines_of_options(name: str, told: dict[str, Any], line: str) -> None:
    assert line_of_option(OptionEntry(name=name, kind="nixos", **told)) == line


# the verbs


def test_without_widgets_words_are_asked_for(there: Machine) -> None:
    with new_shell() as shell:
        for line, words in (
            ("%nix search", "%nix search: give words, or --program NAME; "),
            ("%nix options", "%nix options: give words; "),
        ):
            said = usage_error(shell, line)
            assert said.startswith(words) and "a notebook with widgets shows a search box" in said


@pytest.fixture
def in_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luminous_nix_ipy.widgets.live.has_widgets", lambda shell: True)


def test_with_widgets_no_words_are_a_box(there: Machine, in_a_kernel: None) -> None:
    with new_shell() as shell:
        box = run(shell, "%nix search --installed --exact --limit 5 --license mit --channel one")
    assert box._first == Question("packages", "", 5, True, True, "one", "mit")
    assert nix.search(limit=5)._first == Question("packages", "", 5)
    assert nix.options(kind="nixos")._first == Question("options", "", 20, where="nixos")


def test_a_box_is_no_json(there: Machine, in_a_kernel: None) -> None:
    with new_shell() as shell:
        for line in ("search --json", "search --all-columns", "options --json"):
            assert "give words" in usage_error(shell, f"%nix {line}")

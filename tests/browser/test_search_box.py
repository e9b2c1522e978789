"""The search box in real frontends: typed into, walked through, copied from, installed from.

Each promise is a function, which `test_a_broken_variant_fails` calls with the product broken too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.checks import FIRST, accessible_in_both_themes, opened
from tests.browser.page import App, Notebook, Shown
from tests.provide import nix
from tests.require import require

SEARCH, OPTIONS = "%nix search", "%nix options"


def shown_box(shown: Shown, variant: str = "", cell: str = SEARCH) -> Locator:
    """A box that is ready to be typed into."""
    opened(shown, variant, cell)
    if isinstance(shown, Notebook):
        shown.run_all()
    box = shown.output(FIRST).locator(".lx-search")
    expect(box.locator(".lx-lead")).to_contain_text("Searched are")
    return box


def field(box: Locator) -> Locator:
    return box.get_by_role("searchbox", name="Search")


def results(box: Locator) -> Locator:
    """The names of what was found."""
    return box.locator(".lx-results tbody th")


def each_keystroke_is_answered(shown: Shown, variant: str = "") -> None:
    """What was found follows what is written, letter by letter, and without any other key."""
    box = shown_box(shown, variant)
    told = box.get_by_role("status").first
    field(box).press_sequentially("fire")
    expect(results(box)).to_have_text(["firefox"], timeout=1000 * shown.patience)
    expect(told).to_contain_text("1 package, found in")
    field(box).press("Backspace")
    field(box).press_sequentially("q")
    expect(told).to_contain_text("No package answers “firq”")
    expect(results(box)).to_have_count(0)
    field(box).fill("text editor")
    expect(results(box)).to_have_count(2)
    expect(told).to_contain_text("2 packages")
    assert field(box).input_value() == "text editor", "what is typed is not changed"
    assert not shown.errors, shown.errors


def the_newest_question_is_answered(notebook: Notebook, variant: str = "") -> None:
    """However fast it is typed, the last answer is that of all that was typed."""
    box = shown_box(notebook, variant)
    for text in ("firefox", "nginx", "vim", "docker", "curl"):
        field(box).fill("")
        field(box).press_sequentially(text)
    expect(results(box).first).to_have_text("curl", timeout=1000 * notebook.patience)
    expect(box.locator(".lx-page .title")).to_have_text("curl", timeout=1000 * notebook.patience)
    notebook.page.wait_for_timeout(500)  # older answers would have come by now
    assert results(box).first.inner_text() == "curl", "an older answer is shown"


def the_keyboard_reaches_all(notebook: Notebook, variant: str = "") -> None:
    """Down, arrows, Enter, Tab and Escape: the results, the details, what can be done, and back;
    JupyterLab does nothing of its own meanwhile."""
    box = shown_box(notebook, variant)
    keys = notebook.page.keyboard
    field(box).focus()
    keys.type("text editor")
    expect(results(box)).to_have_count(2)
    first, second = results(box).all_inner_texts()
    keys.press("ArrowDown")
    row = box.locator(f"tr[data-id='{first}']")
    expect(row).to_be_focused(timeout=1000 * notebook.patience)
    keys.press("ArrowDown")
    expect(box.locator(f"tr[data-id='{second}']")).to_be_focused()
    expect(box.locator(".lx-page .title")).to_have_text(second)
    keys.press("Enter")
    expect(box.get_by_role("region", name="Details")).to_be_focused()
    for name in ("The line for configuration.nix", "Copy", "Install"):
        tab_to(notebook, name)
    keys.press("Enter")
    expect(box.get_by_role("status").first).to_contain_text("made without one")
    keys.press("Escape")
    expect(field(box)).to_be_focused()
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == FIRST + 1
    assert notebook.value("len(In)") == str(FIRST + 2), "a cell was run"


def tab_to(notebook: Notebook, name: str) -> None:
    """Press Tab until what is called so has the focus; between are tables, which scroll."""
    passed = []
    while len(passed) < 6 and name not in "".join(passed[-1:]):
        notebook.page.keyboard.press("Tab")
        passed.append(focused(notebook))
    assert name in passed[-1], f"{name} is not reached: {passed}"


def focused(notebook: Notebook) -> str:
    """What the element that has the focus is called."""
    return str(
        notebook.page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.labels?.[0]?.innerText || e.ariaLabel || e.innerText || e.outerHTML; }"
        )
    )


def the_line_is_copied(notebook: Notebook, variant: str = "") -> None:
    """The line is on the clipboard after a click, and that is told."""
    origin = {"origin": notebook.server.url}
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"], **origin)
    box = shown_box(notebook, variant)
    field(box).fill("vim")
    line = box.get_by_label("The line for configuration.nix", exact=True)
    expect(line).to_have_value("environment.systemPackages = [ pkgs.vim ];")
    notebook.page.evaluate("() => navigator.clipboard.writeText('something else')")
    box.get_by_role("button", name="Copy").click()
    expect(box.get_by_role("status").first).to_have_text("The line is on the clipboard.")
    copied = notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == "environment.systemPackages = [ pkgs.vim ];", "not copied"


def options_are_searched(notebook: Notebook, variant: str = "") -> None:
    """`%nix options` finds options, tells their type and default, and the line that sets one."""
    box = shown_box(notebook, variant, OPTIONS)
    field(box).press_sequentially("nginx ssl")
    expect(results(box).first).to_have_text("services.nginx.virtualHosts.<name>.forceSSL")
    details = box.get_by_role("region", name="Details")
    expect(details).to_contain_text("Whether to lead all visitors of the host")
    expect(box.get_by_label("The line for configuration.nix", exact=True)).to_have_value(
        'services.nginx.virtualHosts."<name>".forceSSL = true;'
    )
    details.get_by_role("button", name="Value on this machine").click()
    expect(details).to_contain_text("give one in its place")
    box.get_by_label("packages", exact=True).check()
    expect(results(box).first).to_have_text("nginx")


def it_is_accessible(notebook: Notebook, variant: str = "") -> None:
    """Everything is named and readable, in both themes."""
    box = shown_box(notebook, variant)
    field(box).fill("text editor")
    expect(results(box)).to_have_count(2)
    expect(box.get_by_role("button", name="Install")).to_be_visible()
    accessible_in_both_themes(notebook)
    notebook.screenshot("search-dark", box)
    notebook.theme("light")
    notebook.screenshot("search", box)


def a_reopened_notebook_shows_the_last_query(notebook: Notebook, variant: str = "") -> None:
    """Without its kernel: the query and its results, and nowhere that a widget is missing."""
    box = shown_box(notebook, variant)
    field(box).press_sequentially("fire")
    expect(results(box)).to_have_text(["firefox"])
    still = notebook.output(FIRST).locator(".lx-still")
    expect(still).to_contain_text("Search packages: fire", timeout=1000 * notebook.patience)
    expect(still).to_be_hidden()
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload()
    notebook.wait_ready()
    expect(still).to_be_visible()
    expect(still.locator("tbody th")).to_have_text(["firefox"])
    assert "not found" not in notebook.output(FIRST).inner_text(), "a widget is missing"


CHECKS = (
    each_keystroke_is_answered,
    the_newest_question_is_answered,
    the_keyboard_reaches_all,
    the_line_is_copied,
    options_are_searched,
    it_is_accessible,
    a_reopened_notebook_shows_the_last_query,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_in_lab(check: Callable[[Notebook], None], lab: Notebook) -> None:
    check(lab)


def test_in_notebook_7(notebook7: Notebook) -> None:
    each_keystroke_is_answered(notebook7)


def test_in_voila(voila: App) -> None:
    each_keystroke_is_answered(voila)


def test_where_the_clipboard_is_closed_the_line_is_selected(lab: Notebook) -> None:
    box = shown_box(lab)
    field(box).fill("vim")
    lab.page.evaluate(
        "() => { const closed = {value: undefined, configurable: true};"
        " Object.defineProperty(navigator, 'clipboard', closed);"
        " document.execCommand = () => false; }"
    )
    try:
        box.get_by_role("button", name="Copy").click()
        expect(box.get_by_role("status").first).to_contain_text("copy it with Ctrl+C")
        selected = lab.page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.value.slice(e.selectionStart, e.selectionEnd); }"
        )
        assert selected == "environment.systemPackages = [ pkgs.vim ];"
    finally:
        lab.page.evaluate("() => { delete navigator.clipboard; delete document.execCommand; }")


def test_two_boxes_are_two(lab: Notebook) -> None:
    opened(lab, "", SEARCH, SEARCH)
    lab.run_all()
    one, other = (lab.output(index).locator(".lx-search") for index in (FIRST, FIRST + 1))
    field(one).fill("vim")
    field(other).fill("curl")
    expect(results(one).first).to_have_text("vim")
    expect(results(other).first).to_have_text("curl")
    field(other).press("ArrowDown")
    expect(other.locator("tr[data-id='curl']")).to_be_focused()


def test_what_others_wrote_is_never_active(lab: Notebook, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    opened(
        lab,
        f"""
        import json
        from tests import lists
        from luminous_nix_ipy import nix
        meta = {{"pname": "bad", "version": "<img src=x onerror='window.hacked=1'>"}}
        meta["description"] = "<script>window.hacked = 1</script>"
        meta["homepage"] = 'javascript:window.hacked=1'
        with open({str(bad)!r}, "w") as file:
            json.dump(lists.packages(bad=meta), file)
        nix.index("add", {str(bad)!r}, name="bad");
        """,
        "%nix search --channel bad",
    )
    lab.run_all()
    box = lab.output(FIRST).locator(".lx-search")
    field(box).fill("bad <script>window.hacked = 1</script>")
    field(box).fill("bad")
    expect(box.locator(".lx-page .title")).to_have_text("bad")
    expect(box.locator(".lx-results")).to_contain_text("<script>")
    assert lab.page.evaluate("() => window.hacked") is None
    assert box.locator("a[href^=javascript]").count() == 0


def test_a_package_is_installed_after_the_plan_was_agreed_to(lab: Notebook, tmp_path: Path) -> None:
    require("nix-old")
    programs = nix.find("old")
    assert programs is not None
    lab.open_notebook(
        [
            "%load_ext luminous_nix_ipy",
            f"""
            import json, os
            from pathlib import Path
            os.environ["PATH"] = {programs.bin_dir!r} + ":" + os.environ["PATH"]
            folder = Path({str(tmp_path)!r})
            from tests import lists
            from tests.stand_in_nixpkgs import with_nixpkgs
            from luminous_nix_ipy import machine, nix
            nix.playground("start")
            machine.use(with_nixpkgs(machine.current(), folder, flakes=False))
            (folder / "list.json").write_text(json.dumps(lists.packages()))
            nix.index("add", str(folder / "list.json"));
            """,
            "%nix search --channel list",
        ],
        setup=False,
    )
    lab.run_all()
    box = lab.output(2).locator(".lx-search")
    field(box).fill("hello")
    expect(box.locator(".lx-page .title")).to_have_text("hello")
    box.get_by_role("button", name="Install").click()
    expect(box.locator(".lx-agree")).to_be_visible()
    expect(box.locator(".lx-proposed")).to_contain_text("hello")
    assert "hello" not in lab.value("list(nix.installed().name)"), "before it was agreed to"
    lab.screenshot("search-install", box)
    box.locator(".lx-agree").click()
    expect(box.locator(".lx-proposed")).to_contain_text("Done")
    assert "hello" in lab.value("list(nix.installed().name)")
    expect(box.locator(".lx-results tbody tr").first).to_contain_text("installed in")


VARIANTS: dict[str, tuple[Callable[[Notebook, str], None], str, str]] = {
    "a box that hears only the first keystroke": (
        each_keystroke_is_answered,
        """
        from luminous_nix_ipy.widgets.newest import Newest

        Newest._take = lambda newest, outcome: newest._show(newest._asked, outcome)
        """,
        "firefox",
    ),
    "the answers of older questions": (
        the_newest_question_is_answered,
        """
        import asyncio
        from luminous_nix_ipy.widgets.newest import Newest

        def ask(newest, question):
            async def late():
                await asyncio.sleep(0.3 if question.text in ("", "firefox") else 0)
                return question, await newest._answer(question)
            newest._view.begin(late(), lambda answered: newest._show(*answered))

        Newest.ask = ask
        """,
        "curl",
    ),
    "a Copy button that copies nothing": (
        the_line_is_copied,
        """
        from luminous_nix_ipy.widgets.copy_field import CopyField

        class Idle(CopyField):
            _esm = str(CopyField._esm).replace("await navigator.clipboard.writeText", "await ")

        from luminous_nix_ipy.widgets import search_details

        search_details.CopyField = Idle
        """,
        "not copied",
    ),
    "results that the keyboard does not reach": (
        the_keyboard_reaches_all,
        """
        from luminous_nix_ipy.widgets import search_box
        from luminous_nix_ipy.widgets.search_field import SearchField

        class Deaf(SearchField):
            _esm = str(SearchField._esm).replace("ArrowDown", "F13")

        search_box.SearchField = Deaf
        """,
        "focused",
    ),
    "no still": (
        a_reopened_notebook_shows_the_last_query,
        """
        from luminous_nix_ipy.widgets.search_box import SearchBox

        SearchBox.changed = lambda box: None
        """,
        "Search packages: fire",
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_broken_variant_fails(
    variant: str, lab: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, code, words = VARIANTS[variant]
    monkeypatch.setattr(lab, "patience", 4.0)
    with pytest.raises(AssertionError, match=words):
        check(lab, code)

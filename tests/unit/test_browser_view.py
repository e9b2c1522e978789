"""The generation browser without a browser: its callbacks are called, its traits are looked at."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy import loop, machine, nix
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.notes import write_note
from luminous_nix_ipy.records import Generation
from luminous_nix_ipy.store.profiles import find_profile
from luminous_nix_ipy.tools.elevation import PasswordNeeded
from luminous_nix_ipy.widgets import browser as module
from luminous_nix_ipy.widgets import generations as words
from luminous_nix_ipy.widgets import live
from luminous_nix_ipy.widgets.browser import Browser
from tests.playground import simulated


@pytest.fixture
def there() -> Iterator[Machine]:
    with simulated() as made:
        yield made
        loop.stop()


@pytest.fixture
def browser(there: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setattr(module, "_EVERY", 0.02)
    monkeypatch.setattr(live, "_UNSEEN", 0.0)
    view = opened(NixBackend(there))
    yield view
    view.close()


def opened(backend: NixBackend) -> Browser:
    """A browser with its widgets, as a notebook shows it."""
    listing = NixOperation(OperationType.LIST_GENERATIONS)
    data = asyncio.run(backend.execute(listing)).data
    view = Browser(backend, data["profile"], data["generations"], "a-machine")
    with view.lock:
        view._make()
    return view


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def says(view: Browser, part: str) -> None:
    try:
        soon(lambda: part in view.said)
    except AssertionError:
        raise AssertionError(f"{part!r} is not in {view.said!r}") from None


def click(view: Browser, name: str) -> None:
    view.details.buttons[name].click()


def states(view: Browser) -> dict[str, str]:
    return {row["id"]: row["cells"][2] for row in view.grid.rows}


def test_it_lists_the_generations_and_shows_the_current_one(browser: Browser) -> None:
    assert [row["cells"][0] for row in browser.grid.rows] == ["5", "4", "3", "2", "1"]
    assert states(browser)["5"] == "current, running, booted"
    assert [row["strong"] for row in browser.grid.rows] == [True, *[False] * 4]
    assert browser.grid.active == "5"
    shown = browser.details._facts.value
    assert "Generation 5" in shown and "current, running, booted" in shown
    assert list(browser.generations["number"]) == [5, 4, 3, 2, 1]
    assert "PLAYGROUND" in browser._page().text()


def test_walking_shows_what_was_walked_to(browser: Browser) -> None:
    browser.grid.active = "2"
    assert "Generation 2" in browser.details._facts.value
    assert browser.details.buttons["roll_back"].tooltip.endswith("generation 2 current changes")
    browser.grid.active = None
    assert "No generation" in browser.details._facts.value
    assert browser.details._acts.layout.visibility == "hidden"
    click(browser, "roll_back")
    says(browser, "No generation is shown.")


def test_two_that_are_chosen_are_compared(browser: Browser) -> None:
    assert browser.comparison._grid.layout.display == "none"
    with pytest.raises(NotFound):
        _ = browser.packages
    browser.grid.selected = ["4", "3"]
    soon(lambda: browser.comparison.diff)
    assert "From 3 to 4" in browser.comparison._head.value
    expected = nix.diff(3, 4)
    assert browser.packages.equals(expected)
    soon(lambda: browser.comparison._grid.rows)
    assert [row["id"] for row in browser.comparison._grid.rows] == list(expected["name"])
    assert browser.comparison._grid.layout.display == ""
    assert "Packages, from 3 to 4" in browser._page().text()
    assert browser.details.buttons["delete_chosen"].description == "Delete 2 chosen …"
    browser.grid.selected = ["4", "3", "2"]
    assert "3 are chosen" in browser.comparison._head.value
    assert browser.comparison._grid.layout.display == "none"
    assert "Packages" not in browser._page().text()


def test_a_comparison_that_comes_late_is_not_shown(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    go_on = asyncio.Event()
    execute = browser._backend.execute

    async def slow(operation: NixOperation, plan: Any = None) -> NixResult:
        if operation.type is OperationType.DIFF and not asked:
            asked.append("first")
            await go_on.wait()
        result = await execute(operation, plan)
        asked.append("told")
        return result

    monkeypatch.setattr(browser._backend, "execute", slow)
    browser.grid.selected = ["1", "2"]
    soon(lambda: asked)
    browser.grid.selected = ["3", "4"]
    soon(lambda: browser.comparison.diff)
    found = browser.comparison.diff
    told = asked.count("told")

    async def resume() -> None:
        go_on.set()

    loop.run(resume())
    soon(lambda: asked.count("told") > told)
    loop.run(asyncio.sleep(0.05))
    assert browser.comparison.diff is found
    assert "From 3 to 4" in browser.comparison._head.value


def test_a_note_is_written_and_removed(browser: Browser) -> None:
    browser.grid.active = "2"
    browser.details.note.value = "before the <b>upgrade</b>"
    click(browser, "write_note")
    says(browser, "Noted on 2.")
    soon(lambda: browser.grid.rows[3]["cells"][-1] == "before the <b>upgrade</b>")
    browser.details.note.value = " "
    click(browser, "write_note")
    says(browser, "No note on 2 now.")
    assert str(nix.note(2)) == "There is no note on generation 2 of system."


def test_a_note_that_is_being_typed_stays(browser: Browser, there: Machine) -> None:
    browser.grid.active = "2"
    browser.details.note.value = "half a sen"
    g = browser._found[0]
    write_note(there, browser.profile.path, g.number, g.path or "", "written elsewhere")
    says(browser, "A note has changed.")
    assert browser.details.note.value == "half a sen"
    browser.grid.active = "5"
    assert browser.details.note.value == "written elsewhere"


def test_one_is_kept_and_let_go(browser: Browser) -> None:
    browser.grid.active = "2"
    click(browser, "keep")
    says(browser, "Generation 2 is kept.")
    assert states(browser)["2"] == "kept"
    assert browser.details.buttons["keep"].description == "Let go"
    click(browser, "keep")
    says(browser, "not kept any more")
    assert states(browser)["2"] == ""
    assert browser.details.buttons["keep"].description == "Keep"


def test_a_rollback_is_planned_agreed_to_and_shown(browser: Browser) -> None:
    browser.grid.active = "4"
    click(browser, "roll_back")
    says(browser, "Read the plan below")
    assert browser._proposal is not None
    assert browser._deed.children == (browser._proposal.root,)
    assert "Plan: rollback of system, 5 → 4" in browser._page().text()
    browser._proposal.agree()
    says(browser, "Done.")
    assert states(browser)["4"] == "current, running"
    assert states(browser)["5"].startswith("booted")
    assert browser.grid.active == "4"
    assert browser._proposal.state == "done"
    assert "Verified afterwards" in browser._page().text()


def test_a_rollback_that_fails_is_told(browser: Browser) -> None:
    browser.grid.active = "3"  # its database does not start
    click(browser, "roll_back")
    says(browser, "Read the plan below")
    assert browser._proposal is not None
    browser._proposal.agree()
    says(browser, "It failed.")
    assert states(browser)["5"] == "current, running, booted"
    assert "postgresql" in browser._page().text()


def test_where_nothing_is_to_be_done_nobody_is_asked_to_agree(browser: Browser) -> None:
    browser.grid.active = "5"  # the current one
    click(browser, "roll_back")
    says(browser, "There is nothing to do.")


def test_declined_nothing_is_changed(browser: Browser) -> None:
    browser.grid.active = "3"
    click(browser, "roll_back")
    says(browser, "Read the plan below")
    assert browser._proposal is not None
    browser._proposal.decline()
    says(browser, "Nothing was changed.")
    assert browser._deed.children == ()
    assert states(browser)["5"] == "current, running, booted"


def test_one_and_several_are_deleted(browser: Browser) -> None:
    browser.grid.active = "1"
    browser.grid.selected = ["3", "2"]
    click(browser, "delete_chosen")
    says(browser, "Read the plan below")
    assert browser._proposal is not None
    browser._proposal.agree()
    says(browser, "Done.")
    assert list(states(browser)) == ["5", "4", "1"]
    assert browser.grid.selected == []
    browser.say("")
    click(browser, "delete")
    says(browser, "Read the plan below")
    browser._proposal.agree()
    says(browser, "Done.")
    assert list(states(browser)) == ["5", "4"]
    assert browser.grid.active == "4"


def test_a_second_change_waits_for_the_first(browser: Browser) -> None:
    browser.grid.active = "3"
    click(browser, "roll_back")
    says(browser, "Read the plan below")
    first = browser._proposal
    assert first is not None
    first.state = "under way"
    click(browser, "delete")
    says(browser, "Another change is under way here.")
    assert browser._proposal is first
    first.state = "asked"


def test_it_follows_the_machine(browser: Browser) -> None:
    browser.grid.selected = ["1", "3"]
    browser.grid.active = "1"
    nix.rollback(4, yes=True)
    says(browser, "generation 4 is current now")
    assert states(browser)["4"] == "current, running"
    assert browser.grid.selected == ["1", "3"]
    nix.delete(1, yes=True)
    says(browser, "generation 1 is gone")
    assert browser.grid.selected == ["3"]
    assert browser.grid.active == "2"
    assert "Generation 2" in browser.details._facts.value
    assert "One is chosen." in browser.comparison._head.value


def test_of_two_readings_the_newer_one_counts(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Callable[..., None]] = []
    monkeypatch.setattr(browser, "begin", lambda work, then, _: (work.close(), asked.append(then)))
    with browser.lock:
        browser._refresh()
        browser._refresh("It was done.")
        older, newer = asked
        newer({"generations": browser._found[1:]})
        older({"generations": browser._found[2:]})
        assert list(states(browser)) == ["4", "3", "2", "1"]
        assert browser.said == "It was done."


def test_acting_on_one_that_has_gone_says_so(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "_look", lambda: None)
    browser.grid.active = "1"
    browser._reading = True  # it does not notice
    nix.delete(1, yes=True)
    for name in ("roll_back", "delete", "write_note", "keep"):
        browser.said = ""
        click(browser, name)
        says(browser, "There is no generation 1.")


def test_two_browsers_do_not_disturb_each_other(browser: Browser, there: Machine) -> None:
    other = opened(browser._backend)
    try:
        other.grid.active, other.grid.selected = "2", ["2"]
        other.grid.filter = "6.6"
        assert (browser.grid.active, browser.grid.selected, browser.grid.filter) == ("5", [], "")
        click(other, "keep")
        says(browser, "generation 2 is kept now")
        assert states(browser)["2"] == states(other)["2"] == "kept"
        assert browser.grid.active == "5"
    finally:
        other.close()


def raising(error: BaseException) -> Callable[..., Any]:
    async def execute(*_: Any) -> NixResult:
        if isinstance(error, asyncio.CancelledError):
            raise error
        return NixResult(False, "", {"exception": error}, "failed")

    return execute


def test_errors_of_the_backend_are_told_in_the_status_line(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = NotFound("The store is on fire.", "Smoke was seen.", ["Call the fire brigade."])
    monkeypatch.setattr(browser._backend, "execute", raising(error))
    monkeypatch.setattr(browser._backend, "plan", raising_plan(RuntimeError("a <b>bug</b>")))
    browser.grid.selected = ["1", "2"]
    says(browser, "The store is on fire. Smoke was seen. Call the fire brigade.")
    assert "could not be compared" in browser.comparison._head.value
    browser.grid.active = "2"
    click(browser, "roll_back")
    says(browser, "This failed unexpectedly (RuntimeError: a <b>bug</b>)")
    assert "<b>" not in browser.status.value
    click(browser, "write_note")
    says(browser, "fire brigade")


def raising_plan(error: Exception) -> Callable[..., Any]:
    async def plan(*_: Any) -> object:
        raise error

    return plan


def test_where_sudo_asks_for_a_password_the_line_for_a_cell_is_told(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser._backend, "execute", raising(PasswordNeeded("Root is needed.")))
    browser.grid.active = "2"
    click(browser, "keep")
    says(browser, "Root is needed. Type it in a cell, which can ask you: %nix note 2 --keep")
    browser.details.note.value = "it's"
    click(browser, "write_note")
    says(browser, """%nix note 2 'it'"'"'s'""")


def test_a_list_that_cannot_be_read_is_told_and_read_again(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = NotFound("The generations cannot be listed.")
    with monkeypatch.context() as broken:
        broken.setattr(browser._backend, "execute", raising(error))
        nix.note(2, "a change")
        says(browser, "The generations cannot be listed.")
        assert len(browser.grid.rows) == 5
    says(browser, "A note has changed.")


def test_a_profile_that_vanishes_is_told(browser: Browser, there: Machine) -> None:
    away = f"{there.profiles_dir}.away"
    os.rename(there.profiles_dir, away)
    says(browser, "There is no profile")
    os.rename(away, there.profiles_dir)


def test_without_widgets_it_is_a_table_that_says_so(there: Machine) -> None:
    view = nix.browse()
    assert view.root is None
    assert "Generations of system" in repr(view)
    assert "use it in a notebook with widgets" in repr(view)
    assert "current, running, booted" in view._repr_html_()
    with pytest.raises(NotFound):
        _ = view.packages


def test_a_profile_without_generations_and_a_machine_without_nix_are_sentences(
    there: Machine,
) -> None:
    with pytest.raises(NotFound, match="There is no profile 'nothing'"):
        nix.browse(profile="nothing")
    for number in (1, 2, 3, 4, 5):
        os.unlink(f"{there.profiles_dir}/system-{number}-link")
    with pytest.raises(NotFound, match="no generation yet"):
        nix.browse(profile="system")
    machine.use(replace_dirs(there))
    with pytest.raises(NotFound, match="no Nix on this machine"):
        nix.browse()
    machine.use(there)


def replace_dirs(there: Machine) -> Machine:
    """The same machine, without a store and profiles."""
    return replace(there, store_dir="/nowhere/store", state_dir="/nowhere/var", home="/nowhere")


def test_an_unreadable_database_leaves_the_list(there: Machine) -> None:
    view = opened(NixBackend(there))
    try:
        os.truncate(f"{there.state_dir}/db/db.sqlite", 100)
        view.grid.selected = ["1", "2"]
        soon(lambda: "could not be compared" in view.comparison._head.value)
        assert view.said and "unexpectedly" not in view.said
        assert len(view.grid.rows) == 5
    finally:
        view.close()


def generation(number: int, **facts: Any) -> Generation:
    facts = {"date": datetime(2026, 3, 1, 12, tzinfo=UTC), "current": False, **facts}
    return Generation(number=number, **facts)


def test_many_generations_are_all_in_the_grid_and_the_first_in_the_still() -> None:
    many = [generation(n) for n in range(1000, 0, -1)]
    assert len(words.rows(many, "system")) == 1000
    table = words.table(many, "system")
    assert len(table.rows) == 40
    assert table.notes == ["… and 960 more; %nix list has them all."]


def test_profiles_of_users_have_no_versions_of_a_system() -> None:
    titles = [column.title for column in words.columns("user")]
    assert titles == ["number", "date", "state", "note"]
    (row,) = words.rows([generation(7, note="mine", kept=True)], "user")
    assert list(row.cells)[2:] == ["kept", "mine"]
    assert len(row.keys) == len(row.cells) == len(titles)


def test_what_cannot_be_known_is_sorted_last() -> None:
    (row,) = words.rows([generation(1, date=None, problem="It dangles.")], "system")
    assert row.keys == [1, None, None, None, None, "problem: It dangles."]
    assert dict(words.facts(generation(1, problem="It dangles.")))["Problem"] == "It dangles."


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([generation(1), generation(2, current=True)], ""),
        (
            [generation(1), generation(2), generation(3, current=True)],
            "The machine has changed: generation 3 is new, generation 3 is current now.",
        ),
        ([generation(2, current=True)], "The machine has changed: generation 1 is gone."),
        (
            [generation(1, kept=True), generation(2, current=True)],
            "The machine has changed: generation 1 is kept now.",
        ),
        ([generation(1, note="x"), generation(2, current=True)], "A note has changed."),
        ([generation(1, path="/other"), generation(2, current=True)], "The machine has changed."),
        (
            [generation(n, current=n == 2) for n in range(1, 20)],
            "The machine has changed: 17 generations are new.",
        ),
        (
            [generation(n, current=n == 2) for n in range(1, 5)],
            "The machine has changed: generations 3, 4 are new.",
        ),
    ],
)
def test_what_has_changed_is_a_sentence(after: list[Generation], said: str) -> None:
    assert words.news([generation(1), generation(2, current=True)], after) == said


def test_letting_go_is_told_once_it_is_not_kept() -> None:
    before = [generation(1, kept=True)]
    after = [replace(before[0], kept=False)]
    assert words.news(before, after).endswith("generation 1 is no longer kept.")


def test_the_profile_is_asked_for_by_its_path(browser: Browser, there: Machine) -> None:
    assert browser.profile == find_profile(there)

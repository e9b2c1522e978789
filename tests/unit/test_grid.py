"""The grid without a browser: what it sends there, and what it makes of what comes back."""

from __future__ import annotations

import pytest

from luminous_nix_ipy.widgets.grid import Column, Grid, Row

COLUMNS = [Column("number", number=True), Column("note")]


def three(most: int | None = 2) -> Grid:
    grid = Grid("Generations", COLUMNS, things="generations", most=most)
    grid.show([Row(n, [n, f"note {n}"], [int(n), None]) for n in ("1", "2", "3")])
    return grid


def from_browser(grid: Grid, **state: object) -> None:
    """What the browser sends when its side of these traits has changed."""
    grid._handle_msg({"content": {"data": {"method": "update", "state": state}}, "buffers": []})


def test_rows_and_columns_reach_the_browser() -> None:
    state = three().get_state()
    assert state["columns"] == [
        {"title": "number", "number": True},
        {"title": "note", "number": False},
    ]
    assert state["rows"][0] == {
        "id": "1",
        "cells": ["1", "note 1"],
        "keys": [1, None],
        "strong": False,
    }
    assert (state["caption"], state["things"], state["most"]) == ("Generations", "generations", 2)


def test_text_is_printable() -> None:
    grid = Grid("a\x1b[31m", COLUMNS)
    grid.show([Row("1", ["1", "\u202eevil\x07"])])
    assert grid.caption == "a\\x1b[31m"
    assert grid.rows[0]["cells"] == ["1", "\\u202eevil\\x07"]


def test_the_browser_chooses_and_walks() -> None:
    grid = three()
    from_browser(grid, selected=["3", "1"], active="2", filter="note", sort=[1, "ascending"])
    assert (grid.selected, grid.active, grid.filter) == (["3", "1"], "2", "note")
    assert grid.sort == [1, "ascending"]


def test_what_has_gone_meanwhile_cannot_be_chosen() -> None:
    grid = three()
    from_browser(grid, selected=["9", "1"], active="9")
    assert (grid.selected, grid.active) == (["1"], None)


def test_no_more_than_most_are_chosen() -> None:
    for most, left in ((0, []), (1, ["3"]), (2, ["2", "3"]), (None, ["1", "2", "3"])):
        grid = three(most)
        from_browser(grid, selected=["1", "2", "3"])
        assert grid.selected == left


def test_choices_outlive_new_rows_unless_they_are_gone() -> None:
    grid = three()
    grid.selected, grid.active = ["1", "3"], "3"
    grid.show([Row(n, [n, "other words"]) for n in ("3", "4")])
    assert (grid.selected, grid.active) == (["3"], "3")
    grid.show([Row("4", ["4", ""])])
    assert (grid.selected, grid.active) == ([], None)


def test_rows_that_are_the_same_are_not_sent_again() -> None:
    grid = three()
    sent: list[object] = []
    grid.observe(sent.append, "rows")
    grid.show([Row(n, [n, f"note {n}"], [int(n), None]) for n in ("1", "2", "3")])
    assert not sent
    grid.show([])
    assert len(sent) == 1


def test_enter_is_told_for_rows_that_are_there() -> None:
    grid = three()
    told: list[str] = []
    grid.on_activated(told.append)
    for content in ({"activated": "2"}, {"activated": "9"}, {"activated": None}, {}):
        message = {"data": {"method": "custom", "content": content}}
        grid._handle_msg({"content": message, "buffers": []})
    assert told == ["2"]


def test_focus_is_offered_to_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = three()
    sent: list[object] = []
    monkeypatch.setattr(grid, "send", sent.append)
    grid.catch_focus()
    assert sent == [{"catch_focus": True}]


def test_the_script_never_takes_text_for_markup() -> None:
    script = str(three()._esm)
    assert "textContent" in script
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script
    assert "http" not in script  # nothing is fetched

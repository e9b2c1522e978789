"""Errors of an evaluation, as Nix 2.3, 2.8 and 2.34 print them: sentence, place and caret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.tools.evaluation_errors import (
    EvaluationError,
    Place,
    closest,
    excerpt,
    parse,
)

SOURCE = "let f = x: x.a.b; in f { a = {}; }"

NIX_2_3 = "error: undefined variable 'helo' at (string):1:19"
NIX_2_8 = """\
error: attribute 'helo' missing

       at «stdin»:4:4:

            3|   s = { hello = 1; };
            4| in s.helo + 1
             |    ^
       Did you mean hello?"""
NIX_2_8_TRACE = """\
error: value is an integer while a set was expected

       at /srv/hosts.nix:3:1:

            2| in
            3| a.b
             | ^

       … while evaluating the attribute 'a'

       at «stdin»:2:26:

            2| import ./hosts.nix
             | ^"""
NIX_2_34 = """\
error:
       … while evaluating the attribute 'a.b'
         at «stdin»:2:26:
            1|
            2| let f = x: x.a.b; in f { a = {}; }
             |                          ^

       error: attribute 'b' missing
       at «stdin»:2:12:
            1|
            2| let f = x: x.a.b; in f { a = {}; }
             |            ^"""
NIX_2_34_THROW = """\
error:
       … while calling the 'throw' builtin
         at «stdin»:1:1:
            1| throw "no\\n way"
             | ^

       error: no
        way"""


def parsed(text: str) -> EvaluationError:
    found = parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "sentence", "place", "traces"),
    [
        (NIX_2_3, "undefined variable 'helo'", Place(None, 1, 19), []),
        (NIX_2_8, "attribute 'helo' missing", Place(None, 4, 4), []),
        (
            NIX_2_8_TRACE,
            "value is an integer while a set was expected",
            Place("/srv/hosts.nix", 3, 1),
            ["while evaluating the attribute 'a'"],
        ),
        (
            NIX_2_34,
            "attribute 'b' missing",
            Place(None, 2, 12),
            ["while evaluating the attribute 'a.b'"],
        ),
        (NIX_2_34_THROW, "no\nway", None, ["while calling the 'throw' builtin"]),
    ],
)
def test_the_parts(text: str, sentence: str, place: Place | None, traces: list[str]) -> None:
    error = parsed(text)
    assert error.error.text == sentence
    assert error.error.place == place
    assert [trace.text for trace in error.traces] == traces


def test_traces_have_places() -> None:
    assert parsed(NIX_2_34).traces[0].place == Place(None, 2, 26)
    assert parsed(NIX_2_8_TRACE).traces[0].place == Place(None, 2, 26)


@pytest.mark.parametrize("text", ["", "trace: hi", "warning: a dirty tree", "error:"])
def test_what_is_no_error(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    error = parse(f"error: {text}")
    assert error is None or error.error.text


def test_the_caret() -> None:
    assert excerpt("let\n  s = 1;\nin s.helo", Place(None, 3, 4)) == [
        "2 |   s = 1;",
        "3 | in s.helo",
        "  |    ^",
    ]


@pytest.mark.parametrize(
    ("source", "column", "caret"),
    [
        ('"ä" + x', 8, "  |       ^"),  # Nix counts bytes
        ("\ta b", 4, "  | \t  ^"),  # a tab stays one
        ("a", 2, "  |  ^"),  # the end of the text
    ],
)
def test_the_caret_stands_under_its_letter(source: str, column: int, caret: str) -> None:
    assert excerpt(source, Place(None, 1, column))[-1] == caret.replace("  |", "  |", 1)


def test_a_line_that_is_not_there() -> None:
    assert excerpt("a", Place(None, 7, 1)) == []


def test_closest_names() -> None:
    assert closest(parsed(NIX_2_8), "") == ["Did you mean hello?"]
    assert closest(parsed(NIX_2_3), "let hello = 1; in helo") == ["Did you mean hello?"]
    assert closest(parsed(NIX_2_3), "nothing like it: helo") == []
    assert closest(parsed(NIX_2_34_THROW), SOURCE) == []

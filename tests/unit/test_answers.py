"""Answers are compared as what they are: nothing is right by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.answers import Incomparable, kind, plain, same, seal, told, unseals

FRAME = pd.DataFrame({"name": ["a", "b"], "cores": [2, 4]})


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (4, 4),
        (4.0, 4),
        (np.int64(4), 4),
        (np.float64(0.5), 0.5),
        (0.1 + 0.2, 0.3),
        (np.bool_(True), True),
        (" 6.6.92\n", "6.6.92"),
        (Path("/a/b"), "/a/b"),
        ((1, 2), [1, 2]),
        ({2, 1}, [1, 2]),
        ({1: "a"}.keys(), [1]),
        ({1: "a"}.values(), ["a"]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a"]), ["a"]),
        (np.array([[1], [2]]), [[1], [2]]),
        (FRAME, [{"name": "a", "cores": 2}, {"name": "b", "cores": 4}]),
        ({"a": {"b": (1,)}}, {"a": {"b": [1]}}),
        (None, None),
    ],
)
def test_the_same_value_in_another_dress(found: Any, wanted: Any) -> None:
    assert same(plain(found), plain(wanted))
    assert (
        unseals(plain(found), seal(wanted))
        or isinstance(found, (set, float))
        or kind(plain(found)) == "a set"
    )


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (True, 1),
        (1, True),
        ("4", 4),
        (4, "4"),
        ("A", "a"),
        ([2, 1], [1, 2]),
        ({1, 2, 3}, [1, 2]),
        ([1, 1, 2], {1, 2}),
        ([4], 4),
        (None, 0),
        (0, False),
        ("", None),
        (float("nan"), float("nan")),
        (float("inf"), 1e308),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"1": [1]}, [{"1": 1}]),
        (FRAME["name"], FRAME),
    ],
)
def test_another_value(found: Any, wanted: Any) -> None:
    assert not same(plain(found), plain(wanted))
    assert not same(plain(wanted), plain(found))


def test_a_list_may_stand_for_the_set_that_was_sealed() -> None:
    sealed = seal({"b", "a"})
    assert unseals(plain({"a", "b"}), sealed)
    assert unseals(plain(["b", "a"]), sealed)
    assert not unseals(plain(["b"]), sealed)
    assert not unseals(plain({"a", "b"}), seal(["a", "b"]))
    assert seal(4) != seal(4), "two seals have two salts"


@pytest.mark.parametrize("value", [object(), len, pd.Timestamp(0), 1j, [object()], b"a"])
def test_what_cannot_be_compared(value: Any) -> None:
    with pytest.raises(Incomparable):
        plain(value)
    with pytest.raises(Incomparable):
        seal(value)


def test_a_list_within_itself_has_no_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(Incomparable):
        plain(endless)


def test_values_are_told_with_what_they_are() -> None:
    assert told(plain("a")) == "'a', text"
    assert told(plain({2, 1})) == "{1, 2}, a set"
    assert told(plain(True)) == "True, a truth value"
    assert told(plain([1])) == "[1], a list"
    assert told(plain({"a": 1})) == "{'a': 1}, a dict"
    assert told(None) == "None, nothing"
    assert len(told("x" * 1000)) < 80


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
    max_leaves=12,
)


@given(values)
def test_every_value_is_the_same_as_itself_and_unseals_itself(value: Any) -> None:
    assert same(plain(value), plain(value))
    assert unseals(plain(value), seal(value))
    assert told(plain(value))

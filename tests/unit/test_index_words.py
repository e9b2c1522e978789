"""How names and queries become words, and which words are near one another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.store.index_schema import TABLES
from luminous_nix_ipy.store.index_spelling import distance, letters, similar_words, tolerance
from luminous_nix_ipy.store.index_words import (
    LONGEST_QUERY,
    MOST_WORDS,
    aliases,
    key,
    name_words,
    query_words,
    simple_words,
    words,
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("python313Packages", ["python313packages", "python", "packages", "python313"]),
        ("allowedTCPPorts", ["allowedtcpports", "allowed", "tcp", "ports"]),
        ("google-chrome", ["google", "chrome"]),
        ("_7zz", ["7zz", "zz"]),
        ("virtualHosts.<name>.forceSSL", ["virtualhosts", "virtual", "hosts", "name"]),
        ("", []),
    ],
)
def test_words_of_names(name: str, found: list[str]) -> None:
    assert name_words(name)[: len(found)] == found
    assert bool(name_words(name)) == bool(found)


def test_simple_words_leave_out_what_is_joined() -> None:
    assert simple_words("services.enableACME") == ["services", "enable", "acme"]
    assert simple_words("hello") == ["hello"]


@pytest.mark.parametrize(
    "name", ["python-requests", "pythonRequests", "Python Requests", "pythonréquests"]
)
def test_a_key_knows_neither_case_nor_separators_nor_accents(name: str) -> None:
    assert key(name) == "pythonrequests"


def test_words_keep_the_signs_of_languages() -> None:
    assert words("C++ and C#, f(x)") == ["c++", "and", "c#", "f", "x"]


@given(st.text())
def test_any_query_has_few_words(query: str) -> None:
    found = query_words(query)
    assert len(found) <= MOST_WORDS
    assert sum(map(len, found)) <= 20 * LONGEST_QUERY
    assert all('"' not in word and " " not in word and word for word in found)
    assert isinstance(key(query), str)
    assert set(simple_words(query)) <= set(name_words(query))


def test_aliases_go_both_ways() -> None:
    assert "kubernetes" in aliases("k8s")
    assert "k8s" in aliases("kubernetes")
    assert aliases("hello") == ()


def by_the_book(first: str, second: str) -> int:
    """Optimal string alignment distance, the whole table."""
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) + 1):
        for j in range(len(second) + 1):
            if not i or not j:
                rows[i][j] = i or j
                continue
            rows[i][j] = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (first[i - 1] != second[j - 1]),
            )
            if i > 1 and j > 1 and first[i - 1] == second[j - 2] and first[i - 2] == second[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


short = st.text("abc", max_size=7)


@given(short, short, st.integers(0, 4))
def test_the_distance_of_words(first: str, second: str, most: int) -> None:
    assert distance(first, second, most) == min(by_the_book(first, second), most + 1)


@given(st.text(), st.text())
def test_a_mask_has_the_letters_of_a_word(first: str, second: str) -> None:
    assert letters(first + second) == letters(first) | letters(second)
    assert letters(first) < 2**40


@pytest.fixture
def vocabulary() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    for word in ("firefox", "firebird", "postgresql", "git", "alacritty", "nginx", "zsh"):
        row = (len(word), word, letters(word), 1)
        connection.execute("insert into vocabulary values (?, ?, ?, ?)", row)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("fierfox", [("firefox", 1)]),
        ("ifrefox", [("firefox", 1)]),
        ("irefox", [("firefox", 1)]),
        ("girefox", [("firefox", 1)]),
        ("fierfxo", [("firefox", 2)]),
        ("postgrsql", [("postgresql", 1)]),
        ("postgres", [("postgresql", 2)]),
        ("alacrity", [("alacritty", 1)]),
        ("ngnix", [("nginx", 1)]),
        ("gti", []),
        ("firefox", []),
        ("unheardof", []),
    ],
)
def test_misspellings(
    vocabulary: sqlite3.Connection, wrong: str, right: list[tuple[str, int]]
) -> None:
    assert similar_words(vocabulary, wrong) == right


@given(st.sampled_from(["firefox", "postgresql", "alacritty"]), st.data())
def test_one_wrong_letter_is_always_forgiven(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcxyz9"))
    kind = data.draw(st.sampled_from(["add", "lose", "swap", "change"]))
    wrong = {
        "add": word[:place] + letter + word[place:],
        "lose": word[:place] + word[place + 1 :],
        "swap": word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
        "change": word[:place] + letter + word[place + 1 :],
    }[kind]
    assert distance(word, wrong, 2) <= 1 <= tolerance(word)

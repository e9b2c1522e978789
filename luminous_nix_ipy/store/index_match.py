"""From what is asked to the documents that may answer it.

Every word of a query becomes a `Term`: the word, and the forms that stand for it: two neighbours
written as one ("vs code": vscode), other words for the same (`index_words.ALIASES`), and, where the
list hardly knows the word, the words that are one or two letters away. Documents are then asked
for from the strictest question to the loosest, each time the most prominent first, until there are
enough: exact keys; all terms in names; all terms anywhere; all terms but one; any term.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from math import log
from typing import NamedTuple

from .index_schema import SITE
from .index_spelling import (
    documents_beginning,
    documents_with,
    is_known,
    similar_words,
    tolerance,
)
from .index_words import IDLE, LONGEST_QUERY, aliases, key, name_words, query_words, words

ENOUGH = 12
"""Documents that have all terms; with fewer, those that lack one are looked at too."""
_ALIAS = 0.8
_SPELLING = (1.0, 0.75, 0.55)
"""What a form counts by the letters that differ."""
_COMMON = 2000
"""Documents from which on those that have a longer word are not looked for."""
_SELDOM = 30
"""Documents up to which a word may be a misspelling of one that as many have."""
_IDLE_WEIGHT = 0.3
_MOST_OF_KEY = 1000
_SHORTEST_PART = 3
_NAMES = "{title path program} : "

_COLUMNS = "id, number, name, leaf, prominence, mass, thing, title, path, program, description"
_BY_WORDS = (
    f"select {_COLUMNS} from document where id in"
    " (select rowid from words where words match ? order by rowid limit ?)"
)
_BY_KEY = f"select {_COLUMNS}, min(kind) from keys join document using (id)" + (
    " where key = ? group by id order by min(kind), id limit ?"
)


class Row(NamedTuple):
    """A document, as its table has it."""

    id: int
    number: int
    name: str
    leaf: str
    prominence: float
    mass: float
    thing: bool
    title: str
    path: str
    program: str
    description: str


class Term(NamedTuple):
    """One word of a query."""

    word: str
    forms: tuple[tuple[str, float], ...]
    """What stands for it, itself included, and how much each counts."""
    weight: float
    """How much it tells: rare words tell more."""
    idle: bool = False
    """An answer need not have it."""
    documents: int = 0
    """How many have it."""


class Question(NamedTuple):
    """A query, made ready."""

    key: str
    """All of it as one word."""
    terms: tuple[Term, ...]
    phrase: str
    """Its words in their order, with spaces around; empty where it is one word."""


class Candidates(NamedTuple):
    """Documents that may answer."""

    rows: dict[int, Row]
    exact: dict[int, int]
    """Those that have the question's key -> the kind of key."""


def understand(connection: sqlite3.Connection, query: str, total: int) -> Question:
    """Take a query apart. `total`: how many documents there are."""
    found: list[str] = []
    near: dict[str, list[tuple[str, int]]] = {}
    for word in query_words(query):
        seldom = _seldom(connection, word)
        if seldom is not None:
            near[word] = similar_words(connection, word, seldom)
            if not seldom and not any(apart == 1 for _, apart in near[word]):
                parts = _parts(connection, query, word)
                found += parts or [word]
                continue
        found.append(word)
    joined = [pair for pair in map("".join, pairwise(found)) if is_known(connection, pair)]
    terms = []
    for first, word, last in zip(["", *found], found, [*found[1:], ""], strict=False):
        forms = {word: 1.0}
        forms.update((pair, 1.0) for pair in (first + word, word + last) if pair in joined)
        forms.update((alias, _ALIAS) for alias in aliases(word))
        forms.update((other, _SPELLING[apart]) for other, apart in near.get(word, ()))
        terms.append(_term(connection, word, forms, total))
    if all(term.idle for term in terms):
        terms = [term._replace(idle=False) for term in terms]
    phrase = f" {' '.join(found)} " if len(found) > 1 else ""
    return Question(key(query[:LONGEST_QUERY]), tuple(terms), phrase)


def candidates(
    connection: sqlite3.Connection, question: Question, most: int, *, exact: bool = False
) -> Candidates:
    """The documents to be rated, some `most` of each degree of strictness; `exact`: only those
    that have the question's key."""
    rows: dict[int, Row] = {}
    kinds: dict[int, int] = {}
    for *row, kind in connection.execute(_BY_KEY, (question.key, most)):
        # Two words that happen to spell a site or a command are seldom meant as one.
        if kind < SITE or not (question.phrase or (exact and kind == SITE)):
            rows[row[0]] = Row(*row)
            kinds[row[0]] = kind
    for expressions in (
        () if exact else _degrees(tuple(term for term in question.terms if not term.idle))
    ):
        for expression in expressions:
            for row in connection.execute(_BY_WORDS, (expression, most)):
                rows.setdefault(row[0], Row(*row))
        if len(rows) >= ENOUGH:
            break
    return Candidates(rows, kinds)


def of_key(connection: sqlite3.Connection, key: str) -> list[Row]:
    """The documents that have a key, by its kinds, the most prominent of each first."""
    return [Row(*row) for *row, _ in connection.execute(_BY_KEY, (key, _MOST_OF_KEY))]


def _parts(connection: sqlite3.Connection, query: str, word: str) -> list[str]:
    """The known words that an unknown one is made of: by its case in the query, else any two; or
    none."""
    for written in words(query, fold=False):
        if written.casefold() == word:
            parts = [part for part in name_words(written) if part != word]
            if len(parts) > 1 and all(is_known(connection, part) for part in parts):
                return parts
    for place in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        parts = [word[:place], word[place:]]
        if all(is_known(connection, part) for part in parts):
            return parts
    return []


def _term(connection: sqlite3.Connection, word: str, forms: dict[str, float], total: int) -> Term:
    known = max(documents_with(connection, form) for form in forms)
    own = documents_with(connection, word) or known
    weight = idf(own, total) * (_IDLE_WEIGHT if word in IDLE else 1)
    return Term(word, tuple(forms.items()), weight, word in IDLE, own)


def idf(documents: int, total: int) -> float:
    """How much a word tells that so many of all documents have; at least a little."""
    return max(0.2, log((total + 1) / (documents + 1)))


def _degrees(terms: tuple[Term, ...]) -> Iterator[list[str]]:
    """The questions to ask of the full text index, the strictest first."""
    if not terms:
        return
    yield [_NAMES + _all(terms, loose=True), _all(terms)]
    if len(terms) > 1:
        yield [_all(terms, loose=True)]
        yield [_all(terms[:out] + terms[out + 1 :]) for out in range(len(terms))]
    yield [_NAMES + _any(term, loose=True) for term in terms] + [_any(term) for term in terms]


def _all(terms: tuple[Term, ...], *, loose: bool = False) -> str:
    return "(" + " AND ".join(_any(term, loose=loose) for term in terms) + ")"


def _any(term: Term, *, loose: bool = False) -> str:
    """Any of a term's forms; `loose`: or what begins with it, or with what it may be part of."""
    written = []
    for form, factor in term.forms:
        begins = loose and term.documents <= _COMMON and (factor == 1 or len(form) > _SHORTEST_PART)
        written.append(f'"{form}"*' if begins else f'"{form}"')
    return f"({' OR '.join(written)})"


def _is_key(connection: sqlite3.Connection, word: str) -> bool:
    found = connection.execute("select 1 from keys where key = ? limit 1", (word,)).fetchone()
    return found is not None


def _seldom(connection: sqlite3.Connection, word: str) -> int | None:
    """How many documents have a word, or one that begins so, where they are so few that it may be
    a misspelling; else None. What is the very name of something is none."""
    if not tolerance(word) or _is_key(connection, word):
        return None
    if documents_with(connection, word) > _SELDOM:
        return None
    found = documents_beginning(connection, word)
    return found if found <= _SELDOM else None

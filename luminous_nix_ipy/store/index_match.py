"""From what is asked to the documents that may answer it.

Every word of a query becomes a `Term`: the word, and the forms that stand for it: two neighbours
written as one ("vs code": vscode), other words for the same (`index_words.ALIASES`), and, where the
list hardly knows the word, the words that are one or two letters away. Documents are then asked
for from the strictest question to the loosest, each time the most prominent first, until there are
enough: exact keys; all terms in names; all terms anywhere; all terms but one; any term.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

from .index_spelling import distance, letters, tolerance
from .index_words import LONGEST_QUERY, aliases, key, name_words, query_words, words

ENOUGH = 12
"""Documents that have all terms; with fewer, those that lack one are looked at too."""
_ALIAS = 0.8
_SPELLING = (1.0, 0.75, 0.55)
"""What a form counts by the letters that differ."""
_MOST_SPELLINGS = 6
_MOST_OF_KEY = 1000
_SHORTEST_PART = 3
_RARE = 2
"""Documents with a word up to which it may be a misspelling."""
_NAMES = "{title path program} : "

_COLUMNS = "id, number, name, leaf, prominence, mass, title, path, program, description"
_BY_WORDS = (
    f"select {_COLUMNS} from document where id in"
    " (select rowid from words where words match ? order by rowid limit ?)"
)
_BY_KEY = f"select {_COLUMNS}, min(kind) from keys join document using (id)" + (
    " where key = ? group by id order by id limit ?"
)
_SIMILAR = """
select word, documents from vocabulary
where length between :shortest and :longest
  and ((letters & ~:mask) & ((letters & ~:mask) - 1)
      & (((letters & ~:mask) & ((letters & ~:mask) - 1)) - 1)) = 0
  and ((:mask & ~letters) & ((:mask & ~letters) - 1)
      & (((:mask & ~letters) & ((:mask & ~letters) - 1)) - 1)) = 0
"""
"""Words at most two of whose letters the other lacks, and the other way round: x & (x - 1) clears
the lowest bit."""


class Row(NamedTuple):
    """A document, as its table has it."""

    id: int
    number: int
    name: str
    leaf: str
    prominence: float
    mass: float
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


class Question(NamedTuple):
    """A query, made ready."""

    key: str
    """All of it as one word."""
    terms: tuple[Term, ...]


class Candidates(NamedTuple):
    """Documents that may answer."""

    rows: dict[int, Row]
    exact: dict[int, int]
    """Those that have the question's key -> the kind of key."""


def understand(connection: sqlite3.Connection, query: str, total: int) -> Question:
    """Take a query apart. `total`: how many documents there are."""
    found: list[str] = []
    for word in query_words(query):
        found += [word] if _known(connection, word) else _parts(connection, query, word)
    joined = [first + second for first, second in pairwise(found)]
    joined = [pair if _known(connection, pair) else "" for pair in joined]
    terms = []
    for place, word in enumerate(found):
        pairs = [pair for pair in joined[max(0, place - 1) : place + 1] if pair]
        terms.append(_term(connection, word, pairs, total))
    return Question(key(query[:LONGEST_QUERY]), tuple(terms))


def candidates(
    connection: sqlite3.Connection, question: Question, most: int, *, exact: bool = False
) -> Candidates:
    """The documents to be rated, some `most` of each degree of strictness; `exact`: only those
    that have the question's key."""
    rows: dict[int, Row] = {}
    kinds: dict[int, int] = {}
    for *row, kind in connection.execute(_BY_KEY, (question.key, most)):
        rows[row[0]] = Row(*row)
        kinds[row[0]] = kind
    for expressions in () if exact else _degrees(question.terms):
        for expression in expressions:
            for row in connection.execute(_BY_WORDS, (expression, most)):
                rows.setdefault(row[0], Row(*row))
        if len(rows) >= ENOUGH:
            break
    return Candidates(rows, kinds)


def of_key(connection: sqlite3.Connection, key: str, kinds: Sequence[int]) -> list[Row]:
    """The documents that have a key of one of these kinds, the most prominent first."""
    found = connection.execute(_BY_KEY, (key, _MOST_OF_KEY))
    return [Row(*row) for *row, kind in found if kind in kinds]


def similar_words(connection: sqlite3.Connection, word: str) -> list[tuple[str, int]]:
    """Words that differ from `word` by so few letters as `tolerance` allows -> by how many; the
    nearest first, of those the ones that more documents have."""
    most = tolerance(word)
    if most == 0:
        return []
    bounds = {"shortest": max(3, len(word) - most), "longest": len(word) + most}
    rated = []
    for other, documents in connection.execute(_SIMILAR, {**bounds, "mask": letters(word)}):
        apart = distance(word, other, most)
        if 0 < apart <= most:
            rated.append((apart - (other[0] == word[0]) / 2, -documents, other, apart))
    return [(other, apart) for _, _, other, apart in sorted(rated)[:_MOST_SPELLINGS]]


def _parts(connection: sqlite3.Connection, query: str, word: str) -> list[str]:
    """The known words that an unknown one is made of: by its case in the query, else any two; if
    there are none, the word itself."""
    for written in words(query, fold=False):
        if written.casefold() == word:
            parts = [part for part in name_words(written) if part != word]
            if len(parts) > 1 and all(_known(connection, part) for part in parts):
                return parts
    for place in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        parts = [word[:place], word[place:]]
        if all(_known(connection, part) for part in parts):
            return parts
    return [word]


def _term(connection: sqlite3.Connection, word: str, pairs: list[str], total: int) -> Term:
    documents = _documents(connection, word)
    forms = {word: 1.0} | dict.fromkeys(pairs, 1.0)
    for alias in aliases(word):
        forms.setdefault(alias, _ALIAS)
    if documents <= _RARE and not pairs and not (documents == 0 and _begins(connection, word)):
        for other, apart in similar_words(connection, word):
            forms.setdefault(other, _SPELLING[apart])
            documents = max(documents, _documents(connection, other))
    return Term(word, tuple(forms.items()), idf(documents, total))


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
    """Any of a term's forms; `loose`: or what begins with one."""
    return "(" + " OR ".join(f'"{form}"{"*" if loose else ""}' for form, _ in term.forms) + ")"


def _documents(connection: sqlite3.Connection, word: str) -> int:
    row = connection.execute(
        "select documents from vocabulary where length = ? and word = ?", (len(word), word)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _known(connection: sqlite3.Connection, word: str) -> bool:
    return _documents(connection, word) > 0


def _begins(connection: sqlite3.Connection, word: str) -> bool:
    """Whether a name or text has a word that begins so."""
    found = connection.execute("select 1 from words where words match ? limit 1", (f'"{word}"*',))
    return found.fetchone() is not None

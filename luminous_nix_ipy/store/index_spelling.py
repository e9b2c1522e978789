"""Words that are one or two letters away from a word.

A word's letters are kept as a bit mask beside it, so that SQLite itself can pass over those whose
letters differ too much; of the rest the distance is computed: insertions, deletions, substitutions
and swaps of neighbours (optimal string alignment, the restricted Damerau-Levenshtein distance).
"""

from __future__ import annotations

import sqlite3

_BITS = 40
_MOST_WORDS = 6
_MOST_MORE = 16
"""Letters that a word may have after its beginning."""
_LAST = "\U0010ffff"


def _few(mask: str, most: int) -> str:
    """SQL: whether `mask` has at most so many bits; x & (x - 1) clears the lowest."""
    for _ in range(most):
        mask = f"(({mask}) & (({mask}) - 1))"
    return f"{mask} = 0"


_SIMILAR = {
    most: f"""
select word, documents from vocabulary
where length = :length and word between :letter and :last
  and {_few("letters & ~:mask", most)} and {_few(":mask & ~letters", most)}
"""
    for most in (1, 2)
}
_BEGINNING = f"""
select coalesce(sum(documents), 0) from vocabulary
where length in ({", ".join(f":least + {more}" for more in range(_MOST_MORE))})
  and word between :start and :last
"""
_FIRST_DIFFERS = "select word, documents from vocabulary where length = ? and substr(word, 2) = ?"
"""Also where the first letter was lost."""


def letters(word: str) -> int:
    """A bit for every letter and digit that the word has."""
    mask = 0
    for letter in word:
        code = ord(letter)
        if 97 <= code <= 122:
            mask |= 1 << (code - 97)
        else:
            mask |= 1 << (26 + code % (_BITS - 26))
    return mask


def tolerance(word: str) -> int:
    """How many letters of a word may be wrong."""
    return 0 if len(word) < 4 else 1 if len(word) < 7 else 2


def distance(first: str, second: str, most: int) -> int:
    """How many letters must change between the two; `most` + 1 if more than `most` must."""
    if first == second:
        return 0
    if most == 0 or abs(len(first) - len(second)) > most:
        return most + 1
    same = 0
    for letter, other in zip(first, second, strict=False):
        if letter != other:
            break
        same += 1
    first, second = first[same:], second[same:]
    rests = [(first[1:], second[1:]), (first[1:], second), (first, second[1:])]
    if first[:2] == second[1::-1]:
        rests.append((first[2:], second[2:]))
    return 1 + min(distance(*rest, most - 1) for rest in rests)


def similar_words(
    connection: sqlite3.Connection, word: str, at_least: int = 0
) -> list[tuple[str, int]]:
    """Words of an index's vocabulary that differ from `word` by so few letters as `tolerance`
    allows, with how many; the nearest first, of those the ones that more documents have.
    `at_least`: documents that have `word` itself; of a word that is known, only those are similar
    that no fewer have, and that differ by one letter.

    Of all words those are looked at that begin with its first or its second letter (as after a
    swap, or where one was added), or that differ in the first letter alone.
    """
    most = min(tolerance(word), 1 if at_least else 2)
    if most == 0:
        return []
    mask = letters(word)
    found: dict[str, int] = {}
    for length in range(len(word) - most, len(word) + most + 1):
        for letter in set(word[:2]):
            asked = {"length": length, "letter": letter, "last": letter + _LAST, "mask": mask}
            found.update(connection.execute(_SIMILAR[most], asked))
    for rest in (word[1:], word):
        found.update(connection.execute(_FIRST_DIFFERS, (len(rest) + 1, rest)))
    rated = []
    for other, documents in found.items():
        apart = distance(word, other, most)
        if 0 < apart <= most and documents >= at_least:
            rated.append((apart, -documents, other))
    return [(other, apart) for apart, _, other in sorted(rated)[:_MOST_WORDS]]


def documents_with(connection: sqlite3.Connection, word: str) -> int:
    """In how many documents a word is, as far as the vocabulary knows."""
    row = connection.execute(
        "select documents from vocabulary where length = ? and word = ?", (len(word), word)
    ).fetchone()
    return 0 if row is None else int(row[0])


def documents_beginning(connection: sqlite3.Connection, start: str) -> int:
    """How many documents have words that begin so; those that have two count twice."""
    row = connection.execute(
        _BEGINNING, {"least": len(start), "start": start, "last": start + _LAST}
    )
    return int(row.fetchone()[0])


def is_known(connection: sqlite3.Connection, word: str) -> bool:
    """Whether the vocabulary has a word."""
    return documents_with(connection, word) > 0

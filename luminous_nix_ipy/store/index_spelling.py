"""Words that are one or two letters away from a word.

A word's letters are kept as a bit mask beside it, so that SQLite itself can pass over those whose
letters differ too much; of the rest the distance is computed: insertions, deletions, substitutions
and swaps of neighbours (optimal string alignment, the restricted Damerau-Levenshtein distance).
"""

from __future__ import annotations

_BITS = 40


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
    if abs(len(first) - len(second)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                least = min(least, last[j - 2] + 1)
            row.append(least)
        if min(row) > most and min(before) > most:
            return most + 1
    return min(row[-1], most + 1)

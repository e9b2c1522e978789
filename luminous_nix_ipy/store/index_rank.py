"""How good an answer is.

The score of a document is the sum of

- coverage, 0 to about 1: how well each term is met, by the place that meets it best (a word of its
  name, its program, the set that it is in, the beginning of a name's word, its description, where
  an early word counts for more), the terms weighted by how much they tell (inverse document
  frequency), less something for each term that is not met;
- closeness: how much of its name was asked for, so that `firefox` comes before
  `firefox-devedition` for "firefox"; or, where only its description was met, its brevity;
- exactness: the whole query is its attribute, its main program, its own name, the name of its
  site (`index_sites`), or one of its programs, in this order; more for a program that its name has
  in it (`awk` of `gawk`), and less for one that is of another package (`index_bundles`), or that
  few have and is called as things are in general (`clock` of `fltk`): what is a clock by its
  description may as well be meant;
- prominence (`index_prominence`).

What is in a set and called as things are in general (`rPackages.statistics`) comes later where the
set was not asked for. Packages that many sets have (`python313Packages.x`, `python314Packages.x`)
stand for each other: all but the best of them come later.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from .index_match import Candidates, Question, Row, Term
from .index_schema import ATTRIBUTE, BUNDLED, COMMAND, LEAF, PROGRAM, SITE
from .index_spelling import distance
from .index_words import key

_DIGITS = re.compile(r"[0-9_]+")
_ENDINGS = re.compile(r"(?:ations?|ings?|ers?|ors?|ed|es|s|ion|ment|e)$")
_Forms = list[tuple[str, str, float]]
"""What stands for a term: the form, its stem with a space before it, how much it counts."""
_SHORTEST_STEM = 4
_FARTHEST = 3
"""Letters by which a name may differ from what was written for it."""
_ORDINARY = 50
"""Documents from which on a word is one that things are called by in general."""
_STANDARD = 4
"""Packages from which on a command is one that many systems have."""
_BRIEF = 30
"""Characters of a short description."""


class Weights(NamedTuple):
    """What each thing counts: chosen by the queries of `benchmarks/search_queries/tuned*.json`, and
    of packages by `checked.json` too."""

    title: float = 0.9
    program: float = 0.95
    path: float = 0.85
    title_start: float = 0.45
    path_start: float = 0.3
    text: float = 0.64
    text_start: float = 0.57
    early: float = 0.25
    closeness: float = 0.25
    exact: tuple[float, float, float, float, float, float] = (1.1, 0.7, 0.4, 0.2, 0.1, 0.0)
    """ATTRIBUTE, PROGRAM, LEAF, SITE, COMMAND, BUNDLED."""
    named_for: float = 0.3
    """How much more for a COMMAND that the package's name has in it: gawk is named for awk."""
    chance: float = 0.6
    """The coverage of a BUNDLED command, and of a COMMAND that may be one by chance."""
    path_named: float = 0.0
    """How much a word of the path counts for closeness: of a package only its last component must
    be named, of an option all."""
    in_set: float = 0.25
    """How much of that for a LEAF in a set that was not asked for …"""
    program_in_set: float = 0.4
    """… and for the PROGRAM of what is in one."""
    thing: float = 0.25
    """Taken from what has a general name in a set that was not asked for (`Prominence.thing`)."""
    prominence: float = 1.3
    sibling: float = 0.35
    phrase: float = 0.0
    unmet: float = 0.2
    brief: float = 0.1


PACKAGES = Weights()
OPTIONS = Weights(
    path=0.9,
    title_start=0.5,
    path_start=0.5,
    text=0.65,
    text_start=0.5,
    early=0.2,
    closeness=0.5,
    exact=(1.0, 0.0, 0.2, 0.0, 0.0, 0.0),
    path_named=1.0,
    in_set=1.0,
    prominence=0.5,
    sibling=0.0,
    phrase=0.1,
)


def rate(question: Question, found: Candidates, weights: Weights) -> list[tuple[float, str, Row]]:
    """The candidates with their scores and what of them was met best, best first."""
    rated = []
    exact = _less_chance(question, found)
    forms = [_prepared(term) for term in question.terms]
    for row in found.rows.values():
        score, matched = _score(question, forms, row, exact.get(row.id), weights)
        rated.append((score, matched, row))
    rated.sort(key=lambda one: (-one[0], one[2].id))
    if not weights.sibling:
        return rated
    seen: Counter[tuple[str, str]] = Counter()
    for place, (score, matched, row) in enumerate(rated):
        family = (row.leaf, _DIGITS.sub("", row.path))
        rated[place] = (score - weights.sibling * min(3, seen[family]), matched, row)
        seen[family] += 1
    rated.sort(key=lambda one: (-one[0], one[2].id))
    return rated


def nearest(name: str, rated: list[tuple[float, str, Row]]) -> list[str]:
    """Of rated documents the names that `name` may be a misspelling of, the nearest first.

    Names are compared whole, and with last components; a set's name may be quite another
    ("python3Packages.reqests") if the last component alone is near.
    """
    wanted = key(name)
    last = key(name.rpartition(".")[2]) if name.count(".") == 1 else ""
    near = []
    for place, (_, _, row) in enumerate(rated):
        apart = min(_apart(wanted, key(row.name)), _apart(wanted, row.leaf))
        if last and apart:
            apart = min(apart, _apart(last, row.leaf) + 0.5)
        if apart <= _FARTHEST and row.name != name:
            near.append((apart, place, row.name))
    return [found for _, _, found in sorted(near)]


def _apart(wanted: str, other: str) -> float:
    """How many letters differ; more than `_FARTHEST` if more than a quarter of them."""
    most = min(_FARTHEST, max(1, len(wanted) // 4))
    found = distance(wanted, other, most)
    return found if found <= most else _FARTHEST + 1


def _less_chance(question: Question, found: Candidates) -> dict[int, int]:
    """The kinds of exact matches; where the query is an ordinary word that few programs are called,
    a COMMAND is one only of what is named for it."""
    ordinary = any(term.documents > _ORDINARY for term in question.terms)
    if not ordinary or sum(kind >= COMMAND for kind in found.exact.values()) >= _STANDARD:
        return found.exact
    return {
        id: kind if kind != COMMAND or question.key in found.rows[id].leaf else BUNDLED
        for id, kind in found.exact.items()
    }


def _prepared(term: Term) -> _Forms:
    return [(form, f" {_stem(form)}", factor) for form, factor in term.forms]


def _score(
    question: Question, forms: list[_Forms], row: Row, exact: int | None, weights: Weights
) -> tuple[float, str]:
    title, path, text = f" {row.title} ", f" {row.path} ", f" {row.description} "
    everything = f"{title}{row.program}{path}{text}"
    met = whole = named = 0.0
    missing = 0
    matched = "description"
    for term, written in zip(question.terms, forms, strict=True):
        best = in_name = 0.0
        for form, stem, factor in written:
            # Most are nowhere: what stands somewhere begins as its stem does.
            if stem in everything:
                value, name = _meet(form, stem, title, path, row, text, weights)
                best = max(best, value * factor)
                in_name = max(in_name, name * factor)
        met += best * term.weight
        whole += term.weight
        if not best and not term.idle:
            missing += 1
        if in_name:
            matched = "name"
            named += term.weight * in_name
    # What has the very name of the query answers all of it.
    score = 1.0
    if exact is None or exact == BUNDLED:
        score = met / whole - weights.unmet * missing
        if exact == BUNDLED:
            score = max(score, weights.chance)
    if question.phrase and (question.phrase in text or question.phrase in title):
        score += weights.phrase
    if matched == "description":
        score += weights.brief / (1 + len(text) / _BRIEF)
    score += weights.closeness * min(1.0, named / row.mass)
    score += weights.prominence * row.prominence
    if row.thing and not any(f" {term.word}" in path for term in question.terms):
        score -= weights.thing
    if exact is not None:
        in_set = {LEAF: weights.in_set, PROGRAM: weights.program_in_set} if row.path else {}
        score += weights.exact[exact] * in_set.get(exact, 1.0)
        if exact == COMMAND and question.key in row.leaf:
            score += weights.named_for
        matched = {ATTRIBUTE: "attribute", LEAF: "name", SITE: "name"}.get(exact, "program")
    return score, matched


def _meet(
    form: str, stem: str, title: str, path: str, row: Row, text: str, weights: Weights
) -> tuple[float, float]:
    """How well a form is met, and how much of it by the name."""
    word, start, many = f" {form} ", f" {form}", f" {form}s "
    if word in title or many in title:
        return weights.title, 1.0 if form in row.leaf else weights.path_named
    in_text = 0.0
    if word in text:
        in_text = weights.text + weights.early / (1 + text.index(word) / 20)
    if form == row.program:
        return weights.program, 0.0
    if word in path or many in path:
        return weights.path, weights.path_named
    if start in title:
        return max(in_text, weights.title_start), 0.6
    if in_text:
        return in_text, 0.0
    if len(stem) > _SHORTEST_STEM and stem in title:
        return weights.title_start, 0.5
    if start in path:
        return weights.path_start, weights.path_named / 2
    if stem in text and len(stem) > 3:
        return weights.text_start + weights.early / (1 + text.index(stem) / 20), 0.0
    return 0.0, 0.0


@lru_cache(maxsize=1024)
def _stem(word: str) -> str:
    """What a word has in common with its relatives: "manag" of "manager", "scan" of "scanning"."""
    if len(word) <= _SHORTEST_STEM:
        return word
    stem = _ENDINGS.sub("", word)
    return stem[:-1] if stem != word and stem[-1:] == stem[-2:-1] else stem

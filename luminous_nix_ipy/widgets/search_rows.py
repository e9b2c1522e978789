"""What was found, as the rows of a table and in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from .. import wording
from ..backend.search_model import FoundPackage
from ..errors import did_you_mean
from ..search_records import IndexSource
from ..search_wording import first_sentence, short, state
from ..wording import printable
from .grid import Column, Row
from .search_answers import MOST_LETTERS, Answer, Found, Kind, Question

COLUMNS: dict[Kind, list[Column]] = {
    "packages": [Column("package"), Column("version"), Column("description"), Column("state")],
    "options": [Column("option"), Column("type"), Column("description")],
}


def rows(found: Iterable[Found]) -> list[Row]:
    """A row for each, which `id_of` names."""
    return [Row(id_of(one), _cells(one)) for one in found]


def id_of(found: Found) -> str:
    """What no other result of the same answer is called."""
    if isinstance(found, FoundPackage):
        return found.entry.attribute
    return f"{found.entry.kind} {found.entry.name}"


def told(question: Question, answer: Answer) -> str:
    """What came of a question, in a sentence or two."""
    noun, words = question.kind.removesuffix("s"), f"“{printable(question.words)}”"
    cut = [f"Only the first {MOST_LETTERS} letters are searched for."] if question.is_cut else []
    if not answer.found:
        here = " of this machine" if question.installed and question.kind == "packages" else ""
        is_what = "is called exactly" if question.exact else "answers"
        said = [f"No {noun}{here} {is_what} {words}.", *did_you_mean(answer.close)]
    else:
        more = "; there are more" if answer.more else ""
        count = wording.plural(len(answer.found), noun)
        said = [f"{count}, found in {wording.duration(answer.seconds)}{more}."]
    return " ".join([*map(printable, said), *cut])


def known(answer: Answer) -> list[str]:
    """What is searched, in sentences."""
    there = [state.facts for state in answer.indexes if state.facts is not None]
    said = [f"{facts.entries:,} {_listed(facts.source)}" for facts in there]
    return [f"Searched are {' and '.join(said)}."] if said else []


def _listed(source: IndexSource) -> str:
    if source.kind == "packages":
        return f"packages of {source.name}"
    return f"options of {source.kind}" + ("" if source.name == source.kind else f" ({source.name})")


def _cells(found: Found) -> list[str]:
    if isinstance(found, FoundPackage):
        entry = found.entry
        return [entry.attribute, entry.version, entry.description, state(found)]
    option = found.entry
    return [option.name, short(option.type) or "", first_sentence(option.description)]

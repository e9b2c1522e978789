"""What a search box asks, and what it is answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..backend.index_model import IndexState, Source
from ..backend.indexing import index_states
from ..backend.model import NixOperation, OperationType
from ..backend.search_model import FoundOption, FoundPackage, OptionFacts, PackageFacts

if TYPE_CHECKING:
    from ..backend.backend import NixBackend

Kind = Literal["packages", "options"]
Found = FoundPackage | FoundOption
Facts = PackageFacts | OptionFacts

MOST_LETTERS = 200
"""Of a query; what was pasted by mistake is not searched for to its end."""
MOST_CLOSE = 3
"""Names that are offered where nothing was found."""

_ANY = "a"
"""Searched for where there are no words yet, so that the first keystroke finds all opened."""


@dataclass(frozen=True)
class Question:
    """What is searched for, and where."""

    kind: Kind
    text: str
    limit: int
    """How many answers are wanted."""
    exact: bool = False
    installed: bool = False
    """Packages: only those that this machine has."""
    where: str | None = None
    """Packages: the name of an index; options: nixos, home-manager or darwin. None is the machine's
    own packages, and every option."""
    license: str | None = None
    """Packages: only of a licence called so."""

    @property
    def words(self) -> str:
        return " ".join(self.text[:MOST_LETTERS].replace("\0", " ").split())

    @property
    def is_cut(self) -> bool:
        """Whether the text is longer than what is searched for."""
        return len(self.text.rstrip()) > MOST_LETTERS

    def operation(self) -> NixOperation:
        """Asks for one answer more than is wanted, which tells whether there are more."""
        options: dict[str, Any] = {"exact": self.exact, "limit": self.limit + 1}
        if self.kind == "options":
            kind = OperationType.SEARCH_OPTIONS
            options["kind"] = self.where
        else:
            kind = OperationType.SEARCH
            options |= {"installed": self.installed, "license": self.license, "channel": self.where}
        return NixOperation(kind, [self.words or _ANY], options=options)


@dataclass(frozen=True)
class Answer:
    """What was found, best first, and in what."""

    found: tuple[Found, ...] = ()
    more: bool = False
    """There are more than were wanted."""
    close: tuple[str, ...] = ()
    """What may have been meant, where nothing was found."""
    notes: tuple[str, ...] = ()
    """How old the indexes are."""
    seconds: float = 0.0
    indexes: tuple[IndexState, ...] = ()
    """Every index of this kind, whether it is here or not."""
    problem: BaseException | None = None
    """Why nothing could be searched."""

    @property
    def missing(self) -> Source | None:
        """What to get an index of, where there is none at all."""
        if any(state.there for state in self.indexes):
            return None
        return next((state.source for state in self.indexes), None)


async def answer(backend: NixBackend, question: Question) -> Answer:
    """Search; without words, only tell what is searched. What goes wrong is in the answer.

    Raises:
        NixError: it is not known what can be searched.
    """
    result = await backend.execute(question.operation())
    indexes = await asyncio.to_thread(_indexes, backend, question.kind)
    if not result.success:
        return Answer(indexes=indexes, problem=result.data["exception"])
    notes = tuple(result.data["notes"])
    if not question.words:
        return Answer(indexes=indexes, notes=notes)
    found = result.data["results"]
    return Answer(
        found=tuple(found[: question.limit]),
        more=len(found) > question.limit,
        close=tuple(result.data["close"][:MOST_CLOSE]),
        notes=notes,
        seconds=result.duration,
        indexes=indexes,
    )


async def in_full(backend: NixBackend, found: Found, where: str | None, *, value: bool) -> Facts:
    """All that is known of one of what was found.

    Args:
        where: the index that it was found in, for packages.
        value: whether Nix evaluates what the machine's configuration gives to an option.

    Raises:
        NixError: it is there no more.
    """
    if isinstance(found, FoundPackage):
        name = found.entry.attribute
        operation = NixOperation(OperationType.INFO, [name], options={"channel": where})
    else:
        options = {"name": found.entry.name, "kind": found.entry.kind, "value": value}
        operation = NixOperation(OperationType.OPTION, options=options)
    result = await backend.execute(operation)
    if not result.success:
        raise result.data["exception"]
    facts: Facts = result.data["package" if isinstance(found, FoundPackage) else "option"]
    return facts


def _indexes(backend: NixBackend, kind: Kind) -> tuple[IndexState, ...]:
    return tuple(
        state
        for state in index_states(backend.machine)
        if state.source.kind != "programs"
        and (state.source.kind == "packages") == (kind == "packages")
    )

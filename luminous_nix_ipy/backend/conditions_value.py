"""Whether a variable of the notebook has the right value: the condition `value` of an exercise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from .answers import Incomparable, Unordered, kind, plain, same, told, unseals
from .context import Context
from .facts import FACTS, Fact, Seen, chosen

_SEVERAL = ("a list", "a set")
"""Kinds that one may stand for the other."""
_SEALED = re.compile(r"[0-9a-f]{8}:[0-9a-f]{32}")


class ValueIs(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"equals": "is"}
):
    """A variable of the notebook has the right value."""

    value: str
    at: tuple[int | str, ...] = ()
    """Where in the value to look: keys, columns, positions from 0, one after the other."""
    equals: Any = msgspec.UNSET
    one_of: list[Any] = []
    same_as: dict[str, Any] | None = None
    """A fact about the machine: one of the `FACTS`."""
    sealed: str = ""
    """What `seal` made of the right value."""

    def __post_init__(self) -> None:
        ways = [
            self.equals is not msgspec.UNSET,
            bool(self.one_of),
            self.same_as is not None,
            bool(self.sealed),
        ]
        if not self.value.isidentifier():
            raise ValueError(f"`{self.value}` is not the name of a variable")
        if sum(ways) != 1:
            raise ValueError("a value needs one of `is`, `one_of`, `same_as` and `sealed`")
        if self.sealed and not _SEALED.fullmatch(self.sealed):
            raise ValueError("`sealed` is not what %nix check --seal gives")
        try:
            plain([] if self.equals is msgspec.UNSET else self.equals)
            plain(self.one_of)
        except Incomparable:
            raise ValueError("with such a value nothing can be compared") from None
        if self.same_as is not None:
            chosen(self.same_as, FACTS)

    async def look(self, context: Context, values: Mapping[str, Any]) -> Seen:
        what = "".join([self.value, *(f"[{key!r}]" for key in self.at)])
        if self.value not in values:
            return Seen(what, False, "it has not been assigned yet.", begun=False)
        try:
            value = _within(values[self.value], self.at)
        except (LookupError, TypeError):
            return Seen(what, False, f"{self.value} has nothing there.")
        if value is ...:
            return Seen(what, False, "its place is still empty.", begun=False)
        try:
            found = plain(value)
        except Incomparable:
            told_of = f"it is of type {type(value).__name__}: a number, text or list is wanted."
            return Seen(what, False, told_of)
        if self.sealed:
            return Seen(what, unseals(found, self.sealed), f"it is {told(found)}.")
        wanted = await self._wanted(context)
        if not wanted:
            return Seen(what, False, "what it is compared with is not there.")
        right = any(same(found, each) for each in wanted)
        kinds = dict.fromkeys(map(kind, wanted))
        if not kinds.keys().isdisjoint(_SEVERAL):
            kinds |= dict.fromkeys(_SEVERAL)
        if not right and kind(found) not in kinds:
            return Seen(what, False, f"it is {told(found)}; wanted is {' or '.join(kinds)}.")
        return Seen(what, right, f"it is {told(found)}.")

    async def _wanted(self, context: Context) -> list[Any]:
        """Plain values, each of which is right; none where the fact is not there."""
        if self.same_as is None:
            given = self.one_of if self.equals is msgspec.UNSET else [self.equals]
            return [plain(each) for each in given]
        fact: Fact = chosen(self.same_as, FACTS)
        what = await fact.tell(context)
        return [] if what is None else [what if isinstance(what, Unordered) else plain(what)]


def _within(value: Any, places: tuple[int | str, ...]) -> Any:
    """What is at these places in a value.

    Raises:
        LookupError, TypeError: there is nothing.
    """
    for place in places:
        by_position = isinstance(place, int) and hasattr(value, "iloc")
        value = value.iloc[place] if by_position else value[place]
    return value

"""Red checks that are passed over because the user named them (`--force NAME`)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from msgspec.structs import replace

from ..errors import Refused, did_you_mean
from ..records import Check

FORCEABLE = (
    "profile link",
    "profile folder",
    "disk space",
    "live switch",
    "pre-switch check",
    "boot space",
    "other activation",
    "this kernel",
)
_NEVER = {
    "privileges": "Without the right to change the system nothing can be done.",
    "target in the store": "What is not in the store, or not wholly, cannot run.",
    "activation": "Without its own program nothing can activate it.",
    "init interface": "NixOS itself does not switch between such systems: the next boot can.",
}
"""Why forcing these would be of no use."""


def known_checks(names: Iterable[str]) -> tuple[str, ...]:
    """The checks that were named, as their rows name them; dashes may stand for the blanks.

    Raises:
        Refused: there is no such check, or passing it over would be of no use.
    """
    return tuple(dict.fromkeys(_known_check(name) for name in names))


def pass_over(checks: Iterable[Check], names: Iterable[str]) -> tuple[Check, ...]:
    """The checks, those that are red and named with the verdict "forced"."""
    named = {*names}
    return tuple(
        replace(check, verdict="forced")
        if check.verdict == "refused" and check.name in named
        else check
        for check in checks
    )


def is_forced(checks: Iterable[Check], name: str) -> bool:
    """Whether the check of that name is red and passed over."""
    return any(check.name == name and check.verdict == "forced" for check in checks)


def _known_check(name: str) -> str:
    spellings = {_plain(known): known for known in (*FORCEABLE, *_NEVER)}
    known = spellings.get(_plain(name))
    if known is None:
        close = difflib.get_close_matches(_plain(name), map(_plain, FORCEABLE), n=1)
        raise Refused(
            f"There is no check {name!r} that could be forced.",
            f"There is {', '.join(FORCEABLE)}.",
            did_you_mean([f'--force "{spellings[name]}"' for name in close[:1]]),
        )
    if known in _NEVER:
        raise Refused(f"The check {known!r} cannot be forced.", _NEVER[known])
    return known


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").split())

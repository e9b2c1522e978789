"""Errors recognised: what they mean and what helps.

Nothing is ever done about an error unasked, and the error itself is never replaced: suggestions
stand beside it.
"""

from __future__ import annotations

import re

from ..errors import CommandFailed, NixError

# Patterns are Nix's and the system's own words, in the error text of the program that failed.
_KNOWN: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"No space left on device"),
        (
            "See what could be freed: nix-store --gc --print-dead",
            "See how full the disk is: df -h",
        ),
    ),
    (
        re.compile(r"Permission denied|Operation not permitted"),
        ("Run the notebook as the owner of the profile, or as root for the system.",),
    ),
    (
        re.compile(r"SQLite database '.*' is busy|database is locked"),
        ("Another Nix is at work: wait until it has ended, then try again.",),
    ),
    (
        re.compile(r"cannot connect to (?:socket|daemon)|connecting to .*daemon-socket"),
        ("The Nix daemon does not answer: systemctl status nix-daemon",),
    ),
)


def suggestions(error: BaseException) -> list[str]:
    """What to do about an error, the most specific first; may be empty."""
    found = list(error.todo) if isinstance(error, NixError) else []
    text = error.stderr if isinstance(error, CommandFailed) else str(error)
    for pattern, advice in _KNOWN:
        if pattern.search(text):
            found += [item for item in advice if item not in found]
    return found

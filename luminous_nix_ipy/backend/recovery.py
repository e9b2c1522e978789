"""Errors recognised: what they mean and what helps.

Nothing is ever done about an error unasked, and the error itself is never replaced: suggestions
stand beside it.
"""

from __future__ import annotations

import re

from ..errors import CommandFailed, NixError
from ..tools.process import plain
from .nix_errors import Recognised, elsewhere, recognise

# What packages are refused or collide for; the names are those in Nix's and nixpkgs' sentences.
_COLLISION = (
    "Both {one} and {other} have that file. Take away the one that is installed: "
    "%nix remove {one}, or %nix remove {other}",
    "Or let the new one win: %nix install NAME --priority 4 (the lower number does, 5 is usual)",
    "Or let the old one win. Where nix-env keeps the profile: nix-env --set-flag priority 4 {one} "
    "(or {other}: what is installed), then install again",
    "Where nix profile keeps it: %nix install NAME --priority 6",
)
_PACKAGES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(
            r"packages '[^']*/\w{32}-(?P<one>[^/']+)/[^']*' and "
            r"'[^']*/\w{32}-(?P<other>[^/']+)/[^']*' have the same priority"
        ),
        _COLLISION,
    ),
    (
        re.compile(
            r"(?:conflict for the following files|already provides the following file):\s+"
            r'"[^"]*/\w{32}-(?P<one>[^/"]+)/[^"]*"[^"]*"[^"]*/\w{32}-(?P<other>[^/"]+)/[^"]*"'
        ),
        _COLLISION,
    ),
    (
        re.compile(r"Package ‘(?P<name>[^’]+)’ .*has an unfree license"),
        (
            "{name} is not free software. Allow such packages: write {{ allowUnfree = true; }} "
            "into ~/.config/nixpkgs/config.nix (on NixOS nixpkgs.config.allowUnfree = true)",
            "Packages of a flake do not read that file: NIXPKGS_ALLOW_UNFREE=1 "
            "nix profile add --impure nixpkgs#NAME",
        ),
    ),
    (
        re.compile(r"Package ‘(?P<name>[^’]+)’ .*is marked as insecure"),
        (
            "{name} has known vulnerabilities; a newer version may have none.",
            'Allow it nevertheless: write {{ permittedInsecurePackages = [ "{name}" ]; }} into '
            "~/.config/nixpkgs/config.nix",
        ),
    ),
    (
        re.compile(r"Package ‘(?P<name>[^’]+)’ .*is marked as broken"),
        ("{name} is known not to build; nixpkgs of another date may have it whole.",),
    ),
    (re.compile(r"Did you mean (?P<near>[^?\n]+)\?"), ("Did you mean {near}?",)),
)


def _said(error: CommandFailed) -> str:
    """What the program said, and the ends of the logs of builds that failed: a builder's own words
    are there alone."""
    logs = (line for build in error.failed_builds for line in build.log)
    return plain("\n".join((error.stderr, *logs)))


def suggestions(error: BaseException) -> list[str]:
    """What to do about an error, the most specific first; may be empty."""
    found = list(error.todo) if isinstance(error, NixError) else []
    failed = _program(error)
    text = str(error) if failed is None else _said(failed)
    for known in recognised(error):
        found += [item for item in known.suggestions if item not in found]
    for pattern, advice in _PACKAGES:
        if match := pattern.search(text):
            named = (item.format(**match.groupdict()) for item in advice)
            found += [item for item in named if item not in found]
    return found


def recognised(error: BaseException) -> list[Recognised]:
    """The kinds of error that Nix told of; empty where no program of Nix failed."""
    failed = _program(error)
    if failed is None:
        return []
    found = recognise(failed, _said(failed))
    return [elsewhere(known, failed.host) for known in found] if failed.host else found


def _program(error: BaseException) -> CommandFailed | None:
    """The failure of a program that an error is, or that was its cause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, CommandFailed):
        cause = cause.__cause__
    return cause

"""Names that may have been meant by one that there is not: of packages and of options, from the
indexes that are here. Nothing is fetched or evaluated for it."""

from __future__ import annotations

import re

from ..errors import CommandFailed, NixError, NotFound, did_you_mean
from ..machine import Machine
from ..tools.process import plain
from .indexes import option_indexes
from .model import NixOperation, OperationType
from .searching import close_packages

_MOST = 3
_OF_PACKAGES = {OperationType.INSTALL, OperationType.SHELL}

# Nix, src/libexpr/eval.cc and attr-path.cc, src/libcmd/installables.cc; nixpkgs, lib/modules.nix.
_MISSING = (
    re.compile(r"attribute '(?P<name>[^']+)' (?:in selection path '[^']*' not found|missing)"),
    re.compile(r"undefined variable '(?P<name>[^']+)'"),
)
_NOT_IN_FLAKE = re.compile(
    r"flake '[^']+' does not provide attribute (?P<names>'[^']+'(?:(?:, | or )'[^']+')*)"
)
_OPTION = re.compile(r"The option [`'](?P<name>[^`']+)' (?:defined in [^\n]* )?does not exist")


def near_names(machine: Machine, operation: NixOperation, error: BaseException) -> list[str]:
    """Questions that offer what may have been meant; none where nothing is near, where the error
    offers something itself, or where there is no index."""
    if isinstance(error, NixError) and any("Did you mean" in item for item in error.todo):
        return []
    text = plain(f"{error}\n{error.stderr if isinstance(error, CommandFailed) else ''}")
    option = _OPTION.search(text)
    if option is not None:
        return did_you_mean(_near_options(machine, option["name"]))
    if "Did you mean" in text:
        return []
    name = _package(operation, error, text)
    if name is not None:
        return did_you_mean(close_packages(machine, name, _MOST))
    for pattern in _MISSING:
        if found := pattern.search(text):
            near = close_packages(machine, found["name"], _MOST)
            # Whose attribute it is, is not told.
            return [f"In nixpkgs there is {', '.join(near)}."] if near else []
    return []


def _package(operation: NixOperation, error: BaseException, text: str) -> str | None:
    """The package that there is not."""
    flake = _NOT_IN_FLAKE.search(text)
    if flake is not None:
        # The last is what was asked for, without the sets that it was looked for in.
        names: list[str] = re.findall(r"'([^']+)'", flake["names"])
        return names[-1]
    if isinstance(error, NotFound) and operation.type in _OF_PACKAGES:
        named = [name for name in operation.packages if repr(name) in error.what]
        return named[0] if named else None
    return None


def _near_options(machine: Machine, name: str) -> list[str]:
    try:
        indexes = option_indexes(machine)
    except NixError:
        return []
    return [near for _, index in indexes for near in index.close_names(name, _MOST)][:_MOST]

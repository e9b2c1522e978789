"""The value of a Nix expression: a number, text, list or dict; a DataFrame for a list of sets.

The line is split as a shell's, so quote the expression, or write it below a %%nix line, where
nothing is special. Nix evaluates it strictly; relative paths are below the current folder. --build
realises the derivations that it evaluates to and returns their store paths, which nothing keeps
from the garbage collector; %%nix build is %%nix eval --build. --name stores the result in a
variable of that name as well.

Examples:
  %nix eval '1 + 1'
  x = %nix eval 'import ./hosts.nix'
  %nix eval --build '(import <nixpkgs> { }).hello'
  %%nix --name hosts
"""

from __future__ import annotations

import keyword
import sys
from typing import TYPE_CHECKING, Any

from ..errors import NixError, Refused
from .parser import Parser, add_bg, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..records import Command

BODY = "expression"
"""The argument that the rest of a `%%nix` cell is."""


def arguments(parser: Parser) -> None:
    parser.add_argument("expression", metavar="EXPR", nargs="*", default=[], help="in quotes")
    parser.add_argument("--name", metavar="VAR", help="store the result in this variable too")
    parser.add_argument("--build", action="store_true", help="build it; returns store paths")
    parser.add_argument("--json", action="store_true", help="as JSON text")
    add_bg(parser)


def run(
    session: Session,
    *,
    expression: str | list[str],
    name: str | None = None,
    build: bool = False,
    json: bool = False,
    bg: bool = False,
) -> object:
    from ..backend.model import NixOperation, OperationType

    if name is not None:
        _check_name(session, name, bg)
    if build and json:
        usage_error("%nix eval: --build gives store paths, which have no --json")
    on_line = not isinstance(expression, str)
    text = " ".join(expression) if on_line else expression
    operation = NixOperation(
        type=OperationType.EVALUATE, options={"expression": text, "build": build}
    )
    if bg:
        return session.background(operation, lambda data: _shown(data, json))
    try:
        value = _shown(session.perform(operation), json)
    except NixError as error:
        if on_line and '"' not in text and "undefined variable" in error.what:
            error.todo += ("Quotes of the line are the shell's: put '…' around all of it.",)
        raise
    if name is not None:
        session.shell.push({name: value})
    return value


def programs(session: Session, *, build: bool = False, **others: object) -> list[Command]:
    """What it runs, for `%nix explain`."""
    from ..backend.operations.evaluate import command

    return [command(build)]


def _check_name(session: Session, name: str, bg: bool) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        usage_error(f"%nix eval: {name!r} is not the name of a variable")
    if bg:
        usage_error("%nix eval: --bg has its result later; write x = await job instead of --name")
    if session.shell is None:
        raise Refused("There is no notebook whose variable could be set.", "", ["Assign it."])


def _shown(data: dict[str, Any], json: bool) -> object:
    for line in data["said"]:
        print(line, file=sys.stderr, flush=True)
    if "paths" in data:
        from ..widgets.store_paths import StorePaths

        return StorePaths(data["paths"])
    value = data["value"]
    if json:
        from .as_json import as_json

        return as_json(value)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        from .. import frames

        return frames.attribute_sets(value)
    return value

"""Why A needs B: the shortest chains of references from A to B, as a DataFrame.

A and B are what %nix diff takes; B may also be the name of a package in A's closure, with its
version or without. Where several chains are equally short, the first ten are shown and all counted.

Examples:
  %nix why current glibc
  %nix why ./result openssl-3.0.12
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("path", metavar="A", help="a generation, store path or link")
    parser.add_argument("needs", metavar="B", help="the same, or a package's name")
    add_profile(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    path: int | str,
    needs: int | str,
    profile: str | None = None,
    json: bool = False,
) -> NixFrame | Text:
    from ..backend.model import OperationType

    found = session.execute(OperationType.WHY, path=path, needs=needs, profile=profile)
    if json:
        from .as_json import as_json

        return as_json(found["chains"])
    from .. import frames

    if found["chains"] is None:
        from ..widgets.show import Text

        return Text(f"{found['path']} does not need {found['needs']}.")
    return session.labelled(frames.chains(found["chains"]))

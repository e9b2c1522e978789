"""The packages that have a command, as a DataFrame: those whose main program it is first.

They are known from a channel's database of programs, and from the index of packages. Where no
package has it, commands that are called nearly so are offered.

Examples:
  %nix which rg
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("command", metavar="COMMAND", help="its name")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(session: Session, *, command: str, json: bool = False) -> NixFrame | Text:
    from ..backend.model import OperationType

    found = session.execute(OperationType.WHICH, command=command)
    if json:
        from .as_json import as_json

        return as_json(found["results"])
    from ..frames import search as search_frames

    return session.labelled(search_frames.providers(found["results"], command))

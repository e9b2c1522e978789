"""What was changed: when, by whom, with which commands and what outcome, newest first.

Changes of the system are in the machine's own journal, those of your profiles in yours;
--all-columns adds the commands that were run, what went wrong, paths and ids.

Examples:
  %nix journal
  %nix journal --last 5
  %nix journal --all-columns
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("--last", metavar="N", type=number, help="only the last N changes")
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session, *, last: int | None = None, all_columns: bool = False, json: bool = False
) -> NixFrame | Text:
    from ..backend.journal import read_journal

    entries, problems = read_journal(session.machine)
    newest = entries[::-1][:last]
    if json:
        from .as_json import as_json

        return as_json(newest)
    from .. import frames

    frame = frames.journal(newest, all_columns=all_columns)
    frame.attrs["notes"] = [*frame.attrs.get("notes", ()), *problems]
    return session.labelled(frame)

"""Packages by words, as a DataFrame, the likeliest first; offline, from an index.

The words may stand in any order and be misspelt a little; --exact wants this very name. Searched is
the index of what this machine is made from: %nix index tells which there are and how old, and
gets them. state tells what is installed, in which generation, and what is unfree, broken or
insecure. --all-columns adds home pages, positions and more.

Without words, a notebook with widgets shows a box that searches while you type.

Examples:
  %nix search
  %nix search text editor
  %nix search python requests --limit 5
  %nix search browser --license mpl --installed
  %nix search --program rg
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.search_box import SearchBox
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", default=[], help="what to search for")
    parser.add_argument("--exact", action="store_true", help="only what is called exactly so")
    parser.add_argument("--limit", metavar="N", type=number, help="at most so many (20)")
    parser.add_argument("--channel", metavar="NAME", help="in the index of this name")
    parser.add_argument("--flake", metavar="REF", help="in the index of this flake")
    parser.add_argument("--installed", action="store_true", help="only what this machine has")
    parser.add_argument("--license", metavar="NAME", help="only of a licence called so")
    parser.add_argument("--program", metavar="NAME", help="only what has this command")
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    words: str | Sequence[str] = (),
    exact: bool = False,
    limit: int | None = None,
    channel: str | None = None,
    flake: str | None = None,
    installed: bool = False,
    license: str | None = None,
    program: str | None = None,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | Text | SearchBox:
    from ..backend.model import NixOperation, OperationType

    given = [words] if isinstance(words, str) else list(words)
    if not given and program is None:
        from .search_box import search_box

        return search_box(
            session,
            "packages",
            "%nix search: give words, or --program NAME",
            possible=not (json or all_columns),
            limit=limit,
            exact=exact,
            installed=installed,
            where=channel or flake,
            license=license,
        )
    options = {
        "exact": exact,
        "limit": limit,
        "channel": channel,
        "flake": flake,
        "installed": installed,
        "license": license,
        "program": program,
    }
    found = session.answer(NixOperation(type=OperationType.SEARCH, packages=given, options=options))
    if json:
        from .as_json import as_json

        return as_json(found["results"])
    from ..errors import did_you_mean
    from ..frames import search as search_frames

    notes = [*did_you_mean(found["close"]), *found["notes"]]
    frame = search_frames.packages(found["results"], all_columns=all_columns, notes=notes)
    return session.labelled(frame)

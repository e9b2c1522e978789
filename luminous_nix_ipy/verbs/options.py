"""Options of NixOS, home-manager and nix-darwin by words, as a DataFrame, the likeliest first.

The words may stand in any order and be parts of the name or its description. --kind searches the
options of one alone. %nix option NAME shows one in full.

Without words, a notebook with widgets shows a box that searches while you type.

Examples:
  %nix options
  %nix options nginx vhost ssl
  %nix options git --kind home-manager
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import OneOf, Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.search_box import SearchBox
    from ..widgets.show import Text

KIND = OneOf("nixos", "home-manager", "darwin")


def arguments(parser: Parser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", default=[], help="what to search for")
    parser.add_argument("--exact", action="store_true", help="only what is called exactly so")
    parser.add_argument("--limit", metavar="N", type=number, help="at most so many (20)")
    parser.add_argument("--kind", metavar="KIND", type=KIND, help="nixos, home-manager or darwin")
    parser.add_argument("--all-columns", action="store_true", help="every column, none shortened")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    words: str | Sequence[str] = (),
    exact: bool = False,
    limit: int | None = None,
    kind: str | None = None,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | Text | SearchBox:
    from ..backend.model import NixOperation, OperationType

    given = [words] if isinstance(words, str) else list(words)
    if not given:
        from .search_box import search_box

        return search_box(
            session,
            "options",
            "%nix options: give words",
            possible=not (json or all_columns),
            limit=limit,
            exact=exact,
            where=kind,
        )
    options = {"exact": exact, "limit": limit, "kind": kind}
    found = session.answer(
        NixOperation(type=OperationType.SEARCH_OPTIONS, packages=given, options=options)
    )
    if json:
        from .as_json import as_json

        return as_json(found["results"])
    from ..errors import did_you_mean
    from ..frames import search as search_frames

    notes = [*did_you_mean(found["close"]), *found["notes"]]
    frame = search_frames.options(found["results"], all_columns=all_columns, notes=notes)
    return session.labelled(frame)

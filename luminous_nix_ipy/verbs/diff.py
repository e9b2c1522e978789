"""Which packages differ between two generations or store paths, as a DataFrame.

A and B are generation numbers, `booted`, `running`, `current`, `previous`, store paths, or links to
them such as ./result. Without them: previous and current. With A alone: A and current.

Examples:
  %nix diff
  %nix diff 41 42
  %nix diff booted running
  %nix diff current ./result
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("before", metavar="A", nargs="?", help="what it was (previous)")
    parser.add_argument("after", metavar="B", nargs="?", help="what it became (current)")
    add_profile(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    before: int | str | None = None,
    after: int | str | None = None,
    profile: str | None = None,
    json: bool = False,
) -> NixFrame | Text:
    from ..backend.model import OperationType

    difference = session.execute(OperationType.DIFF, before=before, after=after, profile=profile)[
        "diff"
    ]
    if json:
        from .as_json import as_json

        return as_json(difference)
    from .. import frames

    return session.labelled(frames.diff(difference))

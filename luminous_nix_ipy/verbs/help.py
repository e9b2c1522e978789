"""What a verb does and takes; without a verb, all of them.

Examples:
  %nix help
  %nix help rollback
  %nix rollback -h
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import VERBS
from .parser import OneOf, Parser, check_verb, help_text
from .session import Session

if TYPE_CHECKING:
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("verb", metavar="VERB", nargs="?", type=OneOf(*VERBS), help="a verb")


def run(session: Session, *, verb: str | None = None) -> Text:
    from ..widgets.show import Text

    if verb is not None:
        check_verb(verb)
    return Text(help_text(verb))

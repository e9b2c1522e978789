"""Write a note on a generation, show it, or remove it.

A note is found again by %nix rollback --to, and shown by %nix list --all-columns. The text may also
stand below a %%nix note line, as the rest of the cell.

Examples:
  %nix note 41 "before the kernel upgrade"
  %nix note 41
  %nix note 41 --remove
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_profile, number, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..widgets.show import Text

BODY = "text"
"""The argument that the rest of a `%%nix note` cell is."""


def arguments(parser: Parser) -> None:
    parser.add_argument("generation", metavar="N", type=number, help="number of the generation")
    parser.add_argument("text", metavar="TEXT", nargs="*", default=[], help="the note")
    parser.add_argument("--remove", action="store_true", help="remove the note")
    add_profile(parser)


def run(
    session: Session,
    *,
    generation: int,
    text: str | list[str] | None = None,
    remove: bool = False,
    profile: str | None = None,
) -> Text:
    from ..backend.model import OperationType
    from ..widgets.show import Text

    note = " ".join(text) if isinstance(text, list) else text
    if remove and note:
        usage_error("%nix note: give a text or --remove, not both. Its help: %nix note -h")
    data = session.execute(
        OperationType.NOTE,
        generation=generation,
        note="" if remove else note or None,
        profile=profile,
    )
    written = data["generation"].note
    where = f"generation {generation} of {data['profile'].name}"
    return Text(f"{where}: {written}" if written else f"There is no note on {where}.")

"""Write a note on a generation, show it, or remove it.

A note is found again by %nix rollback --to, and shown by %nix list --all-columns. The text may also
stand below a %%nix note line, as the rest of the cell.

--keep keeps what the generation is from the garbage collector, and %nix collect leaves it;
--no-keep takes that back.

Examples:
  %nix note 41 "before the kernel upgrade"
  %nix note 41
  %nix note 41 --remove
  %nix note 41 --keep
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
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument(
        "--keep", action="store_true", default=None, help="keep it from the garbage collector"
    )
    keep.add_argument(
        "--no-keep", dest="keep", action="store_false", default=None, help="no longer keep it"
    )
    add_profile(parser)


def run(
    session: Session,
    *,
    generation: int,
    text: str | list[str] | None = None,
    remove: bool = False,
    keep: bool | None = None,
    profile: str | None = None,
) -> Text:
    from ..backend.model import OperationType
    from ..widgets.show import Text

    note = (" ".join(text) if isinstance(text, list) else text or "").strip()
    if remove and note:
        usage_error("%nix note: give a text or --remove, not both. Its help: %nix note -h")
    if text not in (None, []) and not note:
        usage_error("%nix note: an empty text is no note. To remove what is there: --remove")
    data = session.execute(
        OperationType.NOTE,
        generation=generation,
        note="" if remove else note or None,
        keep=keep,
        profile=profile,
    )
    written = data["generation"].note
    where = f"generation {generation} of {data['profile'].name}"
    told = f"{where}: {written}" if written else f"There is no note on {where}."
    if keep is True:
        told += (
            "\nIt is kept: its path stays in the store, and %nix collect leaves its link. "
            "nix-collect-garbage -d and nix-env --delete-generations would still delete the link."
        )
    if keep is False:
        told += "\nIt is still kept by a backup." if data["generation"].kept else "\nNot kept now."
    return Text(told)

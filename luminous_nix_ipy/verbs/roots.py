"""What is kept from the garbage collector, and by what.

With a store path, or a link to one, the gc roots that keep it, the nearest first; `through` names
the store paths from what the root keeps to it. What running processes and builds use is kept too:
Nix looks at them while it collects.

Examples:
  %nix roots
  %nix roots ./result
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame


def arguments(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", nargs="?", help="a store path or a link to one")


def run(session: Session, *, path: str | None = None) -> NixFrame:
    from .. import frames
    from ..backend.model import OperationType
    from ..wording import plural, printable

    data = session.execute(OperationType.ROOTS, path=path)
    meant = data["path"]
    caption = "Gc roots" if meant is None else printable(f"What keeps {meant}")
    frame = frames.keepers(data["keepers"], caption)
    notes = []
    if meant is not None and not data["keepers"]:
        notes.append("Nothing keeps it: %nix collect deletes it, unless a process uses it.")
    if data["unreadable"]:
        notes.append(f"{plural(len(data['unreadable']), 'root')} cannot be read by you.")
    if notes:
        frame.attrs["notes"] = notes
    return session.labelled(frame)

"""The generations of a profile, to sort, filter, compare and act on.

In a notebook it is a table with a field that filters it, and buttons: a generation's note is
written, it is kept, rolled back to or deleted. What changes the machine shows its plan first, and
asks. Two that are chosen are compared. It stays true when the machine changes.

Keys: Tab goes from part to part. In the table the arrows walk, Space chooses, and Enter goes to the
buttons of the generation; in its header the arrows go from column to column, and Enter sorts.

The result has the list as a DataFrame in .generations, and the comparison in .packages.

Examples:
  %nix browse
  %nix browse --profile home-manager
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .list import read
from .parser import Parser, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..widgets.browser import Browser


def arguments(parser: Parser) -> None:
    add_profile(parser)


def run(session: Session, *, profile: str | None = None) -> Browser:
    from ..widgets.browser import Browser

    data = read(session, profile=profile)
    return Browser(session.backend, data["profile"], data["generations"], session.host)

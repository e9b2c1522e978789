"""What the configuration is built from, as a DataFrame: its flake's inputs, or root's channels.

Each with the revision that it is locked at, that revision's date and age, and the input that it
follows; `--all-columns` adds addresses, versions and whole revisions. Nothing is fetched: %nix
update brings them to their newest.

Examples:
  %nix inputs
  %nix inputs --flake ~/config --all-columns
  %nix inputs --channels
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("--flake", metavar="REF", help="another flake than the configuration's")
    parser.add_argument("--channels", action="store_true", help="root's channels")
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    flake: str | None = None,
    channels: bool = False,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | Text:
    from ..backend.model import OperationType

    found = session.execute(OperationType.INPUTS, flake=flake, channels=channels)["inputs"]
    if json:
        from .as_json import as_json

        return as_json(found)
    from .. import frames

    return session.labelled(frames.inputs(found, all_columns=all_columns))

"""What is installed in your own profile, as a DataFrame.

The names are those that %nix remove takes. --all-columns adds the flake that each came from and
where it is in the store.

Examples:
  %nix installed
  %nix installed --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    add_profile(parser)
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    profile: str | None = None,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | Text:
    from ..backend.model import OperationType

    manifest = session.execute(OperationType.INSTALLED, profile=profile)["manifest"]
    if json:
        from .as_json import as_json

        return as_json(manifest)
    from .. import frames

    return session.labelled(frames.installed(manifest, all_columns=all_columns))

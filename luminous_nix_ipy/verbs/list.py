"""The generations of a profile, newest first, as a DataFrame.

`state` says which are running, booted or kept (by a backup or a note); `--all-columns` adds the
configuration revision, specialisations, description, note and paths; `--sizes` the bytes of each
closure and those that no other generation has.

Examples:
  %nix list
  %nix list --profile home-manager
  g = %nix list --sizes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parser import Parser, add_profile
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    add_profile(parser)
    parser.add_argument("--sizes", action="store_true", help="bytes of each closure")
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument(
        "--json", action="store_true", help="as JSON, with the keys of nixos-rebuild"
    )


def run(
    session: Session,
    *,
    profile: str | None = None,
    sizes: bool = False,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | Text:
    data = read(session, profile=profile, sizes=sizes)
    generations = data["generations"]
    if json:
        from .as_json import as_json, generation_keys

        return as_json([generation_keys(g, sizes, all_columns) for g in generations])
    from .. import frames

    frame = frames.generations(generations, sizes=sizes, all_columns=all_columns)
    return session.labelled(frame)


def read(session: Session, **options: Any) -> dict[str, Any]:
    """The data of LIST_GENERATIONS.

    Raises:
        NotFound: there is no such profile, or it has no generation.
    """
    from ..backend.model import OperationType
    from ..errors import NotFound

    data = session.execute(OperationType.LIST_GENERATIONS, **options)
    if not data["generations"]:
        raise NotFound(
            f"{data['profile'].name} has no generation yet.",
            f"There is none beside {data['profile'].path}.",
            ["Try the verbs on a system of their own: %nix playground start"],
        )
    return data

"""The log of the build that made a store path, derivation or generation.

Examples:
  %nix log ./result
  %nix log current --last 20
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, add_profile, number
from .session import Session

if TYPE_CHECKING:
    from ..records import Command
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("path", metavar="PATH", help="a store path, a link to one, or a generation")
    parser.add_argument("--last", metavar="N", type=number, help="only the last N lines")
    add_profile(parser)


def run(
    session: Session, *, path: int | str, last: int | None = None, profile: str | None = None
) -> Text:
    from .. import wording
    from ..backend.model import OperationType
    from ..widgets.show import Text

    log = session.execute(OperationType.LOG, path=path, profile=profile)["log"]
    lines = wording.without_terminal_codes(log).splitlines()
    text = Text("\n".join(lines if last is None else lines[-last:]))
    text.instead = "The build said nothing."
    return text


def programs(session: Session, *, path: int | str, **others: object) -> list[Command]:
    """What it runs, for `%nix explain`."""
    from ..backend.operations.build_log import command

    return [command(str(path))]

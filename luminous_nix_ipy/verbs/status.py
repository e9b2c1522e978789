"""The machine at a glance: versions, generations, whether a reboot is needed, space, reader.

Examples:
  %nix
  %nix status
  %nix status --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..widgets.show import StatusView, Text


def arguments(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(session: Session, *, json: bool = False) -> StatusView | Text:
    from ..backend.model import OperationType

    status = session.execute(OperationType.STATUS)["status"]
    if json:
        from .as_json import as_json

        return as_json(status)
    from ..widgets.show import StatusView

    return StatusView(status)

"""What was asked of the backend in this kernel: how often, with what success, how fast.

The first row is the sum; the others are the operations, one each.

Examples:
  %nix metrics
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame


def arguments(parser: Parser) -> None:
    """It takes none."""


def run(session: Session) -> NixFrame:
    from .. import frames

    return frames.metrics(session.backend.get_metrics())

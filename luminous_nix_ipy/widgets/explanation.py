"""What a line would run, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..wording import printable
from .page import Page, View
from .parts import steps

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..records import Command


class Explanation(View):
    """The commands of a line, in their order.

    Attributes:
        commands: the same as a DataFrame.
    """

    def __init__(self, line: str, commands: tuple[Command, ...], told: str) -> None:
        self._line = line
        self._commands = commands
        self._told = told

    @property
    def commands(self) -> NixFrame:
        """What would be run, in order, and what for."""
        from .. import frames

        return frames.commands(self._commands)

    def _page(self) -> Page:
        made = steps("It would run, in this order", self._commands)
        parts = [made] if made.steps else []
        lead = [printable(self._told)] if self._told else []
        return Page(f"%nix {printable(self._line)}", lead, parts)

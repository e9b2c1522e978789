"""The machine at a glance for the morning, in one cell that keeps itself true.

What needs attention and the line that mends it, what runs, the sizes of the generations, the last
changes and the jobs of this kernel. Every few seconds it looks whether something has changed, and
only then reads it anew; that starts no process. The button looks at everything again, and asks
which units have failed. A saved notebook shows the last state, and as of when it is.

Examples:
  %nix dashboard
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..widgets.dashboard import Dashboard


def arguments(parser: Parser) -> None:
    """It takes none."""


def run(session: Session) -> Dashboard:
    from ..backend.glance import Lookout
    from ..jobs import jobs
    from ..widgets.dashboard import Dashboard

    lookout = Lookout(session.backend.beside())
    return Dashboard(lookout, session.wait(lookout.look()), jobs)

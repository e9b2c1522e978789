"""Make this cell a named step of a runbook: when, how long, what it changed and what came of it
is recorded, and shown in a line below.

%%nix step stands in the first line of a cell; all that follows is run as in any other cell. The
step ends with its cell, and has failed where the cell has. %nix runbook tells of all steps.

With --rollback-on-failure the generation that was current when the runbook began is put back when
this step or a later one fails, if something was changed by then. An interrupted step puts nothing
back.

Examples:
  %nix step "Look around"
  %nix step "Upgrade" --rollback-on-failure
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser, usage_error
from .session import Session

if TYPE_CHECKING:
    from types import TracebackType

    from ..runbook_records import Step


def arguments(parser: Parser) -> None:
    parser.add_argument("title", metavar="TITLE", help="what it is, in a few words (quoted)")
    parser.add_argument(
        "--rollback-on-failure",
        action="store_true",
        help="put back what the runbook began with, when this or a later step fails",
    )


class OpenStep:
    """A step under way: it ends with its cell, or with the `with` block that it stands before."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __enter__(self) -> OpenStep:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from .cells import end
        from .recording import under_way

        if (recorder := under_way()) is not None and recorder.innermost is self._step:
            end(recorder, error)

    def __repr__(self) -> str:
        return f"Step {self._step.number}, {self._step.title}: ends with its cell"


def run(session: Session, *, title: str, rollback_on_failure: bool = False) -> OpenStep:
    from .cells import depth

    return begin(title=title, rollback_on_failure=rollback_on_failure, depth=depth())


def begin(*, title: str, rollback_on_failure: bool, depth: int) -> OpenStep:
    """Begin a step of the runbook under way, or of a new one.

    Args:
        depth: how deep in others the cell is that it ends with.

    Raises:
        NixError: its record cannot be written; nothing is begun.
    """
    from .. import loop
    from . import recording

    if not title.strip():
        usage_error("%nix step: a step needs a title. Its help: %nix step -h")
    recorder = recording.under_way() or recording.start()
    step = recorder.begin(title, put_back_on_failure=rollback_on_failure, depth=depth)
    loop.turn_while(lambda: recorder.innermost is not None)
    return OpenStep(step)

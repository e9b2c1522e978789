"""A disposable system under a temporary folder, to practise on.

With Nix installed it is a real private Nix; without, the same files made by Python. Once it is
started, every verb of this kernel works on it and says so; nothing in it can touch the real
machine. `stop` removes every trace. Without an action it is started, or shown where it runs.

Examples:
  %nix playground start
  %nix playground reset --generations 12
  %nix playground stop
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..errors import Refused
from .parser import OneOf, Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..widgets.show import StatusView, Text

_ACTIONS = ("start", "reset", "stop", "status")


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "action",
        metavar="|".join(_ACTIONS),
        nargs="?",
        type=OneOf(*_ACTIONS),
        help="what to do with it",
    )
    parser.add_argument("--generations", metavar="COUNT", type=number, help="how many it has")


def run(
    session: Session, *, action: str | None = None, generations: int | None = None
) -> StatusView | Text:
    from .. import playground
    from ..backend.model import OperationType
    from ..widgets.show import StatusView, Text
    from . import recording

    if action is not None and action not in _ACTIONS:
        raise Refused(f"A playground knows no {action!r}.", f"There is {', '.join(_ACTIONS)}.")
    in_use = playground.status()
    if action is None:
        action = "status" if in_use else "start"
    if generations is not None and action in ("stop", "status"):
        raise Refused(
            f"A number of generations means nothing to {action}.",
            "Nothing was done.",
            [f"%nix playground reset --generations {generations}"],
        )
    if action in ("start", "reset"):
        make = playground.start if action == "start" else playground.reset
        made = make if generations is None else partial(make, generations)
        session.draw(lambda progress: made(progress=progress))
    elif action == "stop":
        if (recorder := recording.under_way()) is not None:
            recorder.tell_deeds()  # its journal goes too
        session.wait(playground.stop())
        return Text("The playground is gone. The verbs work on the real machine again.")
    elif in_use is None:
        return Text("No playground is in use. %nix playground start makes one.")
    return StatusView(session.execute(OperationType.STATUS)["status"])

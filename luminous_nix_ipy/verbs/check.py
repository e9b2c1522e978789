"""Whether an exercise of a lesson is solved, with hints where it is not.

Exercises are read from exercises.toml in the notebook's folder, and looked for by their names. Each
try that is not right yet tells one hint more; after the last hint, and once it is right,
--solution shows a way to do it. Without a name: the exercises that were tried in this kernel.

A cell whose check is not right does not fail, so that a notebook runs on; with --strict it does, or
everywhere with the setting strict_checks.

To write exercises, see the README beside the lessons. One may also stand below a %%nix check NAME
line, as TOML:

  title = "Make generation 4 current"
  right_when = [ { generation = 4, current = true } ]
  hints = [ "Which verb goes back?", "Its help: %nix rollback -h" ]

Where a value must not be read in passing, --seal VAR makes a hash of the one that VAR has now, to
be written as { value = "VAR", sealed = "…" }.

Examples:
  %nix check go-back
  %nix check go-back --solution
  %nix check --strict
  %nix check --seal answer
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CheckFailed, NotFound, Refused
from .parser import Parser, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..backend.exercises import Exercise
    from ..frames import NixFrame
    from ..widgets.checking import CheckView
    from ..widgets.show import Text

BODY = "exercise"
"""The argument that the rest of a `%%nix check` cell is."""


class Tried:
    """What became of the tries of one exercise in this kernel."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.verdict = ""
        self.tries = 0

    @property
    def hints(self) -> tuple[str, ...]:
        """Those that it has come to."""
        return self.exercise.hints[: self.tries]

    @property
    def may_see_solution(self) -> bool:
        """Whether all hints were told, and have not helped; or it is right."""
        return self.verdict == "right" or self.tries > len(self.exercise.hints)


_tried: dict[str, Tried] = {}
"""By the names of the exercises, in the order of their first tries."""


def arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="EXERCISE", nargs="?", help="its name in the file")
    parser.add_argument("--file", metavar="PATH", help="of exercises (exercises.toml)")
    parser.add_argument("--exercise", metavar="TOML", help="the exercise itself, of no file")
    parser.add_argument("--solution", action="store_true", help="show a way to do it")
    parser.add_argument("--strict", action="store_true", help="fail where it is not right")
    parser.add_argument("--seal", metavar="VAR", help="a hash of the value of this variable")


def run(
    session: Session,
    *,
    name: str | None = None,
    file: str | None = None,
    exercise: str | Mapping[str, Any] | None = None,
    solution: bool = False,
    strict: bool = False,
    seal: str | None = None,
) -> CheckView | NixFrame | Text:
    from .. import settings

    strict = strict or settings.get("strict_checks")
    if seal is not None:
        if name is not None or exercise is not None or solution:
            usage_error("%nix check --seal takes a variable and nothing else")
        return _sealed(session, seal)
    if name is None:
        if exercise is not None or file is not None or solution:
            usage_error("%nix check: name the exercise. Its help: %nix check -h")
        return _overview(strict)
    meant = _find(name, file, exercise)
    tried = _tried.get(name) or Tried(meant)
    tried.exercise = meant
    return _solution(tried) if solution else _check(session, tried, strict)


def _find(name: str, file: str | None, exercise: str | Mapping[str, Any] | None) -> Exercise:
    """The exercise of that name: the one given, the file's, or one that a cell gave before."""
    from ..backend import exercises

    if exercise is not None:
        if file is not None:
            usage_error("%nix check: an exercise is in a file or given here, not both")
        return exercises.exercise(name, exercise, "the cell")
    try:
        return exercises.read_exercise(name, file)
    except NotFound:
        if file is not None or name not in _tried:
            raise
        return _tried[name].exercise


def _check(session: Session, tried: Tried, strict: bool) -> CheckView:
    from ..backend.model import OperationType
    from ..widgets.checking import NOT_YET, RIGHT, SKIPPED, CheckView

    exercise, machine = tried.exercise, session.machine
    if exercise.needs_playground and machine.playground is None:
        raise Refused(
            f"The exercise {exercise.name!r} is about a playground, and none is in use.",
            "The real machine is not looked at.",
            ["%nix playground start"],
        )
    _tried[exercise.name] = tried
    if exercise.needs_nix and _has_no_nix(session):
        tried.verdict = SKIPPED
        why = "This exercise needs Nix, and there is none here. Nothing is missing but that."
        return CheckView(exercise, (), SKIPPED, why=why)
    seen = session.execute(
        OperationType.CHECK, conditions=exercise.conditions, values=_variables(session)
    )["seen"]
    if all(row.right for row in seen):
        tried.verdict = RIGHT
        return CheckView(exercise, seen, RIGHT)
    tried.verdict = NOT_YET
    tried.tries += any(row.begun and not row.right for row in seen)
    if strict:
        told = " ".join(f"{row.what}: {row.found}" for row in seen if not row.right)
        raise CheckFailed(f"Not yet: {exercise.title}", told, list(tried.hints))
    offered = tried.may_see_solution and bool(exercise.solution)
    return CheckView(exercise, seen, NOT_YET, hints=tried.hints, solution=offered)


def _solution(tried: Tried) -> Text:
    from ..widgets.show import Text

    exercise = tried.exercise
    if not exercise.solution:
        raise NotFound(f"The exercise {exercise.name!r} comes without a solution.")
    if not tried.may_see_solution:
        left = len(exercise.hints) + 1 - tried.tries
        raise Refused(
            f"The solution of {exercise.name!r} is not shown yet.",
            f"It is once all hints were told: after {left} more {'try' if left == 1 else 'tries'}.",
            [f"%nix check {exercise.name}"],
        )
    return Text(f"A solution of “{exercise.title}”; there may be others:\n\n{exercise.solution}")


def _overview(strict: bool) -> NixFrame:
    from ..frames import exercises as exercise_frames

    frame = exercise_frames.tried(list(_tried.values()))
    open_ones = [name for name, tried in _tried.items() if tried.verdict == "not yet"]
    if strict and open_ones:
        raise CheckFailed(
            f"{len(open_ones)} of {len(_tried)} exercises are not right yet.",
            f"They are {', '.join(open_ones)}.",
            [f"%nix check {name}" for name in open_ones],
        )
    return frame


def _sealed(session: Session, name: str) -> Text:
    from ..backend.answers import Incomparable, seal
    from ..widgets.show import Text

    variables = _variables(session)
    if name not in variables:
        raise NotFound(f"There is no variable {name!r}.", "", ["Assign the right answer to it."])
    try:
        return Text(f'{{ value = "{name}", sealed = "{seal(variables[name])}" }}')
    except Incomparable:
        raise Refused(
            f"The value of {name!r} cannot be sealed.",
            "It is no number, text, list, set or dict, nor made of these.",
        ) from None


def _has_no_nix(session: Session) -> bool:
    from ..playground import realise

    return session.machine.simulated or not realise.has_nix()


def _variables(session: Session) -> dict[str, Any]:
    """The learner's own: of the notebook, or of the script that runs."""
    shell = session.shell
    return dict(vars(sys.modules["__main__"]) if shell is None else shell.user_ns)

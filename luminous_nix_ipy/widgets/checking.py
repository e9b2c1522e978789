"""Whether an exercise is solved, as learners read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..table import Table
from ..wording import capital, printable
from .page import Page, View, Words

if TYPE_CHECKING:
    from ..backend.exercises import Exercise
    from ..backend.facts import Seen
    from ..frames import NixFrame

RIGHT, NOT_YET, SKIPPED = "right", "not yet", "skipped"


class CheckView(View):
    """What a check of an exercise found.

    Attributes:
        exercise: the Exercise.
        right: whether all of it is right.
        verdict: "right", "not yet" or "skipped".
        hints: those that were told so far.
        seen: what was looked at, as a DataFrame.
    """

    def __init__(
        self,
        exercise: Exercise,
        rows: Sequence[Seen],
        verdict: str,
        *,
        hints: Sequence[str] = (),
        solution: bool = False,
        why: str = "",
    ) -> None:
        self.exercise = exercise
        self.verdict = verdict
        self.hints = tuple(hints)
        self._rows = tuple(rows)
        self._solution = solution
        self._why = why

    @property
    def right(self) -> bool:
        return self.verdict == RIGHT

    @property
    def seen(self) -> NixFrame:
        """What was looked at, and what was found."""
        from ..frames import exercises as exercise_frames

        return exercise_frames.seen(self._rows)

    def _page(self) -> Page:
        parts: list[Table | Words] = []
        if self._rows:
            rows = [
                (
                    printable(row.what),
                    RIGHT if row.right else NOT_YET,
                    printable(capital(row.found)),
                )
                for row in self._rows
            ]
            open_ones = frozenset(i for i, row in enumerate(self._rows) if not row.right)
            headers = ("looked at", "verdict", "found")
            parts.append(Table(headers, rows, "What was looked at", strong=open_ones))
        for number, hint in enumerate(self.hints, 1):
            parts.append(Words(f"Hint {number}", [printable(hint)]))
        if self._solution:
            line = f"%nix check {self.exercise.name} --solution"
            parts.append(Words("To see a solution", [printable(line)]))
        title = f"{capital(self.verdict)}: {self.exercise.title}"
        return Page(printable(title), [printable(self._why)] if self._why else [], parts)

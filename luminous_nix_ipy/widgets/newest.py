"""Questions that come faster than answers: of those that wait only the newest is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from .live import LiveView

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Newest(Generic[Question, Answer]):
    """Answers questions of a view beside the notebook, one at a time. While one is being answered,
    of those that come the last one waits; and an answer is shown only where it is still wanted.

    Args:
        view: whose lock is held where an answer is shown, and which tells what goes wrong.
        answer: gives the answer to a question.
        show: takes an answer that is wanted.
    """

    def __init__(
        self,
        view: LiveView,
        answer: Callable[[Question], Coroutine[Any, Any, Answer]],
        show: Callable[[Question, Answer], object],
    ) -> None:
        self._view = view
        self._answer = answer
        self._show = show
        self._wanted: Question | None = None
        self._asked: Question | None = None

    def ask(self, question: Question) -> None:
        """Want the answer to this question, and to no other. Called with the view's lock held."""
        self._wanted = question
        if self._asked is None:
            self._begin(question)

    def forget(self) -> None:
        """Want no answer any more."""
        self._wanted = None

    def _begin(self, question: Question) -> None:
        self._asked = question
        self._view.begin(self._outcome(question), self._take)

    async def _outcome(self, question: Question) -> Answer | Exception:
        # An error is an answer too: the next question has to be asked after it.
        try:
            return await self._answer(question)
        except Exception as error:
            return error

    def _take(self, outcome: Answer | Exception) -> None:
        question, self._asked = self._asked, None
        assert question is not None
        if self._wanted is not None and self._wanted != question:
            self._begin(self._wanted)
        elif self._wanted is not None:
            self._wanted = None
            if isinstance(outcome, Exception):
                raise outcome
            self._show(question, outcome)

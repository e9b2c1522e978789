"""Something that is done for good, and its two lines in the journal: what is meant, what became of
it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from ..errors import NixError
from ..records import Check, Command, JournalEntry, JournalOutcome
from . import journal
from .clerk import Write

_log = logging.getLogger(__name__)


class Deed:
    """One deed under way.

    Attributes:
        id: of its journal entry.
        started: when; `duration` counts from when this was made.
        ran: the commands that were run, in order; whoever runs one adds it.
    """

    def __init__(
        self,
        write: Write,
        started: datetime,
        *,
        operation: str,
        profile: str,
        commands: Sequence[Command],
    ) -> None:
        self.started = started
        self.ran: list[Command] = []
        self._write = write
        self._clock = time.monotonic()
        self._entry = JournalEntry(
            id=journal.new_id(started),
            started=started,
            user=journal.acting_user(),
            host=journal.acting_host(),
            operation=operation,
            profile=profile,
            commands=tuple(map(str, commands)),
        )

    @property
    def id(self) -> str:
        return self._entry.id

    @property
    def duration(self) -> float:
        """Seconds until now."""
        return time.monotonic() - self._clock

    async def begin(self) -> None:
        """Journal what is meant to be done.

        Raises:
            NixError: that cannot be written; nothing may be done then.
        """
        await self._write(self._entry)

    async def end(
        self, outcome: JournalOutcome, error: str | None = None, *, freed_bytes: int | None = None
    ) -> tuple[Check, ...]:
        """Journal what became of it; a row for the report where that is not possible."""
        entry = replace(
            self._entry,
            ended=datetime.now().astimezone(),
            outcome=outcome,
            error=error,
            commands=tuple(map(str, self.ran)),
            freed_bytes=freed_bytes,
        )
        try:
            await self._write(entry)
        except NixError as problem:
            # What is done is done; not being able to write it down must not hide it.
            _log.error("the outcome of %s could not be journalled: %s", self.id, problem)
            return (Check("journal", "warning", str(problem)),)
        return ()

"""Keeping the record of a deed that is no change of a profile: the lock, and the journal.

The journal of the system is root's. Where this process is not, a clerk keeps both: a constant
script of a few lines that runs as root for as long as the deed does. It holds the lock and adds
each line that it is given to the journal; when its stdin ends, whatever ended this process, it
lets go.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from ..errors import NixError, Refused
from ..records import Command, JournalEntry, ProfileKind
from ..tools.elevated import Elevated
from ..tools.process import Conversation, converse
from . import journal
from .context import Context
from .lock import change_lock, lock_file
from .privileges import journal_needs_root

Write = Callable[[JournalEntry], Awaitable[None]]
"""Adds an entry to the journal, and returns when the disk has it.

Raises:
    NixError: it cannot be written.
"""

_BEGIN = "luminous-nix"
"""What the clerk waits for: before it may be a password that sudo did not need."""
_PATIENCE = 30.0
"""Seconds that it may take to begin, or to write a line."""

_SCRIPT = (
    journal.journal_line()
    + r"""
set -u
umask 022
journal=$1 lock=$2 who=$3
while IFS= read -r line; do [ "$line" != "$4" ] || break; done
mkdir -p "${journal%/*}" "${lock%/*}" && true >>"$lock" && exec 9<>"$lock" || exit
if ! flock -n 9; then
    printf 'held by %s\n' "$(head -c 100 "$lock" | tr '\n' ' ')"
    exit
fi
printf '%s\n' "$who" >"$lock"
echo ready
while IFS= read -r entry; do
    if journal_line "$entry"; then
        echo written
    else
        echo unwritten
    fi
done
true >"$lock"
"""
)


@asynccontextmanager
async def recording(
    context: Context, kind: ProfileKind, commands: Iterable[Command]
) -> AsyncIterator[Write]:
    """Hold the lock of such changes, and write their journal, as root where that is needed.

    Args:
        commands: what the deed will run: where root cannot be had for one, nothing is written.

    Raises:
        Refused: another change is under way, or root cannot be had.
        NixError: lock or journal cannot be had.
    """
    file = journal.journal_file(context.machine, kind)
    by_clerk = journal_needs_root(context.machine, kind)
    if by_clerk or any(command.root for command in commands):
        elevated = await context.elevate()
    if by_clerk:
        clerk = _Clerk(file, lock_file(context.machine, kind))
        try:
            await clerk.begin(elevated)
            yield clerk.write
        finally:
            await clerk.end()
        return

    async def write(entry: JournalEntry) -> None:
        journal.append(file, entry)

    with change_lock(context.machine, kind):
        yield write


class _Clerk:
    """One clerk at work."""

    def __init__(self, file: str, lock: str) -> None:
        self._file = file
        self._lock = lock
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._at_work: Conversation | None = None

    async def begin(self, elevated: Elevated) -> None:
        argv = ("sh", "-c", _SCRIPT, "sh", self._file, self._lock, str(os.getpid()), _BEGIN)
        at_work = await converse(
            elevated.argv(argv),
            env={**os.environ, "LC_ALL": "C"},
            on_line=self._hear,
            elevated=elevated,
        )
        self._at_work = at_work
        at_work.send(f"{_BEGIN}\n".encode())
        answer = await self._answer(at_work)
        if answer == "ready":
            return
        if answer.startswith("held by "):
            holder = f"{answer} unknown".split()[2]
            raise Refused(
                "Another change is under way.",
                f"Process {holder} is making it. Nothing was changed.",
                ["Wait until it has ended, then try again."],
            )
        raise self._unwritten(answer)

    async def write(self, entry: JournalEntry) -> None:
        assert self._at_work is not None
        self._at_work.send(journal.encode(entry) + b"\n")
        answer = await self._answer(self._at_work)
        if answer != "written":
            raise self._unwritten(answer)

    async def end(self) -> None:
        """Let go of the lock, and wait until it has."""
        if self._at_work is not None:
            self._at_work.hang_up()
            await self._at_work.ended(_PATIENCE)

    async def _answer(self, at_work: Conversation) -> str:
        """What it says next; its last words, or why there are none, where it ended."""
        ended = asyncio.ensure_future(at_work.ended())
        heard = asyncio.ensure_future(self._answers.get())
        try:
            await asyncio.wait(
                {ended, heard}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if heard.done():
                return heard.result()
            if not ended.done():
                return f"No answer within {_PATIENCE:g} s."
            done = ended.result()
            said = done.stderr.strip().splitlines() if done else []
            return said[-1] if said else "It ended without a word."
        finally:
            ended.cancel()
            heard.cancel()

    def _hear(self, talk: Conversation, stream: str, line: str) -> None:
        if stream == "stdout":
            self._answers.put_nowait(line)

    def _unwritten(self, why: str) -> NixError:
        return NixError(
            f"The journal {self._file} cannot be written.",
            f"{why.rstrip('.')}. Nothing is changed without a record of it.",
            ["Free space, or see who may write there, then try again."],
        )

"""What an operation works with: the machine, its readers, and how a program is run on it."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from ..errors import CommandFailed, DatabaseUnreadable
from ..machine import Machine
from ..notes import read_notes
from ..records import Command, Generation, Profile
from ..store.profiles import find_profile
from ..store.reader import DirectReader, ReaderProtocol
from ..tools.elevated import Credentials, Elevated
from ..tools.elevation import elevate
from ..tools.process import Completed, run
from ..tools.reader import CommandReader
from . import privileges
from .progress import Progress
from .roots import kept_paths

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Context:
    """One machine as an operation sees it. Reads fall back from the database to Nix's programs."""

    def __init__(self, machine: Machine, progress: Progress, *, direct: bool) -> None:
        self.machine = machine
        self.progress = progress
        self.fallback: str | None = None
        """Why the last read went through Nix's programs although the direct reader was wanted."""
        self.held: dict[str, tempfile.TemporaryDirectory[str]] = {}
        """Folders of links to what was built and is no generation yet, by its store path."""
        self._commands: ReaderProtocol = CommandReader(machine)
        self.credentials = Credentials()
        self.reader: ReaderProtocol = DirectReader(machine) if direct else self._commands

    async def read(self, ask: Callable[[ReaderProtocol], Awaitable[_T]]) -> _T:
        """Ask the reader in use; where it cannot read the database, ask Nix's programs."""
        try:
            answer = await ask(self.reader)
        except DatabaseUnreadable as unreadable:
            if self.reader is self._commands:
                raise
            _log.warning("reading through Nix's programs: %s", unreadable)
            try:
                answer = await ask(self._commands)
            except CommandFailed as failed:
                _log.warning("Nix's programs did not answer either: %s", failed)
                raise unreadable from failed
            self.fallback = str(unreadable)
            return answer
        self.fallback = None
        return answer

    @property
    def reader_label(self) -> str:
        """The reader in use, with the reason where it is a fallback."""
        return f"command ({self.fallback})" if self.fallback else self.reader.name

    def profile(self, name: str | None) -> Profile:
        """Raises: NotFound: no such profile."""
        return find_profile(self.machine, name)

    async def generations(self, profile: Profile, *, sizes: bool = False) -> list[Generation]:
        """All generations of the profile, newest first, with their details and notes."""
        kept = await asyncio.to_thread(kept_paths, self.machine, profile)
        notes = await asyncio.to_thread(read_notes, self.machine, profile.path)
        found = await self.read(lambda r: r.generations(profile, sizes=sizes, kept=kept))
        return [replace(g, note=notes.get((g.number, g.path or ""))) for g in found]

    async def run(
        self, command: Command, *, check: bool = True, at_most: float | None = None
    ) -> Completed:
        """Run one program of a change, as root where it says so, telling its last line as it comes.

        Raises:
            CommandFailed: it failed (`check`).
            Refused: root is needed and cannot be had; nothing was run.
        """
        return await run(
            command.argv,
            machine=self.machine,
            elevated=await self.elevate() if command.root else None,
            check=check,
            timeout=at_most,
            on_line=lambda _, line: self.progress.update(line),
        )

    def needs_root(self, profile: Profile) -> bool:
        """Whether changing a profile needs root that this process does not have."""
        return privileges.needs_root(self.machine, profile)

    def may_change(self, profile: Profile) -> tuple[bool, str]:
        """Whether a profile may be changed, as root where that is needed, and why (not)."""
        return privileges.may_change(self.machine, profile)

    async def elevate(self) -> Elevated:
        """How root is had for this deed; looked for once, before anything is changed.

        Raises:
            Refused: it cannot be had; `PasswordNeeded` where a password would help.
        """
        if self.credentials.elevated is None:
            self.credentials.elevated = await elevate(self.machine)
        return self.credentials.elevated

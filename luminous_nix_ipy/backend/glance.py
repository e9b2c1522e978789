"""A machine at one moment, for a view that keeps itself true: what has changed since is seen by the
stamps of files, and only that is read anew. No look but the first, and those that are asked for,
starts a process.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any

import msgspec

from ..errors import NixError, NotFound
from ..machine import Machine
from ..notes import notes_file
from ..records import Finding, Generation
from ..store.holders import installed_stamp
from ..store.links import read_link
from .backend import NixBackend
from .health import in_order
from .index_model import IndexState
from .indexes import stamps as index_stamps
from .journal_changes import Change, journalled
from .journal_reading import journal_files
from .model import NixOperation, OperationType, Status
from .roots import root_folders

EXAMINED_AT_MOST = 60.0
"""Seconds between two examinations that nobody asked for: each goes through the whole database."""
_FREE_STEP = 64 << 20
"""Bytes: a smaller difference of free space is no news."""


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One machine at one moment."""

    seen: datetime
    """When it was last read; nothing was seen to change since."""
    status: Status
    generations: tuple[Generation, ...]
    """Of the profile that `status` is about, newest first, with their sizes."""
    generations_problem: str = ""
    """A sentence: why there are none."""
    findings: tuple[Finding, ...]
    """Of the doctor, the worst first."""
    examined: datetime
    asked: datetime
    """When programs were asked for findings: which units have failed, whether root can be had."""
    changes: tuple[Change, ...]
    """Of the journals, the newest first."""
    journal_problems: tuple[str, ...] = ()
    indexes: tuple[IndexState, ...] = ()


class Lookout:
    """Looks at one machine again and again; one look at a time.

    Args:
        backend: its progress is used by nobody else (`NixBackend.beside`).
        clock: seconds that only grow.
    """

    def __init__(self, backend: NixBackend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._last: Glance | None = None
        self._asked: list[Finding] = []
        self._seen: Hashable = None
        self._examined: Hashable = None
        self._examined_at = 0.0

    def has_changed(self) -> bool:
        """Whether a new look may show something new. Looks at the stamps of some files."""
        if self._last is None:
            return True
        machine = self._backend.machine
        seen = machine_stamp(machine)
        under_way = any(change.state == "under way" for change in self._last.changes)
        if seen != self._seen or under_way:
            return True
        return self._examination_is_due() and self._examined != (seen, store_stamp(machine))

    async def look(self) -> Glance:
        """Everything; where units and elevation are concerned, programs are asked.

        Raises:
            NixError: there is no Nix on this machine.
        """
        return await self._look(programs=True, examine=True)

    async def look_again(self) -> Glance:
        """The same without starting a process: what only programs can tell is as it was, and an
        examination is not older than a minute, or the machine is as it was then.

        Raises:
            NotFound: the playground is not there any more.
        """
        return await self._look(programs=self._last is None, examine=self._examination_is_due())

    def _examination_is_due(self) -> bool:
        return self._last is None or self._clock() - self._examined_at >= EXAMINED_AT_MOST

    async def _look(self, *, programs: bool, examine: bool) -> Glance:
        machine, last = self._backend.machine, self._last
        _check_is_there(machine)
        # Stamped before it is read: what changes meanwhile is seen by the next look.
        seen, store = machine_stamp(machine), store_stamp(machine)
        now = datetime.now().astimezone()
        status: Status = (await self._ask(OperationType.STATUS))["status"]
        generations, problem = await self._generations()
        changes, problems = await asyncio.to_thread(journalled, machine)
        indexes = await self._indexes()
        if last is None or programs or (examine and self._examined != (seen, store)):
            findings, examined = await self._findings(programs), now
            self._examined, self._examined_at = (seen, store), self._clock()
        else:
            findings, examined = last.findings, last.examined
        self._seen = seen
        self._last = Glance(
            seen=now,
            status=status,
            generations=tuple(generations),
            generations_problem=problem,
            findings=findings,
            examined=examined,
            asked=now if last is None or programs else last.asked,
            changes=tuple(changes),
            journal_problems=tuple(problems),
            indexes=indexes,
        )
        return self._last

    async def _generations(self) -> tuple[list[Generation], str]:
        try:
            data = await self._ask(OperationType.LIST_GENERATIONS, sizes=True)
        except NixError as error:
            return [], error.what
        return data["generations"], ""

    async def _findings(self, programs: bool) -> tuple[Finding, ...]:
        told = await self._ask(OperationType.DOCTOR, programs=programs)
        if programs:
            self._asked = told["asked"]
            return tuple(told["findings"])
        return tuple(in_order([*told["findings"], *self._asked]))

    async def _indexes(self) -> tuple[IndexState, ...]:
        try:
            return tuple((await self._ask(OperationType.INDEX))["indexes"])
        except NixError:
            return ()

    async def _ask(self, kind: OperationType, **options: Any) -> dict[str, Any]:
        result = await self._backend.execute(NixOperation(kind, options=options))
        if not result.success:
            raise result.data["exception"]
        return result.data


def _check_is_there(machine: Machine) -> None:
    """Raises: NotFound: it is a playground that was removed, of which nothing could be told."""
    if machine.playground is not None and not os.path.isdir(machine.playground):
        raise NotFound(
            "This playground is gone: what is shown is how it was.",
            f"{machine.playground} is not there any more.",
            ["Show the machine that is in use now: %nix dashboard"],
        )


def machine_stamp(machine: Machine) -> Hashable:
    """Another value means that generations, what runs, notes, backups or a journal may have
    changed."""
    links = (machine.system_profile, machine.current_system, machine.booted_system)
    files = (notes_file(machine), *root_folders(machine), *journal_files(machine))
    return (
        installed_stamp(machine),
        tuple(read_link(link) for link in links),
        tuple(_stamp(file) for file in files),
    )


def store_stamp(machine: Machine) -> Hashable:
    """Another value means that something else has changed that is examined, or an index."""
    files = (
        machine.database,
        f"{machine.database}-wal",
        machine.gcroots_dir,
        f"{machine.gcroots_dir}/auto",
        f"{machine.boot_dir}/loader/entries",
        f"{machine.boot_dir}/grub/grub.cfg",
        f"{machine.conf_dir}/nix.conf",
    )
    free = tuple(_free(folder) for folder in (machine.store_dir, machine.boot_dir))
    return tuple(_stamp(file) for file in files), free, _indexes(machine)


def _stamp(path: str) -> tuple[int, int, int] | None:
    """None where there is no such file, or an empty one: a reader of the database leaves one."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if facts.st_size else None


def _indexes(machine: Machine) -> Hashable:
    try:
        return index_stamps(machine)
    except NixError:
        return None


def _free(folder: str) -> int | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize // _FREE_STEP

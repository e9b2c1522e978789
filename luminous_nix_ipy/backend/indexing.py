"""Keep indexes: what there is of each source, and bring them up to date.

What a source's list is made into stands in the folder of indexes as `<name>.<kind>.sqlite`, the
list itself beside it as `<name>.<kind>.list`, and why it could last not be had as
`<name>.<kind>.problem`. A new one takes the place of the old one when it is whole, so that a
failure leaves the old one; and one process at a time is at a source.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, BinaryIO, cast

from .. import settings
from ..errors import DownloadFailed, IndexUnusable, ListUnreadable, NixError
from ..machine import Machine
from ..search_records import IndexFacts, IndexKind, IndexSource, OptionKind
from ..store.index_build import Entry, build_index, read_facts
from ..store.index_named import named_packages
from ..store.option_list import read_options
from ..store.package_list import read_packages
from ..store.program_list import read_programs
from ..store.soundness import is_sound
from ..tools.download import Patience, download
from ..tools.http import Stop, in_daemon_thread
from ..tools.origin import origin_of, remove_download, state_of_file
from ..tools.unpack import UnpackError, open_unpacked
from .context import Context
from .index_evaluation import evaluate
from .index_model import IndexState, Source, Updated
from .index_programs import unpack_programs
from .index_sources import find_sources, index_folder

_EVERY = 1000
"""Entries between two looks at whether to go on."""


def index_path(machine: Machine, source: Source) -> str:
    """The file that is searched for a source."""
    if source.how == "place":
        return source.address
    return f"{_stem(machine, source)}.sqlite"


def index_states(machine: Machine) -> list[IndexState]:
    """Every source of the machine, and what is here of it.

    Raises:
        NixError: what was added cannot be read.
    """
    return [index_state(machine, source) for source in find_sources(machine)]


async def update_indexes(context: Context, sources: Iterable[Source]) -> list[Updated]:
    """Bring several up to date, one after the other; packages last, since what options and
    databases of programs tell of them goes into their index."""
    ordered = sorted(sources, key=lambda source: source.kind == "packages")
    return [await update_index(context, source) for source in ordered]


async def update_index(context: Context, source: Source) -> Updated:
    """Bring what is here of a source up to date, telling the progress; never raises a NixError.

    Raises:
        asyncio.CancelledError: what was there is still there.
    """
    machine, path = context.machine, index_path(context.machine, source)
    if source.how == "place":
        return Updated(source, "unchanged", "it is used where it is")
    try:
        os.makedirs(index_folder(machine), exist_ok=True)
        with _lock(f"{_stem(machine, source)}.lock") as held:
            if not held:
                return Updated(source, "busy", "another kernel is bringing it up to date")
            return await _update(context, source, path)
    except OSError as error:
        return Updated(source, "failed", f"{index_folder(machine)}: {error.strerror or error}")


def remove_index(machine: Machine, source: Source) -> None:
    """Remove what is here of a source, but for what is only used where it is."""
    if source.how == "place":
        return
    stem = _stem(machine, source)
    remove_download(f"{stem}.list")
    for ending in ("sqlite", "problem", "lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{stem}.{ending}")


def failed_lately(machine: Machine, source: Source, seconds: float) -> bool:
    """Whether it could not be brought up to date within the last `seconds`."""
    try:
        return time.time() - os.stat(f"{_stem(machine, source)}.problem").st_mtime < seconds
    except OSError:
        return False


async def _update(context: Context, source: Source, path: str) -> Updated:
    stem = _stem(context.machine, source)
    try:
        if source.how == "evaluate":
            await evaluate(context, source, f"{stem}.list")
            address, new = source.address, True
        else:
            address, new = await _fetch(context, source, f"{stem}.list")
        if not new and await asyncio.to_thread(_is_whole, context.machine, source, path):
            os.utime(path)
            outcome = Updated(source, "unchanged", "there is nothing newer")
        else:
            message = await _build(context, source, address, f"{stem}.list", path)
            outcome = Updated(source, "built", message)
    except NixError as error:
        _note_problem(stem, str(error))
        return Updated(source, "failed", str(error))
    _note_problem(stem, None)
    if source.how == "evaluate":
        remove_download(f"{stem}.list")
    return outcome


async def _fetch(context: Context, source: Source, file: str) -> tuple[str, bool]:
    """Fetch the list from the first address that has it; which, and whether it is new."""

    def tell(done: int, total: int | None) -> None:
        of = f" of {total / 1e6:.1f}" if total else ""
        share = 0.5 * done / total if total else None
        context.progress.update(f"fetching {source.name}: {done / 1e6:.1f}{of} MB", share)

    patience = Patience(tries=1 + settings.get("retries"))
    failed: DownloadFailed | None = None
    for address in source.addresses:
        before = origin_of(file)
        try:
            new = await download(address, file, sha256=source.sha256, tell=tell, patience=patience)
        except DownloadFailed as error:
            failed = failed or error
            continue
        return address, new or before is None or before.url != address
    assert failed is not None
    raise failed


async def _build(context: Context, source: Source, address: str, file: str, path: str) -> str:
    """Make the index of a list; a sentence that says what came of it."""
    stop = Stop()
    origin = origin_of(file)
    packed = {"name": address, "encoding": origin.encoding if origin else ""}
    if source.how == "evaluate":
        packed = {"name": file, "encoding": ""}
    if source.kind == "programs":
        context.progress.update("unpacking the database of programs", 0.7)
        await in_daemon_thread(lambda: unpack_programs(file, packed, path, stop), stop)
        return "the database of programs is here"

    def told(count: int) -> None:
        context.progress.update(f"indexing {source.name}: {count:,} entries", 0.5)

    database = _programs_beside(context.machine, source)

    def work() -> IndexFacts:
        about = IndexSource(
            name=source.name,
            kind=cast(IndexKind, source.kind),
            origin=address,
            channel=source.channel,
            revision=_revision(source, address),
            etag=origin.etag or None if origin else None,
        )
        try:
            with open_unpacked(file, **packed) as stream:
                entries = _entries(source, stream, database, stop)
                named = _named_by_options(context.machine) if source.kind == "packages" else ()
                return build_index(path, about, entries, told, named)
        except UnpackError as error:
            remove_download(file)
            raise DownloadFailed(f"What came from {address} is damaged.", f"{error}.") from error

    facts = await in_daemon_thread(work, stop)
    return f"{facts.entries:,} entries"


def _programs_beside(machine: Machine, source: Source) -> str | None:
    """The database that tells which commands a source's packages bring, where one is here: that of
    the same name or channel; for the machine's own packages also any that it has."""
    if source.kind != "packages":
        return None
    there = [
        (other, path)
        for other in find_sources(machine)
        if other.kind == "programs" and os.path.exists(path := index_path(machine, other))
    ]
    for other, path in there:
        if other.name == source.name or (other.channel and other.channel == source.channel):
            return path
    return there[0][1] if there and not source.added else None


def _named_by_options(machine: Machine) -> set[str]:
    """The packages that the options speak of whose indexes are here, of whatever release: what is
    well known hardly depends on it."""
    kinds = ("programs", "packages")
    there = [index_path(machine, s) for s in find_sources(machine) if s.kind not in kinds]
    return set().union(*(named_packages(path) for path in there))


def _entries(
    source: Source, stream: IO[bytes], database: str | None, stop: Stop
) -> Iterator[Entry]:
    """What the list holds, for as long as nobody stops it; packages with the commands that
    `database` tells of, if it can be read."""
    file = cast(BinaryIO, stream)
    if source.kind == "packages":
        programs: dict[str, tuple[str, ...]] = {}
        with contextlib.suppress(ListUnreadable):
            programs = read_programs(database) if database else {}
        listed = cast(Iterator[Entry], read_packages(file, programs=programs))
    else:
        listed = cast(Iterator[Entry], read_options(file, cast(OptionKind, source.kind)))
    for number, entry in enumerate(listed):
        if number % _EVERY == 0:
            stop.check()
        yield entry


def index_state(machine: Machine, source: Source) -> IndexState:
    """What is here of one source."""
    path, facts, problem = index_path(machine, source), None, None
    try:
        if source.kind != "programs":
            facts = _facts(path)
    except IndexUnusable as error:
        problem = str(error)
    with (
        contextlib.suppress(OSError),
        open(f"{_stem(machine, source)}.problem", encoding="utf-8") as file,
    ):
        problem = file.read()
    there = facts is not None or (source.kind == "programs" and os.path.exists(path))
    checked = datetime.fromtimestamp(os.stat(path).st_mtime).astimezone() if there else None
    return IndexState(
        source=source,
        path=path,
        facts=facts,
        checked=checked,
        stale=source.how != "place" and _is_stale(source, facts, checked),
        problem=problem,
    )


_known: dict[str, tuple[tuple[int, int], IndexFacts]] = {}
"""What index files were found to say, while they are the same."""


def _facts(path: str) -> IndexFacts | None:
    """What an index says of itself; None where there is none."""
    try:
        file = os.stat(path)
    except OSError:
        return None
    stamp = (file.st_ino, file.st_mtime_ns)
    if path not in _known or _known[path][0] != stamp:
        _known[path] = stamp, read_facts(path)
    return _known[path][1]


def _is_stale(source: Source, facts: IndexFacts | None, checked: datetime | None) -> bool:
    if checked is None:
        return True
    if facts is not None:
        if facts.source.origin not in source.addresses:
            return True
        # A file of this machine, and a release of a channel, change only when they are others.
        if source.how == "fetch" and source.address.startswith("file:"):
            return facts.source.etag != state_of_file(source.address)
        if facts.source.origin == source.address and len(source.addresses) > 1:
            return facts.source.revision != source.revision
    days: int = settings.get("index_days")
    age = datetime.now().astimezone() - checked
    return days > 0 and age.total_seconds() > days * 86400


def _is_whole(machine: Machine, source: Source, path: str) -> bool:
    """Whether what is searched is there, undamaged, of this source as it is now, and made with the
    commands that are known now."""
    if not is_sound(path):
        return False
    if source.kind == "programs":
        return os.path.getsize(path) > 0
    try:
        facts = read_facts(path)
    except IndexUnusable:
        return False
    database = _programs_beside(machine, source)
    if database is not None and os.stat(database).st_mtime > os.stat(path).st_mtime:
        return False
    of = facts.source
    same = of.origin in source.addresses and of.revision == _revision(source, of.origin)
    return same and of.name == source.name


def _revision(source: Source, address: str) -> str | None:
    """What a list from this address is of: the others have another release than was meant."""
    return source.revision if address == source.address else None


def _note_problem(stem: str, problem: str | None) -> None:
    """Write down why the last try failed; None: it did not."""
    if problem is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{stem}.problem")
        return
    with open(f"{stem}.problem", "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(problem)


def _stem(machine: Machine, source: Source) -> str:
    return os.path.join(index_folder(machine), f"{source.name}.{source.kind}")


@contextlib.contextmanager
def _lock(path: str) -> Iterator[bool]:
    """Whether this process alone is at it now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)

"""Bring old indexes up to date beside the kernel: in a process of its own, nice to all others, so
that no question waits for it and no cell is slowed down.

    python -m luminous_nix_ipy.backend.refreshing < WORK

WORK is the JSON that `refresh` makes. What goes wrong is written beside the index that it is about.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable

import msgspec

from .. import settings
from ..errors import CommandFailed
from ..machine import Machine
from ..tools.process import run
from .index_model import IndexState, Source
from .indexing import failed_lately, index_path

_log = logging.getLogger(__name__)

_AGAIN = 6 * 3600.0
"""Seconds until what could not be brought up to date, or was tried here, is tried again."""
_LONGEST = 1800.0

_tried: dict[str, float] = {}
"""Path of an index -> when its refreshing was last begun here."""


class _Work(msgspec.Struct, frozen=True):
    machine: Machine
    sources: list[Source]


def refresh(machine: Machine, states: Iterable[IndexState]) -> list[str]:
    """Begin to bring those of these up to date that are there and old, and are only fetched.

    Returns:
        Their names; empty where there is nothing to do, or it was tried lately.
    """
    if settings.get("index_days") == 0:
        return []
    sources = [s.source for s in states if s.there and s.stale and s.source.how == "fetch"]
    sources = [source for source in sources if _is_due(machine, source)]
    if not sources:
        return []
    for source in sources:
        _tried[index_path(machine, source)] = time.monotonic()
    threading.Thread(
        target=_start, args=(_Work(machine, sources),), daemon=True, name="luminous-nix refresh"
    ).start()
    return list(dict.fromkeys(source.name for source in sources))


def _is_due(machine: Machine, source: Source) -> bool:
    tried = _tried.get(index_path(machine, source))
    if tried is not None and time.monotonic() - tried < _AGAIN:
        return False
    return not failed_lately(machine, source, _AGAIN)


def _start(work: _Work) -> None:
    chosen = {
        variable: str(settings.get(name))
        for name, variable, *_ in settings.table()
        if name.startswith(("index_", "channels_", "releases_", "retries"))
    }
    program = run(
        (sys.executable, "-m", __name__),
        env={**os.environ, **chosen},
        stdin=msgspec.json.encode(work),
        timeout=_LONGEST,
    )
    try:
        asyncio.run(program)
    except CommandFailed as error:
        _log.warning("indexes were not brought up to date: %s", error)


async def _work(work: _Work) -> None:
    from .context import Context
    from .indexing import update_indexes
    from .progress import Progress

    context = Context(work.machine, Progress(), direct=True)
    await update_indexes(context, work.sources)


def main() -> None:
    """Do the work that stdin has."""
    os.nice(19)
    asyncio.run(_work(msgspec.json.decode(sys.stdin.buffer.read(), type=_Work)))


if __name__ == "__main__":
    main()

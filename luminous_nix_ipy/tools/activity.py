"""What Nix is doing, how much of it is done, and what has failed: its internal-json log, read.

Totals are counted as in Nix's src/libmain/progress-bar.cc. A number that has no name here, a line
that is no record, and bytes that are not UTF-8 are data, not errors. What is kept is bounded by
what is live and what is planned, not by the length of the log.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ..records import Activity, Counts, FailedBuild, Message
from .internal_json import (
    BUILD,
    BUILDS,
    COPY_PATH,
    FILE_TRANSFER,
    KINDS,
    LOG_LINE,
    POST_BUILD_LINE,
    PROGRESS,
    QUERY_PATH_INFO,
    SET_EXPECTED,
    SET_PHASE,
    LineSplitter,
    Record,
    make_decoder,
)
from .messages import INFORMATION, Messages
from .process import plain

_LOG_LINES = 25
_LINES_TOLD = 8
"""Of the log of a build that runs."""
_LOG_LINE_LENGTH = 2_000
"""Characters of a line of a build's log that are kept."""
_FAILED = 100
_DEPTH = 16
"""Parents of an activity that are looked at."""

_LOCAL = ("", "local", "daemon", "unix")
_NOT_BUILT = re.compile(r"(?:builder for|build of|Cannot build) '([^']+\.drv)'")

Outcome = Literal["done", "failed", "stopped", "unknown"]
"""stopped: it was interrupted; unknown: the log does not tell."""


class Built(msgspec.Struct, frozen=True):
    """A build that ended."""

    derivation: str
    host: str
    outcome: Outcome
    seconds: float


_NOTHING = (0, 0, 0, 0)


class _Live(msgspec.Struct):
    """An activity that has begun and not ended."""

    record: Record
    started: float
    log: deque[str]
    counts: tuple[int, int, int, int] = _NOTHING
    """done, expected, running, failed."""
    expects: dict[int, int] = {}
    phase: str | None = None

    def field(self, number: int) -> str:
        fields = self.record.fields or ()
        value = fields[number] if len(fields) > number else ""
        return value if isinstance(value, str) else ""


class _Totals(msgspec.Struct):
    """All activities of one type: what the ended ones did, and the sums of the live ones."""

    done: int = 0
    failed: int = 0
    expected: int = 0
    live: tuple[int, int, int, int] = _NOTHING


class ActivityLog:
    """Reads a log as it comes, in pieces of any size.

    Args:
        host: where Nix runs, and builds what it names no other host for; empty: here.
        clock: a monotonic clock in seconds.
        on_built: called when a build has ended.
        on_message: called with every message, of any level, and every line that is no record.
    """

    def __init__(
        self,
        *,
        host: str = "",
        clock: Callable[[], float] = time.monotonic,
        on_built: Callable[[Built], None] | None = None,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        self.messages = Messages(on_message)
        self.failed: deque[FailedBuild] = deque(maxlen=_FAILED)
        self.speaking: int | None = None
        """The id of the activity that wrote the last line of a log."""
        self._host = host
        self._clock = clock
        self._on_built = on_built
        self._lines = LineSplitter()
        self._decode = make_decoder()
        self._live: dict[int, _Live] = {}
        self._totals: dict[int, _Totals] = {}
        self._now = clock()
        self._told_done = self._told_failed = self._untold = 0
        self._unclear: deque[FailedBuild] = deque(maxlen=_FAILED)

    def feed(self, data: bytes) -> None:
        """The next bytes of the log."""
        self._now = self._clock()
        self._read(self._lines.split(data))

    def close(self) -> None:
        """The log has ended, perhaps in the middle of a line."""
        self._read(self._lines.rest())

    def kept(self) -> bytes:
        """What the program says on stderr when it writes no such log, its end."""
        texts = [message.text for message in self.messages.kept()]
        return "".join(f"{text}\n" for text in texts).encode("utf-8", "replace")

    def counts(self, kind: int) -> Counts:
        """How much is done of all activities of one type."""
        totals = self._totals.get(kind)
        if totals is None:
            return Counts()
        done, expected, running, failed = totals.live
        return Counts(
            done=totals.done + done,
            expected=max(totals.done + expected, totals.expected),
            running=running,
            failed=totals.failed + failed,
        )

    def builds(self) -> list[tuple[str, float]]:
        """The derivations that are being built, and since how many seconds."""
        now = self._clock()
        return [(live.field(0), now - live.started) for _, live in self._of(BUILD)]

    def running(self) -> tuple[Activity, ...]:
        """The builds, the longest running first."""
        return tuple(self._activity(id, live) for id, live in self._of(BUILD))

    def downloads(self) -> tuple[Activity, ...]:
        """Paths that are copied here, and files that are fetched for their own sake."""
        copies = [
            (id, live)
            for id, live in self._of(COPY_PATH)
            if live.field(2).partition(":")[0] in _LOCAL
        ]
        covered = bool(self._of(COPY_PATH) or self._of(QUERY_PATH_INFO))
        files = [
            (id, live)
            for id, live in self._of(FILE_TRANSFER)
            # An old Nix does not tell what a file is fetched for.
            if not (self._is_part_of_a_copy(live) if live.record.parent else covered)
        ]
        return tuple(self._activity(id, live) for id, live in copies + files)

    # one record

    def _read(self, lines: list[bytes]) -> None:
        decode, find = self._decode, self._live.get
        for line in lines:
            record = decode(line)
            if record is None:
                self._plain(line)
            elif record.type == LOG_LINE and record.action == "result":
                # By far the most lines are this.
                if (live := find(record.id)) is not None and record.fields:
                    live.log.append(str(record.fields[0])[:_LOG_LINE_LENGTH])
                    self.speaking = record.id
            else:
                self._take(record)

    def _take(self, record: Record) -> None:
        if record.action == "result":
            live = self._live.get(record.id)
            if live is not None and record.fields:
                with contextlib.suppress(TypeError):  # fields of other types than today's
                    self._result(live, record.type, record.fields)
        elif record.action == "start":
            self._live[record.id] = _Live(record, self._now, deque(maxlen=_LOG_LINES))
        elif record.action == "stop":
            live = self._live.pop(record.id, None)
            if live is not None:
                self._stop(live)
        elif record.action == "msg":
            self._message(record)

    def _result(self, live: _Live, kind: int, fields: list[Any]) -> None:
        if kind == PROGRESS:
            to = tuple(fields)
            if to != live.counts and len(to) == 4:
                self._move(live, to)
        elif kind == SET_EXPECTED:
            if len(fields) == 2 and fields[1] != live.expects.get(fields[0]):
                self._totals_of(fields[0]).expected += fields[1] - live.expects.get(fields[0], 0)
                live.expects[fields[0]] = fields[1]
        elif kind == SET_PHASE:
            live.phase = str(fields[0])[:_LOG_LINE_LENGTH]
        elif kind == POST_BUILD_LINE:
            live.log.append(str(fields[0])[:_LOG_LINE_LENGTH])

    def _stop(self, live: _Live) -> None:
        done, _, _, failed = live.counts
        if live.counts != _NOTHING:
            self._move(live, _NOTHING)
            totals = self._totals_of(live.record.type)
            totals.done += done
            totals.failed += failed
        for kind, expected in live.expects.items():
            self._totals_of(kind).expected -= expected
        if live.record.type == BUILD:
            self._built(live)

    def _move(self, live: _Live, to: tuple[int, int, int, int]) -> None:
        a, b, c, d = live.counts
        totals = self._totals_of(live.record.type)
        e, f, g, h = totals.live
        totals.live = (e + to[0] - a, f + to[1] - b, g + to[2] - c, h + to[3] - d)
        live.counts = to

    def _totals_of(self, kind: int) -> _Totals:
        totals = self._totals.get(kind)
        if totals is None:
            totals = self._totals[kind] = _Totals()
        return totals

    def _built(self, live: _Live) -> None:
        outcome = self._outcome()
        derivation, host = live.field(0), live.field(1) or self._host
        ended = FailedBuild(derivation, host, tuple(live.log))
        if outcome == "failed":
            self.failed.append(ended)
        elif outcome == "unknown":
            self._unclear.append(ended)
        if self._on_built is not None:
            self._on_built(Built(derivation, host, outcome, self._now - live.started))

    def _outcome(self) -> Outcome:
        """How the build ended that just stopped.

        Nix does not say it of one build: it counts it as done or failed, and then stops its
        activity. When several end at once, one of each kind, their order is not known.
        """
        builds = self.counts(BUILDS)
        done, failed = builds.done - self._told_done, builds.failed - self._told_failed
        if done > 0 and failed > 0:
            self._untold += 1
            if self._untold >= done + failed:
                self._told_done, self._told_failed, self._untold = builds.done, builds.failed, 0
            return "unknown"
        if failed > 0:
            self._told_failed += 1
            return "failed"
        if done > 0:
            self._told_done += 1
            return "done"
        return "stopped"

    # messages

    def _message(self, record: Record) -> None:
        message = Message(
            level=record.level,
            text=plain(record.msg),
            raw=None if record.raw_msg is None else plain(record.raw_msg),
            file=record.file if isinstance(record.file, str) else None,
            line=record.line if isinstance(record.line, int) else None,
            column=record.column if isinstance(record.column, int) else None,
        )
        if message.level == 0 and (found := _NOT_BUILT.search(message.text)):
            for ended in [e for e in self._unclear if e.derivation == found[1]]:
                self._unclear.remove(ended)
                self.failed.append(ended)
        self.messages.add(message)

    def _plain(self, line: bytes) -> None:
        if line:
            text = plain(line.decode("utf-8", "replace")).rstrip("\r")
            self.messages.add(Message(level=INFORMATION, text=text))

    # what is live

    def _of(self, kind: int) -> list[tuple[int, _Live]]:
        return [(id, live) for id, live in self._live.items() if live.record.type == kind]

    def _is_part_of_a_copy(self, live: _Live) -> bool:
        for _ in range(_DEPTH):
            parent = self._live.get(live.record.parent)
            if parent is None:
                return False
            live = parent
            if live.record.type in (COPY_PATH, QUERY_PATH_INFO):
                return True
        return False

    def _activity(self, id: int, live: _Live) -> Activity:
        done, expected, running, failed = live.counts
        kind = live.record.type
        lasted = timedelta(seconds=self._clock() - live.started)
        return Activity(
            id=id,
            kind=KINDS.get(kind, str(kind)),
            name=_name(live.field(0)) if kind in (BUILD, COPY_PATH) else live.field(0),
            phase=live.phase,
            done=done,
            expected=expected,
            running=running,
            failed=failed,
            started=datetime.now().astimezone() - lasted,
            host=live.field(1) or self._host if kind == BUILD else "",
            log=tuple(live.log)[-_LINES_TOLD:],
        )


def _name(path: str) -> str:
    """A store path without its folder and hash, a derivation also without its ".drv"."""
    return path.rpartition("/")[2].partition("-")[2].removesuffix(".drv") or path

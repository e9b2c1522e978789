"""Reading Nix's internal-json log: lines a second on one core, and what memory it takes."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

from luminous_nix_ipy.tools.activity import ActivityLog
from luminous_nix_ipy.tools.internal_json import BUILD, BUILDS, COPY_PATH

from .harness import note, report

_LINES = 1_000_000
_CHUNK = 65_536
"""Bytes that are read from a pipe at once (pipe(7))."""
_LINES_A_SECOND = 300_000
_AT_ONCE = 16


def main() -> None:
    log, seconds, count = ActivityLog(), 0.0, 0
    for chunk in _chunks(_LINES):
        count += chunk.count(b"\n")
        started = time.process_time()
        log.feed(chunk)
        log.running()
        seconds += time.process_time() - started
    report(f"{count:,} lines read, seconds of one core", seconds, limit=count / _LINES_A_SECOND)
    note(f"{count / seconds:,.0f} lines a second; {log.counts(BUILDS).done:,} builds ended")
    few, many = _peak(50_000), _peak(200_000)
    note(f"{many:,} bytes at most while 200,000 lines are read, {few:,} while 50,000 are")


def _peak(lines: int) -> int:
    """Greatest number of bytes that reading so many lines held at once."""
    chunks = list(_chunks(lines))
    tracemalloc.start()
    log = ActivityLog()
    for chunk in chunks:
        log.feed(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _chunks(lines: int) -> Iterator[bytes]:
    pending = bytearray()
    for line in _lines(lines):
        pending += line
        while len(pending) >= _CHUNK:
            yield bytes(pending[:_CHUNK])
            del pending[:_CHUNK]
    yield bytes(pending)


def _lines(count: int) -> Iterator[bytes]:
    """A log as of many builds and downloads: two of three lines are lines of builds' logs."""
    yield _record(action="start", id=1, level=0, parent=0, text="", type=BUILDS)
    written, number = 1, 1
    while written < count:
        first = number + 1
        number += _AT_ONCE
        ids = range(first, number + 1)
        for id in ids:
            path = f"/nix/store/{id:032d}-package-{id % 977}-1.{id}"
            if id % 4:
                text, fields = f"building '{path}.drv'", [f"{path}.drv", "", 1, 1]
                yield _start(id, BUILD, fields, text)
            else:
                fields = [path, "https://cache.nixos.org", "local"]
                yield _start(id, COPY_PATH, fields, f"copying path '{path}'")
        for step in range(60):
            for id in ids:
                if id % 4 == 0:
                    yield _result(id, 105, [step * 8192, 60 * 8192, 0, 0])
                elif step % 10 == 0:
                    yield _result(id, 104, [("unpackPhase", "buildPhase")[step % 20 == 0]])
                else:
                    yield _result(id, 101, [f'[{step}/60] g++ -O2 -Wall -I"include" -c x{id}.cc'])
            yield _result(1, 105, [first, 100_000, _AT_ONCE, 0])
        for done, id in enumerate(ids):
            yield _result(1, 105, [first + done, 100_000, _AT_ONCE - done, 0])
            yield _record(action="stop", id=id)
        written += 62 * _AT_ONCE + 60 + _AT_ONCE


def _start(id: int, kind: int, fields: list[Any], text: str) -> bytes:
    return _record(action="start", fields=fields, id=id, level=3, parent=0, text=text, type=kind)


def _result(id: int, kind: int, fields: list[Any]) -> bytes:
    return _record(action="result", fields=fields, id=id, type=kind)


def _record(**fields: Any) -> bytes:
    return b"@nix " + json.dumps(fields, separators=(",", ":")).encode() + b"\n"

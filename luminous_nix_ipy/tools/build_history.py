"""How long builds took: nix-output-monitor's history, read and written as it does.

It is `$XDG_STATE_HOME/nix-output-monitor/build-reports.csv` (nix-output-monitor, README): a header
and, per build that succeeded, host (empty: here), name, end (UTC) and whole seconds; the last ten
of a host and name. It is changed while `build-reports.csv.lock` is locked (flock(2)).
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import msgspec

from ..errors import NixError, Refused

_HEADER = ["hostname", "derivation name", "utc time", "build seconds"]
_TIME = "%Y-%m-%d %H:%M:%S"
_KEPT = 10
LOCK_TIMEOUT = 1.0
"""Seconds to wait for another process that writes the history."""
_VERSION = ".1234567890-"


class Report(msgspec.Struct, frozen=True):
    """One build that succeeded."""

    host: str
    """Empty: here."""
    name: str
    ended: datetime
    seconds: int


def history_file(environ: Mapping[str, str] | None = None) -> str:
    """Where the history is, by the XDG base directory specification."""
    env = os.environ if environ is None else environ
    state = env.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(env.get("HOME") or os.path.expanduser("~"), ".local/state")
    return os.path.join(state, "nix-output-monitor", "build-reports.csv")


def report_name(name: str, env: Mapping[str, str]) -> str:
    """The name under which builds of a derivation are remembered.

    Args:
        name: the derivation's name with its version.
        env: its environment, whose `pname` comes first.
    """
    return env.get("pname") or name.rstrip(_VERSION)


def read_history(path: str) -> list[Report]:
    """All reports, in the order of the file; none where there is no history.

    Raises:
        NixError: it cannot be read.
        Refused: it is not such a history. A line that is none is left out.
    """
    return [report for report in _rows(path) if isinstance(report, Report)]


def append_history(path: str, reports: Iterable[Report]) -> None:
    """Add reports and keep the last ten of each host and name; lines that are none stay.

    Raises:
        NixError: it cannot be read or written.
        Refused: the file is not such a history; it is left as it is.
    """
    new = list(reports)
    if not new:
        return
    path = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with _locked(path):
            _write(path, _text(_latest([*_rows(path), *new])))
    except OSError as error:
        raise NixError("The history of builds could not be written.", f"{error}.") from None


def seconds_by_name(reports: Iterable[Report]) -> dict[tuple[str, str], list[int]]:
    """(host, name) -> the seconds of its builds, ascending."""
    found: dict[tuple[str, str], list[int]] = {}
    for report in reports:
        found.setdefault((report.host, report.name), []).append(report.seconds)
    for seconds in found.values():
        seconds.sort()
    return found


def median(seconds: list[int]) -> int:
    """The median of ascending seconds; of an even count the floor of the middle two's mean."""
    middle = len(seconds) // 2
    if len(seconds) % 2:
        return seconds[middle]
    return (seconds[middle - 1] + seconds[middle]) // 2


def _rows(path: str) -> list[Report | list[str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return _parse(file.read(), path)
    except FileNotFoundError:
        return []
    except (OSError, csv.Error) as error:
        raise NixError("The history of builds cannot be read.", f"{path}: {error}.") from None


def _parse(text: str, path: str) -> list[Report | list[str]]:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if rows and rows[0] != _HEADER:
        raise Refused(
            f"{path} is not a history of builds.",
            f"Its first line should be {','.join(_HEADER)}.",
            ["Move it away; a new one is made with the next build."],
        )
    return [_report(row) for row in rows[1:] if row]


def _report(row: list[str]) -> Report | list[str]:
    try:
        host, name, ended, seconds = row
        time = datetime.strptime(ended, _TIME).replace(tzinfo=UTC)
        return Report(host, name, time, max(0, int(seconds)))
    except ValueError:
        return row


def _latest(rows: list[Report | list[str]]) -> list[Report | list[str]]:
    by_key: dict[tuple[str, str], list[Report]] = {}
    for row in rows:
        if isinstance(row, Report):
            by_key.setdefault((row.host, row.name), []).append(row)
    kept = {
        id(report)
        for reports in by_key.values()
        for report in sorted(reports, key=lambda report: report.ended)[-_KEPT:]
    }
    return [row for row in rows if not isinstance(row, Report) or id(row) in kept]


def _text(rows: list[Report | list[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # lines end with CR LF, as in RFC 4180
    writer.writerow(_HEADER)
    for row in rows:
        if isinstance(row, Report):
            ended = row.ended.astimezone(UTC).strftime(_TIME)
            writer.writerow([row.host, row.name, ended, row.seconds])
        else:
            writer.writerow(row)
    return text.getvalue()


def _write(path: str, text: str) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Raises: OSError: another process has it for too long."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)

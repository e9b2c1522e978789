"""The log file: what was run and what went wrong, in enough detail to reconstruct a failure.

A rotating file in the user's state folder, opened at the first use of a backend and readable by its
owner only. Secrets are left out by their shape, since arguments and programs' last words are
logged. A log that cannot be written never stops the work.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import platform
import re
import threading
from datetime import datetime
from io import TextIOWrapper

from . import settings
from .machine import Machine

_logger = logging.getLogger(__package__)
_lock = threading.Lock()
_file: _File | None = None

_BYTES = 1_000_000
_OLD_FILES = 3

_SECRETS = (
    (re.compile(r"(\w+://)[^/\s@'\"]+@"), r"\1***@"),
    (re.compile(r"(?i)(access-tokens['\"]?[\s=]+['\"]?)[^'\"\n]+"), r"\1***"),
    (re.compile(r"(?i)(authorization:\s*(?:\w+\s+)?)\S+"), r"\1***"),
    (
        re.compile(r"(?i)\b([\w-]*(?:password|passwd|passphrase|token|secret|api[_-]?key))"
                   r"(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&]+"),
        r"\1\2***",
    ),
    (re.compile(r"\b(?:gh[opsur]_|github_pat_|glpat-)\w{16,}"), "***"),
)  # fmt: skip
"""Credentials in URLs (RFC 3986, userinfo), Nix's access-tokens (nix.conf(5)), HTTP's header,
`name=value` where the name tells, and the tokens of GitHub and GitLab by their prefixes."""


def log_file(machine: Machine) -> str:
    """Path of the log file of this machine and user."""
    return os.path.join(machine.user_state_dir, "log", "luminous-nix.log")


def start(machine: Machine) -> None:
    """Log to the file of this machine from now on, at the level of the settings. Calling it again
    changes nothing but the level; a machine without a state folder has no log."""
    global _file
    if not machine.user_state_dir:
        return
    _logger.setLevel(settings.get("log_level"))
    path = log_file(machine)
    with _lock:
        if _file is not None and _file.baseFilename == os.path.abspath(path):
            return
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            file = _File(path)
        except OSError as error:
            _logger.warning("there is no log file: %s", error)
            return
        _close()
        _file = file
        _logger.addHandler(file)
        _logger.addHandler(_warnings)
        _logger.propagate = False
    _logger.info("%s; %s", _versions(), machine)


def stop() -> None:
    """Close the log file."""
    with _lock:
        _close()
    _logger.setLevel(logging.NOTSET)


def without_secrets(text: str) -> str:
    """Text in which what looks like a credential is replaced by `***`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Warnings(logging.Handler):
    """Lets only warnings and errors on to the program's own handlers.

    What the file wants to know would otherwise be printed into cells wherever the root logger has
    a handler, as IPython gives it one with its first error.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        root = logging.getLogger()
        # Whoever lets the records propagate again gets each of them once all the same.
        if root.handlers and not _logger.propagate:
            root.handle(record)


class _File(logging.handlers.RotatingFileHandler):
    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            maxBytes=_BYTES,
            backupCount=_OLD_FILES,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self.setFormatter(_Formatter())

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(
            self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=private
        )

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk or a folder that has gone is not worth a word in a cell."""


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created).astimezone().isoformat("T", "milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        """One record; its further lines are indented, so that none can pass for another record."""
        return without_secrets(super().format(record)).replace("\n", "\n    ")


_warnings = _Warnings()


def _close() -> None:
    global _file
    if _file is not None:
        _logger.removeHandler(_file)
        _logger.removeHandler(_warnings)
        _logger.propagate = True
        with contextlib.suppress(OSError):  # its last lines do not go on a full disk
            _file.close()
        _file = None


def _versions() -> str:
    from importlib import metadata

    versions = [f"Python {platform.python_version()}", platform.platform()]
    for name in ("luminous-nix-ipy", "ipython", "ipykernel"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return ", ".join(versions)

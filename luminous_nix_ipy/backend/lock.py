"""One change of ours at a time: two kernels on one machine never move the same thing together.

An advisory lock of our own beside the journal; Nix's lock of the profile is left to nix-env, which
takes it for each step.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..errors import NixError, Refused
from ..machine import Machine
from ..records import ProfileKind
from .journal_format import journal_file


def lock_file(machine: Machine, kind: ProfileKind) -> str:
    """The file whose lock (flock(2)) whoever changes such profiles holds; it names the process."""
    return os.path.join(os.path.dirname(journal_file(machine, kind)), "change.lock")


class Holder(NamedTuple):
    """Who makes a change, as far as the lock says."""

    process: str
    """Its id, or "unknown"."""
    change: str | None
    """The id of the change."""


def holder(machine: Machine, kind: ProfileKind) -> Holder | None:
    """Who holds the lock; None where nobody does."""
    try:
        descriptor = os.open(lock_file(machine, kind), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named_in(descriptor)
    finally:
        os.close(descriptor)
    return None


@contextmanager
def change_lock(machine: Machine, kind: ProfileKind) -> Iterator[None]:
    """Hold the lock for changes of such profiles.

    Raises:
        Refused: another change holds it; says which process.
        NixError: the lock file cannot be made.
    """
    path = lock_file(machine, kind)
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise NixError(
            f"The lock {path} cannot be made.",
            f"{error.strerror}. Nothing was changed.",
            ["Free space or give yourself the right to write there, then try again."],
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                "Another change is under way.",
                f"Process {_named_in(descriptor).process} is making it. Nothing was changed.",
                ["Wait until it has ended, then try again."],
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _named_in(descriptor: int) -> Holder:
    told = os.pread(descriptor, 200, 0).decode(errors="replace").split()
    return Holder(told[0] if told else "unknown", told[1] if len(told) > 1 else None)

"""Errors that speak to the user: what happened, why, and what to do instead.

A `NixError` shows itself in IPython without a traceback (`_render_traceback_`, the hook that
IPython's `InteractiveShell.showtraceback` asks for), yet it makes the cell, nbclient, papermill
and nbval fail, as an operational failure must.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NixError(Exception):
    """An operation could not be done. Nothing was changed unless `what` says so.

    Args:
        what: one sentence, what happened.
        why: the reason, one sentence or the program's own words; may be empty.
        todo: what to do instead, each a sentence or a command that works.
    """

    def __init__(self, what: str, why: str = "", todo: tuple[str, ...] | list[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = tuple(todo)

    def __str__(self) -> str:
        return f"{self.what} {self.why}".rstrip()

    def lines(self) -> list[str]:
        """The error as lines of plain text, as it is shown."""
        shown = [f"{type(self).__name__}: {self.what}"]
        shown += self.why.splitlines()
        shown += [f"  → {item}" for item in self.todo]
        return [_printable(line) for line in shown]

    def _render_traceback_(self) -> list[str]:
        return self.lines()


class NotFound(NixError):
    """No Nix, no such profile, generation, path or note."""


class Refused(NixError):
    """Bad input, or a change that would do harm: nothing was run."""


class NoConsent(NixError):
    """Nobody said yes, or nobody could be asked."""


class CommandFailed(NixError):
    """A program of Nix ended with an error, could not be started, or took too long."""

    messages: tuple[Any, ...] = ()
    """The `records.Message`s of level 0 that a program of Nix gave, where its log was read."""
    failed_builds: tuple[Any, ...] = ()
    """The `records.FailedBuild`s of that log."""
    host: str = ""
    """The other machine on which it failed; empty: here."""

    def __init__(
        self,
        what: str,
        why: str = "",
        todo: tuple[str, ...] | list[str] = (),
        *,
        argv: tuple[str, ...] = (),
        returncode: int | None = None,
        stderr: str = "",
    ) -> None:
        super().__init__(what, why, todo)
        self.argv = argv
        self.returncode = returncode
        self.stderr = stderr


class DatabaseUnreadable(NixError):
    """The store's database is missing, busy, damaged, or not of the schema we know."""


class IndexUnusable(NixError):
    """An index of packages or options is missing, damaged or cannot be built."""


class ListUnreadable(NixError):
    """A list of packages or options cannot be read: it is damaged, or no such list."""


class ManifestUnreadable(NixError):
    """What is installed in a profile cannot be told: its manifest is damaged or not known."""


class DownloadFailed(NixError):
    """A file cannot be fetched, or is not what was expected; what there was before is kept."""


class ChangeFailed(NixError):
    """A change was begun and did not succeed; `why` says in which state the machine is now."""

    report: Any = None
    """The backend's ChangeReport of what was done and put back."""


class RequirementFailed(NixError):
    """What a runbook requires is not so; it goes no further."""

    checks: tuple[Any, ...] = ()
    """A `records.Check` for each requirement, those that are met too."""


class CheckFailed(NixError):
    """An exercise is not right yet, and its check was to fail then."""


class NotServed(NixError):
    """An operation that this version does not offer."""


class MachineChanged(NixError):
    """The machine is no longer as it was when the plan was made; nothing was done."""


def _printable(text: str) -> str:
    """Text with bytes that are not UTF-8 and terminal controls made visible, not active."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in text)


def did_you_mean(names: Sequence[str]) -> list[str]:
    """A question that offers names, where there are some."""
    if not names:
        return []
    some = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return [f"Did you mean {some}?"]

"""What the steps of a runbook did and saw, and the record of it.

`start` begins a record of its own; without it the first %%nix step does. Where this kernel has
begun none, the newest record is shown. A record is kept in your state folder as it grows, so that a
kernel that dies leaves what was done; what looks like a credential is left out. `export` writes it
to FILE, whose name ends with .json or .html. `list` has every record, newest first.

Examples:
  %nix runbook start upgrade
  %nix runbook
  %nix runbook export upgrade.html
  %nix runbook list
  %nix runbook show --record 20261123T031500-1a2b3c
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NixError, NotFound, Refused
from .parser import OneOf, Parser, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..runbook_records import Runbook
    from ..widgets.runbook import RunbookView
    from ..widgets.show import Text

_ACTIONS = ("start", "show", "export", "list")
_TAKES = {"start": "a NAME", "export": "a FILE"}


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "action", metavar="|".join(_ACTIONS), nargs="?", type=OneOf(*_ACTIONS), help="(show)"
    )
    parser.add_argument("what", metavar="NAME|FILE", nargs="?", help="what start and export take")
    parser.add_argument("--record", metavar="ID", help="another record than this kernel's")


def run(
    session: Session,
    *,
    action: str | None = None,
    what: str | None = None,
    record: str | None = None,
) -> RunbookView | NixFrame | Text:
    _check(action, what, record)
    if action == "start":
        from ..widgets.show import Text
        from . import recording

        begun = recording.start(what)
        return Text(f"The record {begun.id} is begun.")
    if action == "list":
        return _all()
    from ..widgets.runbook import RunbookView

    book, note = _found(record)
    view = RunbookView(book, note)
    return view if action != "export" else _export(view, what or "")


def _check(action: str | None, what: str | None, record: str | None) -> None:
    """Raises: Refused, UsageError: something is missing, too much, or unknown."""
    if action is not None and action not in _ACTIONS:
        raise Refused(f"A runbook knows no {action!r}.", f"There is {', '.join(_ACTIONS)}.")
    if what is None and action == "export":
        usage_error("%nix runbook export: name a file, such as runbook.html")
    if what is not None and action not in _TAKES:
        usage_error(f"%nix runbook {action}: {what!r} is one argument too many")
    if record is not None and action in ("start", "list"):
        usage_error(f"%nix runbook {action} takes no --record")


def _found(record: str | None) -> tuple[Runbook, str]:
    """The record that is meant, and a sentence where it may not be the expected one.

    Raises:
        NixError: there is none, or it cannot be read.
    """
    from ..machine import local
    from ..runbook_log import read_record, record_ids
    from . import recording

    machine = local()
    if record is not None:
        return read_record(machine, record), ""
    if (recorder := recording.under_way()) is not None:
        recorder.tell_deeds()
        return read_record(machine, recorder.id), ""
    newest = next(iter(record_ids(machine)), None)
    if newest is None:
        raise NotFound(
            "There is no record of a runbook yet.",
            "",
            ["Begin one: %nix runbook start NAME, or a cell with %%nix step TITLE"],
        )
    return read_record(machine, newest), "This is the newest record; this kernel has begun none."


def _all() -> NixFrame:
    from ..frames import runbooks as runbook_frames
    from ..machine import local
    from ..runbook_log import read_record, record_ids

    books, problems = [], []
    for id in record_ids(local()):
        try:
            books.append(read_record(local(), id))
        except NixError as error:
            problems.append(str(error))
    return runbook_frames.runbooks(books, problems)


def _export(view: RunbookView, file: str) -> Text:
    from ..widgets.show import Text
    from .as_json import as_json

    if file.endswith(".html"):
        content = view.document()
    elif file.endswith(".json"):
        content = str(as_json(_record(view.runbook)))
    else:
        raise Refused(
            f"{file!r} is of no kind that a record is written in.",
            "The end of its name tells: .json or .html.",
            ["For example: %nix runbook export runbook.html"],
        )
    _write(file, f"{content}\n")
    return Text(f"Written: {file}")


def _record(book: Runbook) -> dict[str, object]:
    import msgspec

    return {"verdict": book.verdict, **msgspec.to_builtins(book)}


def _write(file: str, content: str) -> None:
    """Write the whole file, or leave what was there.

    Raises:
        NixError: it cannot be written.
    """
    import os
    import secrets

    target = os.path.expanduser(file)
    beside = f"{target}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content.encode("utf-8", "backslashreplace"))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, target)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise NixError(
            f"{file} cannot be written.",
            f"{error.strerror}. What was there before is as it was.",
            ["Name another file, or free space."],
        ) from error

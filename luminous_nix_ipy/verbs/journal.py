"""What was changed: when, by whom, with which commands and what outcome, newest first.

Changes of the system are in the machine's own journal, those of your profiles in yours;
--all-columns adds the commands that were run, what went wrong, how long it took, paths and ids.
A change under way is told as such; "cut off" is one that nobody makes any more, and that never came
to an end: %nix recover.

--since and --until take a date or a phrase, such as yesterday or "3 days ago"; a day means all of
it. --id shows one change in full: its intent, its checks, what was run and how it ended.

Each line of a journal has the hash of the one before. --verify goes through all of them, and fails
where one was changed, taken away or put between. That the last lines were cut away shows only
against a copy: keep the hash of the last line, `head`, or an export.

--export writes a file, or nothing: what was chosen as a table (.csv) or records (.json), else all
lines of the journals as they are, verified.

Examples:
  %nix journal --last 5
  %nix journal --since "last week" --outcome failed
  %nix journal --id 20260301T183000-0a1b2c
  %nix journal --verify
  %nix journal --since 2026-01-01 --export changes.csv
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .parser import OneOf, Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..backend.journal_changes import Change
    from ..frames import NixFrame
    from ..widgets.journal import ChangeView
    from ..widgets.show import Text

OUTCOMES = ("done", "failed", "restored", "interrupted", "cut-off", "under-way")
"""The states of a change, as one word each."""


class _Outcome(OneOf):
    def __call__(self, text: str) -> str:
        return super().__call__(text.replace(" ", "-"))


def arguments(parser: Parser) -> None:
    parser.add_argument("--last", metavar="N", type=number, help="only the last N changes")
    parser.add_argument("--since", metavar="WHEN", help="begun then or later")
    parser.add_argument("--until", metavar="WHEN", help="begun then or before")
    parser.add_argument("--operation", metavar="WORD", help="as in rollback, or “rollback boot”")
    parser.add_argument(
        "--outcome", metavar="OUTCOME", type=_Outcome(*OUTCOMES), help=", ".join(OUTCOMES)
    )
    parser.add_argument("--profile", metavar="PROFILE", help="of a profile, by name or path")
    parser.add_argument("--user", metavar="USER", help="by a user, also through sudo or doas")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--id", metavar="CHANGE", help="one change in full")
    what.add_argument("--verify", action="store_true", help="go through the whole journals")
    what.add_argument("--export", metavar="FILE", help="write a .csv, .json or .jsonl file")
    parser.add_argument("--yes", action="store_true", help="let --export replace a file")
    parser.add_argument("--all-columns", action="store_true", help="every column there is")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    last: int | None = None,
    since: str | None = None,
    until: str | None = None,
    operation: str | None = None,
    outcome: str | None = None,
    profile: str | None = None,
    user: str | None = None,
    id: str | None = None,
    verify: bool = False,
    export: str | os.PathLike[str] | None = None,
    yes: bool = False,
    all_columns: bool = False,
    json: bool = False,
) -> NixFrame | ChangeView | Text:
    from ..backend.journal_changes import chosen, journalled
    from ..backend.validation import check_value

    filters = {
        "since": since,
        "until": until,
        "operation": operation,
        "outcome": outcome,
        "profile": profile,
        "user": user,
    }
    path = None if export is None else os.path.expanduser(os.fspath(export))
    for name, value in {**filters, "last": last, "export": path}.items():
        if value is not None:
            check_value(name, value, int if name == "last" else str)
    if outcome is not None:
        filters["outcome"] = outcome.replace("-", " ")
    narrowed = [f"--{name}" for name, value in filters.items() if value is not None]
    if last is not None:
        narrowed.append("--last")
    if id is not None:
        _take_no("--id shows one change", narrowed)
        return _in_full(session, id, json)
    if verify:
        _take_no("--verify goes through the whole journals", narrowed)
        return _verified(session, json)
    if path is not None and not path.endswith((".csv", ".json")):
        _take_no("A file of lines has the whole journals", narrowed)
        return _export_lines(session, path, yes)
    found, problems = journalled(session.machine)
    newest = chosen(session.machine, found, **filters)[:last]
    if path is not None:
        return _export(newest, path, yes)
    if json:
        from .as_json import as_json

        return as_json([_as_told(change) for change in newest])
    frame = _frame(newest, all_columns)
    frame.attrs["notes"] = [*frame.attrs.get("notes", ()), *problems]
    return session.labelled(frame)


def _frame(changes: list[Change], all_columns: bool) -> NixFrame:
    from .. import frames

    without = {
        change.entry.id: "cut off: %nix recover" if change.state == "cut off" else change.state
        for change in changes
    }
    entries = [change.entry for change in changes]
    return frames.journal(entries, without_outcome=without, all_columns=all_columns)


def _as_told(change: Change) -> dict[str, Any]:
    """The entry, and the state that only looking at the lock tells."""
    import msgspec

    return {**msgspec.to_builtins(change.entry), "state": change.state}


def _in_full(session: Session, id: str, json: bool) -> ChangeView | Text:
    from ..backend.journal_changes import find

    change = find(session.machine, id)
    if json:
        from .as_json import as_json

        return as_json(change)
    from ..widgets.journal import ChangeView

    return ChangeView(change, playground=session.machine.playground is not None)


def _verified(session: Session, json: bool) -> NixFrame | Text:
    from ..backend.journal_export import verified

    files = verified(session.machine)
    if json:
        from .as_json import as_json

        keys = ("path", "verdict", "lines", "damages", "head")
        return as_json([{key: getattr(file, key) for key in keys} for file in files])
    from .. import frames

    return session.labelled(frames.journals(files))


def _export_lines(session: Session, path: str, yes: bool) -> Text:
    from ..backend.journal_export import whole_lines, write_file
    from ..widgets.show import Text
    from ..wording import plural

    data, files = whole_lines(session.machine)
    write_file(path, data, overwrite=yes)
    told = [
        f"{file.path}: {plural(file.lines, 'line')}, {file.verdict}, head {file.head}"
        for file in files
    ]
    if not told:
        return Text(f"Written to {path}: nothing, since no journal was begun yet.")
    return Text("\n".join([f"Written to {path}, verified:", *told]))


def _export(changes: list[Change], path: str, yes: bool) -> Text:
    from ..backend.journal_export import write_file
    from ..widgets.show import Text
    from ..wording import plural

    if path.endswith(".csv"):
        text = _frame(changes, all_columns=True).to_csv(index=False)
    else:
        from .as_json import as_json

        text = f"{as_json([_as_told(change) for change in changes])}\n"
    write_file(path, text.encode("utf-8", "backslashreplace"), overwrite=yes)
    return Text(f"{plural(len(changes), 'change')} written to {path}.")


def _take_no(what: str, narrowed: list[str]) -> None:
    """Raises: Refused: changes were to be chosen where none are."""
    if not narrowed:
        return
    from ..errors import Refused

    todo = ["To export what was chosen, name a file that ends in .csv or .json."]
    raise Refused(f"{what}: leave out {', '.join(narrowed)}.", "", todo)

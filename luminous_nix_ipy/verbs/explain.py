"""The commands that a line would run, in their order, each with what it is for. It runs nothing
that changes anything: a change is planned, and not carried out.

Examples:
  %nix explain rollback 41
  %nix explain collect --older-than 30d
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import load
from .parser import Parser, parse_line, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..records import Command
    from ..widgets.explanation import Explanation

READS = frozenset(
    {"check", "diff", "explain", "help", "inputs", "installed", "jobs", "journal", "list"}
    | {"metrics", "plot", "roots", "status", "why"}
)
"""Verbs that start no program of their own."""

_OF_AN_INDEX = (
    "It asks an index in your cache folder, and no program. One that has become old is brought up "
    "to date by a process beside this one."
)
_OTHERS = {
    "browse": "It reads Nix's files. What its buttons change shows its commands, and asks, before "
    "any of them is run.",
    "dashboard": "It reads Nix's files and the journal, and asks systemd and sudo when it is "
    "opened or told to look again. Its button ends jobs; nothing of Nix's is changed.",
    "index": "It fetches lists over HTTP and keeps indexes of them in your cache folder; nothing "
    "of Nix's is changed.",
    **dict.fromkeys(("search", "info", "which", "options", "option"), _OF_AN_INDEX),
    "playground": "It builds, fills or removes a folder of its own with Nix's programs; nothing "
    "outside of it is touched.",
    "note": "It writes a file of notes; --keep makes a gc root, through nix-store where the folder "
    "of roots is not yours.",
    "doctor": "It reads Nix's files and database, and asks Nix and systemd what is amiss; nothing "
    "is changed.",
    "step": "It writes down when the cell begins and ends, and what is changed meanwhile. With "
    "--rollback-on-failure it may roll back: %nix explain rollback N.",
    "runbook": "It reads and writes the record of a runbook, a file in your state folder.",
    "shell": "It has Nix fetch or build the packages; no profile is changed.",
}


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "line", metavar="VERB …", nargs=argparse.REMAINDER, help="a verb and its arguments"
    )


def run(session: Session, *, line: str | list[str]) -> Explanation:
    import shlex

    from ..widgets.explanation import Explanation

    tokens = shlex.split(line) if isinstance(line, str) else line
    if not tokens:
        usage_error("%nix explain: name a verb and its arguments, as in %nix explain rollback")
    verb, given = parse_line(tokens)
    commands, sentence = _explained(session, verb, given)
    return Explanation(shlex.join(tokens), commands, sentence)


def _explained(
    session: Session, verb: str, given: dict[str, Any]
) -> tuple[tuple[Command, ...], str]:
    """What would be run, and what else is to be said."""
    module = load(verb)
    programs = getattr(module, "programs", None)
    if programs is not None:
        return tuple(programs(session, **given)), _afterwards(verb, given)
    if "dry_run" not in given:
        return (), _reads() if verb in READS else _OTHERS[verb]
    dry = {"dry_run": True} | ({"bg": False} if "bg" in given else {})
    view = module.run(session, **given | dry)
    plan = getattr(view, "plan", None)
    if plan is not None:
        if not plan.commands:
            return (), "Nothing is to be done, so nothing would be run."
        # Only what builds has run something for its plan already.
        return (*getattr(plan, "prepared", ()), *plan.commands), ""
    report = getattr(view, "report", None)
    if report is not None:
        return tuple(report.commands), (
            "This tells what is to be built. What follows is known once it is built: %nix build, "
            "then explain it again."
        )
    return (), _reads()


def _afterwards(verb: str, given: dict[str, Any]) -> str:
    if verb == "update" and not given["inputs_only"]:
        return "Then it switches to what is new: %nix explain switch tells how."
    return _OTHERS.get(verb, "")


def _reads() -> str:
    from .. import settings

    if settings.get("enhanced_backend"):
        return (
            "It reads Nix's own files and database and starts no program, but nix --version once."
        )
    return "It changes nothing, and reads through Nix's own programs, as the settings want it."

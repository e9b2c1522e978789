"""The verbs of `%nix`: one small module each, imported when it is used.

A verb's module has `arguments(parser)`, which declares what it takes, and `run(session, ...)`,
whose parameters are called as those arguments; its docstring is its help. Its name and summary are
here, so that help and completion know every verb without importing any.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

VERBS: dict[str, str] = {
    "status": "The machine at a glance",
    "dashboard": "What an operator looks at in the morning, kept true in one cell",
    "list": "The generations of a profile, newest first",
    "browse": "The generations of a profile, to sort, filter, compare and act on",
    "plot": "Sizes of generations, versions of packages, build times: drawn, and as a DataFrame",
    "diff": "Which packages differ between two generations or store paths",
    "rollback": "Make an earlier generation the current one",
    "switch": "Build the configuration and make it what runs and what is booted",
    "boot": "Build the configuration and make it what the next boot starts",
    "test": "Build the configuration and run it until the next boot",
    "build": "Build the configuration, and activate nothing",
    "update": "Bring the flake's inputs, or root's channels, to their newest, then switch",
    "inputs": "What the configuration is built from: the flake's inputs, or root's channels",
    "note": "Write, show or remove a note on a generation",
    "undo": "Put back what was current before the last change",
    "recover": "Finish or undo a change that was cut off",
    "search": "Packages by words, as a DataFrame",
    "info": "One package in full, and whether this machine has it",
    "which": "The packages that have a command",
    "options": "Options of NixOS, home-manager and nix-darwin by words",
    "option": "One option in full, with its value on this machine",
    "index": "The indexes that are searched: which there are, how old, and getting them",
    "install": "Install packages into your own profile",
    "remove": "Remove packages from your own profile",
    "installed": "What is installed in your own profile, as a DataFrame",
    "shell": "Put packages into the PATH of this kernel, so that !command finds them",
    "collect": "Delete old generations and what nothing keeps",
    "delete": "Delete chosen generations",
    "roots": "What is kept from the garbage collector, and by what",
    "optimise": "Store files that are equal only once",
    "doctor": "Whether all is well: store, profiles, gc roots, boot menu, settings",
    "repair": "Repair what is broken, through Nix",
    "journal": "What was changed: when, by whom, with which commands",
    "metrics": "What was asked of the backend, how often and how fast",
    "eval": "The value of a Nix expression",
    "log": "The log of the build that made a path",
    "why": "Why one thing needs another",
    "explain": "The commands that a line would run",
    "require": "Go on only where the machine is as it has to be",
    "step": "Make a cell a named step of a runbook",
    "runbook": "What the steps of a runbook did and saw, and the record of it",
    "jobs": "What goes on in the background, and how it ended",
    "check": "Whether an exercise of a lesson is solved, with hints where it is not",
    "playground": "A disposable system to practise on",
    "help": "What a verb does and takes",
}

DEFAULT = "status"
"""The verb that a bare `%nix` means."""


class Verb(Protocol):
    """What the module of a verb has.

    It may have `BODY`, the name of the argument that the text below a `%%nix` line is, and
    `programs(session, **arguments)`, the Commands that it starts: `%nix explain` shows them where a
    verb has no `--dry-run`.
    """

    def arguments(self, parser: Any) -> None:
        """Declare the verb's arguments on a `parser.Parser`."""

    def run(self, session: Any, **arguments: Any) -> object:
        """Do it, and return what is to be shown.

        Raises:
            NixError: it could not be done.
        """


def load(name: str) -> Verb:
    """The module of a verb.

    Raises:
        KeyError: there is no such verb.
    """
    if name not in VERBS:
        raise KeyError(name)
    return cast(Verb, import_module(f"{__name__}.{name}"))


def overview() -> str:
    """The verbs and their summaries, one a line."""
    width = max(map(len, VERBS))
    return "\n".join(f"%nix {name:<{width}}  {summary}" for name, summary in VERBS.items())

"""Arguments of a verb: argparse, whose every complaint is IPython's UsageError in one line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

from . import DEFAULT, VERBS, load, overview

HELP = ("-h", "--help")

_ASKED_BY_BUTTONS = """\
Where a notebook asks by buttons, the cell ends at once: cells below it run before anybody has
clicked. --yes does not ask, and with %config NixMagics.consent = "prompt" the cell waits."""

_LONGEST_NUMBER = 18
"""Digits; Python refuses to read numbers of more than 4300."""

_WIDTH = 90
"""Columns of a help text, the same in every frontend."""


class Parser(argparse.ArgumentParser):
    """The arguments of one verb. Options are written out in full, so that a runbook keeps its
    meaning when a verb learns another option."""

    def __init__(self, verb: str) -> None:
        super().__init__(
            prog=f"%nix {verb}",
            description=load(verb).__doc__ or VERBS[verb],
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=_WIDTH),
            add_help=False,
            allow_abbrev=False,
        )
        self.color = False  # Python 3.14 colours help; ours is shown in notebooks too.
        load(verb).arguments(self)
        if "--yes" in self.options():
            self.epilog = _ASKED_BY_BUTTONS
        self.add_argument(*HELP, action="store_true", help="show this text")

    def parse(self, tokens: Sequence[str]) -> dict[str, Any]:
        """The arguments by name.

        Raises:
            UsageError: wrong syntax; one line with the closest right spelling.
        """
        namespace, unknown = self.parse_known_args(list(tokens))
        if unknown:
            self.error(self._unknown(unknown[0]))
        arguments = vars(namespace)
        del arguments["help"]
        return arguments

    def error(self, message: str) -> NoReturn:
        usage_error(f"{self.prog}: {message.rstrip('.')}. Its help: {self.prog} -h")

    def options(self) -> dict[str, argparse.Action]:
        """Every option string with its action."""
        return {name: a for a in self._actions for name in a.option_strings}

    def positionals(self) -> list[argparse.Action]:
        """The actions of arguments without a name, in their order."""
        return [action for action in self._actions if not action.option_strings]

    def _unknown(self, token: str) -> str:
        if token.startswith("-") and token != "-":
            options = [name for name in self.options() if name.startswith("--")]
            return f"there is no option {token!r}{closest(token.split('=')[0], options)}"
        return f"{token!r} is one argument too many"


class OneOf:
    """The type of an argument that is one of a few words."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def __call__(self, text: str) -> str:
        if text in self.choices:
            return text
        raise argparse.ArgumentTypeError(f"there is no {text!r}{closest(text, self.choices)}")


def number(text: str) -> int:
    """The type of an argument that is a whole number from 1 up."""
    if text.isdecimal() and len(text) <= _LONGEST_NUMBER and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")


def add_profile(parser: Parser) -> None:
    """Declare `--profile`, as it is on every verb that has it."""
    parser.add_argument(
        "--profile",
        metavar="PROFILE",
        help="a profile by name or path; default: the system's, else your own",
    )


def add_bg(parser: Parser) -> None:
    """Declare `--bg`, as it is on every verb that may take long (see `jobs`)."""
    parser.add_argument(
        "--bg", action="store_true", help="go on beside the notebook; returns a job to await"
    )


def parse_line(tokens: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The verb of a line and its arguments; asking for help, in whatever way, is the verb help.

    Raises:
        UsageError: wrong syntax; one line with the closest right spelling.
    """
    verb, rest = (tokens[0], tokens[1:]) if tokens else (DEFAULT, ())
    if verb in HELP:
        return "help", {"verb": None}
    if verb.startswith("-"):
        verb, rest = DEFAULT, tokens
    check_verb(verb)
    options = rest[: rest.index("--")] if "--" in rest else rest
    if any(token in HELP for token in options):
        return "help", {"verb": verb}
    return verb, Parser(verb).parse(rest)


def check_verb(verb: str) -> None:
    """Raises: UsageError: there is no such verb."""
    if verb not in VERBS:
        usage_error(f"%nix: there is no verb {verb!r}{closest(verb, VERBS)}. Its help: %nix help")


def help_text(verb: str | None) -> str:
    """The help of one verb, or of them all."""
    if verb is not None:
        return Parser(verb).format_help()
    return f"{overview()}\n\n%nix VERB -h tells what a verb takes; %nix alone is %nix {DEFAULT}."


def closest(word: str, right: Iterable[str]) -> str:
    """The end of a sentence that says what was meant: the closest right spelling, else them all."""
    choices = list(right)
    begun = [choice for choice in choices if len(word) > 2 and choice.startswith(word)]
    found = begun or difflib.get_close_matches(word, choices, n=1)
    return f"; did you mean {found[0]}?" if found else f"; there is {', '.join(choices)}"


def usage_error(message: str) -> NoReturn:
    """Raise IPython's own UsageError, the only class that it shows without a traceback."""
    from IPython.core.error import UsageError

    raise UsageError(" ".join(message.replace("?.", "?").split()))

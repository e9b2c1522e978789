"""EVALUATE: the value of a Nix expression, or the store paths of what it describes.

The expression goes to Nix's stdin, so relative paths in it are below the current folder, and no
part of it is ever an argument.
"""

from __future__ import annotations

import json
import os

from ...errors import CommandFailed, NotFound, Refused
from ...records import Command, Message
from ...tools import commands
from ...tools.evaluation_errors import EvaluationError, Place, Trace, closest, excerpt, parse
from ..context import Context
from ..model import NixOperation, NixResult
from ..nix_run import run_nix
from ..validation import Options

OPTIONS: Options = {"expression": str, "build": bool}

_TRACES = 6
_WARNING = 1
_EXPLAINED = {
    "infinite recursion": "What is under the caret needs its own value to be computed.",
    "cannot convert a function": "Apply the function, or take an attribute of what it gives.",
}


def command(build: bool) -> Command:
    """What is run; the expression is its stdin."""
    if build:
        return Command(commands.build_expression(), "build what the expression describes")
    return Command(commands.evaluate_expression(), "evaluate the expression")


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `expression`; `build`: realise the derivations that it evaluates to.

    data: `value` (as JSON has it), or `paths` (tuple of store paths); `said` (tuple of str): what
    the expression traced and Nix warned of.
    """
    expression, build = operation.options.get("expression"), operation.options.get("build")
    if expression is None or not expression.strip():
        raise Refused("There is no expression.", "", ["%nix eval '1 + 1'"])
    if context.machine.simulated:
        raise NotFound(
            "There is no Nix here to evaluate it.",
            "This playground is one without Nix.",
            ["Install Nix, or stop the playground: %nix playground stop"],
        )
    said: list[str] = []

    def listen(message: Message) -> None:
        if message.level <= _WARNING and not message.text.startswith(("error:", "(")):
            said.append(message.text)

    try:
        done = await run_nix(
            context,
            command(bool(build)),
            stdin=expression,
            on_message=listen,
            on_retry=said.clear,
        )
    except CommandFailed as failed:
        raise _explained(failed, expression) or failed from None
    if not build:
        return NixResult(True, "evaluated", {"value": json.loads(done.stdout), "said": tuple(said)})
    paths = tuple(done.stdout.split())
    if not paths:
        raise NotFound(
            "The expression describes nothing to build.",
            "It is neither a derivation nor a set or list of derivations.",
            ["See what it is: %nix eval"],
        )
    return NixResult(True, f"built {', '.join(paths)}", {"paths": paths, "said": tuple(said)})


def _explained(failed: CommandFailed, expression: str) -> CommandFailed | None:
    """The error with its place in the expression; None where it is not one of the evaluation."""
    if failed.failed_builds:
        return None
    parsed = [parse(message.text) for message in failed.messages]
    error = next((found for found in parsed if found is not None), None)
    if error is None:
        return None
    todo = closest(error, expression)
    todo += [advice for words, advice in _EXPLAINED.items() if words in error.error.text]
    told = CommandFailed(
        f"The expression cannot be evaluated: {error.error.text}",
        "\n".join(_why(error, expression)),
        todo,
        argv=failed.argv,
        returncode=failed.returncode,
        stderr=failed.stderr,
    )
    told.messages = failed.messages
    return told


def _why(error: EvaluationError, expression: str) -> list[str]:
    place = error.error.place or next((t.place for t in error.traces if t.place), None)
    lines = []
    if place is not None:
        lines = [f"{_where(place)}:", *excerpt(_text(place, expression), place)]
    lines += [_trace(trace) for trace in error.traces[-_TRACES:]]
    return lines


def _trace(trace: Trace) -> str:
    where = f" ({_where(trace.place)})" if trace.place else ""
    return f"… {trace.text}{where}"


def _where(place: Place) -> str:
    what = "the expression" if place.source is None else place.source
    return f"line {place.line}, column {place.column} of {what}"


def _text(place: Place, expression: str) -> str:
    """What Nix read there; empty where it cannot be read."""
    if place.source is None:
        return expression
    try:
        with open(os.path.expanduser(place.source), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""

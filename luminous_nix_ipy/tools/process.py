"""Run one program: stream its output, cancel it, time it out. The only place that starts one.

Nothing is ever a shell's text: a program gets its arguments as a list, and its data on stdin or in
its environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from ..errors import CommandFailed
from ..machine import Machine
from .child import AsRoot, Child, OnLine, Sink
from .elevated import Elevated

_log = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds that a program has to end itself after SIGINT; with the rest, under 2.5 in all."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_TAIL_LINES = 12
_TAIL_COLUMNS = 500
"""Nix quotes the line that it does not understand, and what is no Nix may be one line."""
_KEPT_OF_CONVERSATION = 65_536
"""Bytes of a conversation's stderr that are remembered."""


class Completed(msgspec.Struct, frozen=True):
    """A program that ended."""

    argv: tuple[str, ...]
    returncode: int
    """The exit status; -N when signal N ended it."""
    stdout: str
    """Whole, or its last `keep` bytes; bytes that are not UTF-8 as `os.fsdecode` gives them, so
    that paths survive."""
    stderr: str
    """Whole, or its last `keep` bytes; bytes that are not UTF-8 replaced."""
    duration: float
    """Seconds."""


async def run(
    argv: Sequence[str],
    *,
    machine: Machine | None = None,
    env: Mapping[str, str] | None = None,
    elevated: Elevated | None = None,
    stdin: str | bytes | None = None,
    stdin_stays_open: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109 - on timeout the program must be ended first
    cwd: str | None = None,
    on_line: OnLine | None = None,
    check: bool = True,
    grace: float = GRACE,
    keep: int | None = None,
    stderr: Sink | None = None,
    stdout: Sink | None = None,
) -> Completed:
    """Run `argv` to its end.

    Args:
        machine: whose variables the program is told (`Machine.child_environment`).
        env: its whole environment instead; neither of the two means this process's own.
        elevated: runs it as root, for which its environment is not this one.
        stdin: what it reads, never logged; None means /dev/null, so nothing can wait for a user.
        stdin_stays_open: what it is given ends only when this process lets go of it: so it learns
            that it was ended, or that this process is gone.
        timeout: seconds, after which it is ended as by a cancel.
        on_line: called in this loop's thread with every line of both streams as it comes, bytes
            that are not UTF-8 replaced. When it raises, that is logged and it is called no more.
        check: an exit status other than 0 raises.
        grace: seconds between SIGINT and SIGTERM when it is ended.
        keep: remember only so many last bytes of each stream.
        stderr, stdout: reads that stream instead of `on_line`, and tells what of it is kept.

    Raises:
        CommandFailed: it could not be started, failed (`check`), or took longer than `timeout`.
        asyncio.CancelledError: the task was cancelled; the program and its group are gone by then.
            A cancel that comes again meanwhile hurries on to the next signal.
    """
    argv = tuple(argv)
    if elevated is not None:
        argv = elevated.argv(argv, stdin=stdin is not None)
    given = stdin.encode() if isinstance(stdin, str) else stdin
    environment = machine.child_environment() if env is None and machine is not None else env
    started = time.monotonic()
    child = Child(on_line, keep, stderr, stdout=stdout)
    await _start(argv, environment, given, cwd, child, elevated=elevated, talk=stdin_stays_open)
    try:
        in_time = await child.ended_within(timeout)
        if not in_time:
            await child.end(grace, _signaller(elevated))
    except asyncio.CancelledError:
        await child.end(grace, _signaller(elevated))
        _log.info("cancelled after %.3f s: %s", time.monotonic() - started, shlex.join(argv))
        raise
    finally:
        child.release()
    completed = Completed(
        argv=argv,
        returncode=child.returncode,
        stdout=os.fsdecode(child.output["stdout"].kept()),
        stderr=child.output["stderr"].kept().decode("utf-8", "replace"),
        duration=time.monotonic() - started,
    )
    _report(completed, in_time)
    if not in_time:
        raise _failure(completed, f"took longer than {timeout:g} s and was ended")
    if check and completed.returncode != 0:
        raise failure(completed)
    return completed


class Conversation:
    """A program that is talked to by lines, and that goes on when this process is gone.

    Nothing ends it but itself: it is for what must not be left half-way.
    """

    def __init__(self, argv: tuple[str, ...], on_line: OnSaid) -> None:
        self._argv = argv
        self._child = Child(partial(on_line, self), _KEPT_OF_CONVERSATION, None, forget_stdout=True)
        self._started = time.monotonic()

    def send(self, data: bytes) -> None:
        """Write to its stdin; what it no longer reads is lost."""
        self._child.write(data, last=False)

    def hang_up(self) -> None:
        """Close its stdin."""
        self._child.write(b"", last=True)

    async def ended(self, within: float | None = None) -> Completed | None:
        """Wait until it has ended; None after `within` seconds, while it goes on."""
        if not await self._child.ended_within(within):
            return None
        completed = Completed(
            argv=self._argv,
            returncode=self._child.returncode,
            stdout="",
            stderr=self._child.output["stderr"].kept().decode("utf-8", "replace"),
            duration=time.monotonic() - self._started,
        )
        self._child.release()
        _report(completed, True)
        return completed


OnSaid = Callable[[Conversation, str, str], None]
"""Called with "stdout" or "stderr" and one line without its end."""


async def converse(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: OnSaid,
    elevated: Elevated | None = None,
) -> Conversation:
    """Start a program and talk with it.

    Args:
        env: its whole environment.
        elevated: gave `argv`; what it reads on stdin is written first.
        on_line: as in `run`, and given the conversation: the first lines may come before this
            returns, and want an answer.

    Raises:
        CommandFailed: it could not be started.
    """
    talk = Conversation(tuple(argv), on_line)
    await _start(talk._argv, env, b"", None, talk._child, elevated=elevated, talk=True)
    return talk


def failure(completed: Completed) -> CommandFailed:
    """The error of a program that ended with another status than 0."""
    return _failure(completed, _ending(completed.returncode))


def plain(text: str) -> str:
    """Text without terminal escapes (ECMA-48 control sequences, OSC strings)."""
    return _ESCAPES.sub("", text)


async def _start(
    argv: tuple[str, ...],
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    cwd: str | None,
    child: Child,
    *,
    elevated: Elevated | None = None,
    talk: bool = False,
) -> None:
    if not argv:
        raise CommandFailed("No program was named.")
    _log.debug("starting: %s (in %s)", shlex.join(argv), cwd or os.getcwd())
    reads = stdin is not None or (elevated is not None and elevated.has_password)
    loop = asyncio.get_running_loop()
    start = loop.subprocess_exec(
        lambda: child,
        *argv,
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    starting = loop.create_task(start)
    cancelled = False
    while not starting.done():
        try:
            await asyncio.wait({starting})
        except asyncio.CancelledError:  # the half-started program must be had before it is ended
            cancelled = True
    try:
        starting.result()
    except (OSError, ValueError) as error:
        raise _not_started(argv, cwd, env, error) from None
    if cancelled:
        await child.end(0, _signaller(elevated))
        child.release()
        raise asyncio.CancelledError
    if elevated is not None and elevated.has_password:
        # Not kept in a variable, which a traceback would show.
        child.write(elevated.stdin_prefix, last=False)
    if reads:
        child.write(stdin or b"", last=not talk)


def _signaller(elevated: Elevated | None) -> AsRoot | None:
    """Hands a signal on to the program, where what elevates has another group."""
    if elevated is None:
        return None

    async def send(number: signal.Signals, group: int) -> None:
        name = number.name.removeprefix("SIG")
        argv = ("sh", "-c", 'kill -s "$1" -- "-$2"', "sh", name, str(group))
        with contextlib.suppress(CommandFailed):
            await run(argv, elevated=elevated, check=False, timeout=GRACE)

    return send


def _report(completed: Completed, in_time: bool) -> None:
    good = in_time and completed.returncode == 0
    _log.log(
        logging.INFO if good else logging.WARNING,
        "%s %s after %.3f s%s",
        shlex.join(completed.argv),
        "succeeded" if good else _ending(completed.returncode),
        completed.duration,
        "" if good else "\n" + _tail(completed.stderr),
    )


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"failed with exit status {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was ended by signal {-returncode}"


def _failure(completed: Completed, what: str) -> CommandFailed:
    return CommandFailed(
        f"{_shown(completed.argv)} {what}.",
        _tail(completed.stderr),
        argv=completed.argv,
        returncode=completed.returncode,
        stderr=completed.stderr,
    )


def _not_started(
    argv: tuple[str, ...], cwd: str | None, env: Mapping[str, str] | None, error: Exception
) -> CommandFailed:
    todo: list[str] = []
    if cwd is not None and not os.path.isdir(cwd):
        reason = f"The folder to run it in, {cwd}, is not there."
    elif isinstance(error, FileNotFoundError) and "/" not in argv[0]:
        path = (os.environ if env is None else env).get("PATH", "")
        reason = f"No program {argv[0]} is in the folders of PATH ({path})."
        todo = [f"Install the package that has {argv[0]}, or add its folder to PATH."]
    else:
        reason = f"{getattr(error, 'strerror', None) or error}."
    _log.warning("could not be started: %s: %s", shlex.join(argv), reason)
    return CommandFailed(f"{_shown(argv)} could not be started.", reason, todo, argv=argv)


def _tail(stderr: str) -> str:
    lines = [line.rstrip() for line in plain(stderr).splitlines() if line.strip()]
    return "\n".join(
        line if len(line) <= _TAIL_COLUMNS else f"{line[:_TAIL_COLUMNS]}…"
        for line in lines[-_TAIL_LINES:]
    )


def _shown(argv: tuple[str, ...]) -> str:
    text = shlex.join(argv)
    return f"`{text}`" if len(text) <= 120 else f"`{text[:117]}...`"

"""The supervisor of a change: a process of its own that carries out every step and, whatever
becomes of this one, ends in the new state or puts back the old one.

Its script, `supervisor.sh`, is constant; what it is to do comes in variables. Under systemd it is a
transient unit (systemd-run(1)), which outlives this kernel and the connection it was started over;
elsewhere a process in a session of its own. It is told and tells by lines that begin with a token.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Literal

import msgspec

from ..errors import CommandFailed, NixError
from ..machine import Machine
from ..records import Check, ProfileKind
from ..tools.elevated import Elevated
from ..tools.process import Conversation, converse
from ..tools.process import plain as without_escapes
from .journal import journal_line

_log = logging.getLogger(__name__)

_PREFIX = "LUMINOUS_CHANGE_"
_START = f'eval "${_PREFIX}script"'
"""systemd replaces `${NAME}` in a unit's arguments (systemd.service(5)), so the script, which has
such words, comes in a variable too."""
_STOP_SECONDS = 900
"""Seconds that systemd gives it to put everything back when its unit is stopped."""

Renew = Callable[[], Awaitable[None]]
Health = Callable[["Told", Renew], Awaitable[str | None]]
"""Looks whether all is well after the activation, calling `Renew` while it looks; the reason why
not, in one line."""


class Ran(msgspec.Struct, frozen=True):
    """One command that the supervisor ran."""

    step: str
    code: int
    number: int | None = None
    """Of the generation that was deleted."""


class Failure(msgspec.Struct, frozen=True):
    """Why a change did not come to its end."""

    step: str
    code: int
    """The exit code of what failed; 0 where no program did."""
    sentence: str


class Told(msgspec.Struct):
    """What the supervisor has told so far."""

    ran: list[Ran] = []
    said: dict[str, list[str]] = {}
    """What was printed, by step."""
    step: str = ""
    verified: list[Check] = []
    problems: list[str] = []
    """What could not be put back."""
    failed: Failure | None = None
    outcome: Literal["done", "failed", "failed, restored"] | None = None
    refused: str | None = None
    renumbered: str | None = None
    """The link that what was current before has now, since its own was deleted."""
    unwritten: bool = False
    """The outcome could not be journalled."""

    def output(self, step: str) -> str:
        """What the programs of one step printed, terminal escapes taken out."""
        return "\n".join(self.said.get(step, ()))


def private_folder(machine: Machine, kind: ProfileKind, change_id: str) -> str:
    """Where the supervisor of a change keeps what it must remember; nobody else reads it."""
    if kind == "system":
        return f"{machine.run_dir}/luminous-nix/{change_id}"
    return f"{machine.user_state_dir}/run/{change_id}"


def unit_name(change_id: str) -> str:
    """The transient unit of a change."""
    return f"luminous-nix-{change_id}.service"


def runs_as_unit(machine: Machine, kind: ProfileKind) -> bool:
    """Whether the supervisor of such a change is a unit of systemd (sd_booted(3))."""
    return (
        kind == "system"
        and machine.playground is None
        and os.path.isdir(f"{machine.run_dir}/systemd/system")
        and shutil.which("systemd-run") is not None
    )


def program(machine: Machine, name: str) -> str:
    """Where one of Nix's programs is. The folder is resolved, so that an activation that changes
    what PATH leads to does not change it; its own name is kept, since Nix goes by it.

    Raises:
        CommandFailed: there is none.
    """
    path = machine.child_environment().get("PATH", "")
    found = shutil.which(name, path=path)
    if found is None:
        raise CommandFailed(
            f"{name} is not there.",
            f"No program {name} is in the folders of PATH ({path}).",
            ["Nothing was changed. Install Nix, or add its folder to PATH."],
            argv=(name,),
        )
    return os.path.join(os.path.realpath(os.path.dirname(found)), name)


def command_line(
    machine: Machine,
    kind: ProfileKind,
    change_id: str,
    variables: Mapping[str, str],
    elevate: Callable[[tuple[str, ...]], tuple[str, ...]] | None,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """How the supervisor is started: argv and its whole environment.

    Args:
        elevate: puts before a command what gives it root's rights; None where it needs none.
    """
    own = {f"{_PREFIX}{name}": value for name, value in variables.items()}
    shell = (os.path.realpath("/bin/sh"), "-c", _START)
    environment = machine.child_environment()
    environment["PATH"] = _resolved(machine, environment.get("PATH", ""))
    argv: tuple[str, ...] = shell
    if runs_as_unit(machine, kind):
        passed = {**_kept(environment), **machine.env, **own}
        argv = (
            "systemd-run",
            f"--unit={unit_name(change_id)}",
            "--description=Change of a NixOS system (luminous_nix_ipy)",
            "--service-type=exec",
            f"--property=TimeoutStopSec={_STOP_SECONDS}",
            "--collect",
            "--no-ask-password",
            "--quiet",
            "--pipe",
            "--wait",
            *(f"--setenv={name}={value}" for name, value in passed.items()),
            "--",
            *shell,
        )
    elif elevate is not None:
        passed = {**_kept(environment), **machine.env, **own}
        argv = ("env", *(f"{name}={value}" for name, value in passed.items()), *shell)
    else:
        environment |= own
    return (argv if elevate is None else elevate(argv)), environment


def _kept(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this process's environment a system's activation keeps, as nixos-rebuild does."""
    names = ("PATH", "LOCALE_ARCHIVE", "NIXOS_NO_CHECK")
    return {name: environment[name] for name in names if name in environment}


def _resolved(machine: Machine, path: str) -> str:
    """A PATH whose folders stay the same when a system is switched; with the system's own at its
    end, since a kernel that was started from a Nix shell may know none of them."""
    folders = [*path.split(os.pathsep), f"{machine.current_system}/sw/bin", "/usr/bin", "/bin"]
    resolved = (os.path.realpath(folder) for folder in folders if os.path.isabs(folder))
    return os.pathsep.join(dict.fromkeys(folder for folder in resolved if os.path.isdir(folder)))


async def supervise(
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    token: str,
    *,
    elevated: Elevated | None = None,
    on_step: Callable[[str], None],
    on_line: Callable[[str], None],
    health: Health,
) -> Told:
    """Start a supervisor, confirm or reject what it has activated, and hear it to its end.

    Args:
        token: what its lines begin with, as in the variables.
        elevated: gave `argv`; None where root is not needed.
        on_step: called with the name of each step that it begins.
        on_line: called with each line that the programs print.

    Raises:
        CommandFailed: it could not be started.
        NixError: it ended without having begun. Nothing was changed.
    """
    told = Told()
    looking: set[asyncio.Task[None]] = set()

    async def look(talk: Conversation) -> None:
        async def renew() -> None:
            talk.send(f"{token} renew\n".encode())

        try:
            reason = await health(told, renew)
        except Exception as error:
            _log.exception("the health of the machine could not be looked at")
            reason = f"the checks themselves failed: {error}"
        if reason is None:
            talk.send(f"{token} confirm\n".encode())
        else:
            line = " ".join(reason.split())
            talk.send(f"{token} reject {line}\n".encode("utf-8", "replace"))

    def hear(talk: Conversation, stream: str, line: str) -> None:
        if stream == "stderr" or not line.startswith(f"{token} "):
            line = without_escapes(line).rstrip()
            if line:
                told.said.setdefault(told.step, []).append(line)
                on_line(line)
            return
        word, _, rest = line[len(token) + 1 :].partition(" ")
        _log.info("supervisor: %s %s", word, rest)
        if word == "waiting":
            looking.add(asyncio.create_task(look(talk)))
        elif word == "step":
            told.step = rest
            on_step(rest)
        else:
            _note(told, word, rest)
        if word in ("outcome", "refused"):
            talk.hang_up()

    talk = await converse(argv, env=environment, on_line=hear, elevated=elevated)
    done = await talk.ended()
    for task in looking:
        task.cancel()
    if told.outcome is None and told.refused is None and not told.step:
        stderr = "" if done is None else done.stderr.strip()
        raise NixError(
            "The change was not begun: its supervisor did not start.",
            stderr or "It said nothing.",
            ["Nothing was changed. See the log file for the command."],
        )
    return told


def _note(told: Told, word: str, rest: str) -> None:
    """Take down one thing that the supervisor told."""
    match word:
        case "ran":
            step, code, *number = rest.split(" ")
            told.ran.append(Ran(step, int(code), int(number[0]) if number else None))
        case "verified":
            name, verdict, *what = rest.split(" ", 2)
            told.verified.append(_verified(name, verdict == "ok", what[0] if what else ""))
        case "problem":
            told.problems.append(rest)
        case "failed":
            step, code, sentence = rest.split(" ", 2)
            told.failed = Failure(step, int(code), sentence.strip())
        case "renumbered":
            told.renumbered = rest
        case "unwritten":
            told.unwritten = True
        case "refused":
            told.refused = rest
        case "outcome":
            told.outcome = msgspec.convert(rest, Literal["done", "failed", "failed, restored"])


def _verified(name: str, good: bool, what: str) -> Check:
    if not good:
        return Check("boot entry", "unknown", "what the boot loader starts cannot be told.")
    match name:
        case "profile":
            return Check("profile", "ok", f"it leads to {what}.")
        case "running":
            return Check("running system", "ok", f"{what} runs.")
        case _:
            return Check("boot entry", "ok", f"the boot loader starts {what}.")


def new_token() -> str:
    """A token for one change."""
    return secrets.token_hex(16)


def script() -> str:
    """The supervisor's script."""
    own = (files(__package__) / "supervisor.sh").read_text(encoding="utf-8")
    return journal_line() + own


def seconds(value: float) -> str:
    """A duration for the script, which counts whole seconds."""
    return str(math.ceil(value))

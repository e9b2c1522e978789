"""Finding how root can be had: sudo, doas or run0, in the order of the setting `elevation`.

What needs no password goes first. A password is asked for by a view, and only for sudo: doas and
run0 read one from a terminal or an agent (doas(1), run0(1)), which a notebook does not have.
"""

from __future__ import annotations

import os
import shutil

from .. import settings
from ..errors import CommandFailed, Refused
from ..machine import Machine
from .elevated import Elevated, Password, Program
from .process import Completed, run

_PATIENCE = 30.0
"""Seconds: a wrong password is answered after some, and a directory service may be slow."""
_WRONG = ("try again", "incorrect password", "no password was provided")
"""What sudo says, in English, of a password that is wrong (sudo, plugins/sudoers)."""


class PasswordNeeded(Refused):
    """Only sudo can be had, it asks for a password, and none was given."""


class WrongPassword(Refused):
    """sudo does not take the password."""


def wanted() -> tuple[Program, ...]:
    """The programs that the setting names, the most wanted first."""
    order: tuple[Program, ...] = settings.get("elevation")
    return order


def installed(machine: Machine) -> dict[Program, str]:
    """Those of them that are on the machine, and where. Looks at files only."""
    # The sudo of NixOS that can elevate is here, and another one may come first in PATH.
    wrappers = f"{machine.run_dir}/wrappers/bin"
    folders = os.pathsep.join([wrappers, machine.child_environment().get("PATH", os.defpath)])
    found = {name: shutil.which(name, path=folders) for name in wanted()}
    return {name: path for name, path in found.items() if path is not None}


def describe(machine: Machine) -> str:
    """How root would be had, as far as files tell."""
    if os.geteuid() == 0:
        return "root"
    there = list(installed(machine))
    return f"through {listed(there)} (not tried)" if there else f"none: {why_none()}"


def listed(names: list[Program]) -> str:
    """Names, as in "sudo, doas or run0"."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def why_none() -> str:
    """Why there is no way, as the rest of a sentence."""
    names = list(wanted())
    if not names:
        return "the setting elevation is none"
    if len(names) == 1:
        return f"{names[0]} is not installed"
    return f"none of {', '.join(names)} is installed"


async def elevate(machine: Machine, password: Password | None = None) -> Elevated:
    """Find how root is had now.

    Args:
        password: for sudo, which is asked whether it is right; None tries what asks for none.

    Raises:
        PasswordNeeded: only sudo is left, and it asks for one.
        WrongPassword: sudo does not take it.
        Refused: root cannot be had; says why and what to do.
    """
    if os.geteuid() == 0:
        return Elevated(machine, "root")
    there = installed(machine)
    if not there:
        raise _refused(why_none())
    if password is not None and "sudo" in there:
        return await _checked(Elevated(machine, "sudo", there["sudo"], password))
    for name, path in there.items():
        elevated = Elevated(machine, name, path)
        if await _works(elevated):
            return elevated
    if "sudo" not in there:
        raise _refused(
            f"{listed(list(there))} would ask for a password, or does not let you: from here only "
            "sudo can be given one"
        )
    raise PasswordNeeded(
        "Root is needed. Nothing was changed.",
        "sudo asks for a password, and nobody can be asked for it here.",
        [
            "Run it with %nix in a notebook or a terminal, which can ask you.",
            "Or let sudo ask for none: a rule with NOPASSWD (sudoers(5)).",
            "Or run the notebook as root.",
        ],
    )


async def _works(elevated: Elevated) -> bool:
    """Whether it gives root without a password."""
    argv = elevated.argv(("true",))
    if elevated.program == "sudo":
        argv = (argv[0], "-k", *argv[1:])  # what it remembers may be forgotten half-way
    try:
        done = await run(argv, env=_english(), check=False, timeout=_PATIENCE)
    except CommandFailed:
        return False
    return done.returncode == 0


async def _checked(elevated: Elevated) -> Elevated:
    """What is handed in, once sudo has taken its password.

    Raises:
        WrongPassword, Refused: as of `elevate`.
    """
    done = await run(("true",), elevated=elevated, env=_english(), check=False, timeout=_PATIENCE)
    if done.returncode == 0:
        return elevated
    said = done.stderr.lower()
    if any(words in said for words in _WRONG):
        raise WrongPassword("sudo does not take that password. Nothing was changed.")
    raise _refused(f"sudo says: {_last_line(done).rstrip('.')}")


def _refused(why: str) -> Refused:
    """Args: why: the reason, as a sentence without its end."""
    return Refused(
        "Root is needed and cannot be had. Nothing was changed.",
        f"{why}.",
        [
            "Run the notebook as root, or let sudo, doas or run0 elevate you.",
            "Which are tried, and in which order: %config NixMagics.elevation",
        ],
    )


def _english() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _last_line(done: Completed) -> str:
    told = (line.partition("This incident")[0].strip() for line in done.stderr.splitlines())
    lines = [line for line in told if line]
    return lines[-1] if lines else f"nothing; it ended with {done.returncode}"

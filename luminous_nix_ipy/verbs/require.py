"""Require something of the machine: where it is not so, the cell fails and the notebook stops.

Several may stand in a line; each is looked at and told. What cannot be told is not met either.
A command is run without a shell and must end with 0 within a minute. The age of the channel is that
of `nixos` or `nixpkgs`, as %nix inputs shows it: of a channel since it was fetched, of a flake's
input since its last change.

Examples:
  %nix require --free 5G --no-failed-units --not-rebooting
  %nix require --host web1 --current 41 --generation 40
  %nix require --channel-age 30d --nix-version '>=2.18'
  %nix require --free 200M --on /boot --command "ping -c 1 10.0.0.1"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .parser import Parser, number
from .session import Session

if TYPE_CHECKING:
    from ..records import Command
    from ..widgets.runbook import RequireView

Numbers = int | Sequence[int] | None
Texts = str | Sequence[str] | None


def arguments(parser: Parser) -> None:
    parser.add_argument("--free", metavar="SIZE", help="so much free space, such as 5G")
    parser.add_argument("--on", metavar="PATH", help="for --free: where (the store)")
    parser.add_argument(
        "--generation", metavar="N", type=number, action="append", help="it is there; repeatable"
    )
    parser.add_argument("--current", metavar="N", type=number, help="this generation is current")
    parser.add_argument(
        "--no-failed-units", action="store_true", help="no unit of systemd has failed"
    )
    parser.add_argument(
        "--not-rebooting", action="store_true", help="no reboot is scheduled or under way"
    )
    parser.add_argument(
        "--channel-age", metavar="DAYS", help="the channel is at most so old, such as 30d"
    )
    parser.add_argument("--host", metavar="NAME", help="this is the machine of that name")
    parser.add_argument("--nix-version", metavar="VERSION", help="such as '>=2.18'")
    parser.add_argument(
        "--command", metavar="CMD", action="append", help="it succeeds (quoted); repeatable"
    )


def run(
    session: Session,
    *,
    free: str | int | None = None,
    on: str | None = None,
    generation: Numbers = None,
    current: int | None = None,
    no_failed_units: bool = False,
    not_rebooting: bool = False,
    channel_age: str | None = None,
    host: str | None = None,
    nix_version: str | None = None,
    command: Texts = None,
) -> RequireView:
    from ..backend.model import OperationType
    from ..errors import RequirementFailed
    from ..widgets.runbook import RequireView
    from . import recording

    try:
        checks = session.execute(
            OperationType.REQUIRE,
            free=free,
            on=on,
            generation=generation,
            current=current,
            no_failed_units=no_failed_units,
            not_rebooting=not_rebooting,
            channel_age=channel_age,
            host=host,
            nix_version=nix_version,
            command=command,
        )["checks"]
    except RequirementFailed as failure:
        recording.see(failure.checks, "requirement")
        raise
    recording.see(checks, "requirement")
    return RequireView(checks)


def programs(session: Session, *, command: Texts = None, **others: object) -> list[Command]:
    """What it runs, for `%nix explain`."""
    import shlex

    from ..records import Command
    from ..tools import systemd

    lines = [command] if isinstance(command, str) else list(command or ())
    found = [Command(tuple(shlex.split(line)), "look whether it succeeds") for line in lines]
    if systemd.runs(session.machine) and others.get("no_failed_units"):
        found.insert(0, Command(("systemctl", "list-units"), "see which units have failed"))
    if systemd.runs(session.machine) and others.get("not_rebooting"):
        found.insert(0, Command(("systemctl", "is-system-running"), "see whether it goes down"))
    if others.get("nix_version"):
        found.insert(0, Command(("nix", "--version"), "see which Nix it is"))
    return found

"""Bring the flake's inputs, or root's channels, to their newest, then switch to what they build.

Before and after are shown with their ages; then the plan of the switch is shown and you are asked,
as by %nix switch. The inputs stay updated when you do not agree to the switch. --dry-run shows what
there is now; --inputs-only does not switch.

Examples:
  %nix update
  %nix update nixpkgs --commit
  %nix update --channels --inputs-only --yes
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from .parser import Parser, add_bg
from .rebuilding import add_build_host
from .safety import Safety, add_safety
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..jobs import Job
    from ..records import Command
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    parser.add_argument("inputs", metavar="INPUT", nargs="*", default=[], help="only these")
    parser.add_argument("--flake", metavar="REF#HOST", help="another flake than /etc/nixos")
    add_build_host(parser)
    parser.add_argument("--channels", action="store_true", help="root's channels")
    parser.add_argument("--commit", action="store_true", help="let Nix commit flake.lock")
    parser.add_argument("--inputs-only", action="store_true", help="do not switch")
    parser.add_argument("--dry-run", action="store_true", help="show what there is, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)
    add_safety(parser)


def run(
    session: Session,
    *,
    inputs: str | Sequence[str] = (),
    flake: str | None = None,
    build_host: str | None = None,
    channels: bool = False,
    commit: bool = False,
    inputs_only: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
    **safety: Unpack[Safety],
) -> (
    NixFrame
    | BuildView
    | PlanView
    | ReportView
    | Proposal
    | Job[NixFrame | BuildView | PlanView | ReportView]
):
    from IPython.display import display

    from .. import frames
    from ..backend.model import NixOperation, OperationType
    from .change import agreed_beforehand, line_of
    from .consent import ask
    from .rebuilding import activate, shown

    names = [inputs] if isinstance(inputs, str) else list(inputs)
    options = {
        "flake": flake,
        "build_host": build_host,
        "channels": channels,
        "commit": commit,
        "inputs_only": inputs_only or not bg,
        **safety,
    }
    operation = NixOperation(OperationType.UPDATE, names, dry_run=dry_run, options=options)
    if bg:
        agreed_beforehand("update", yes or dry_run)
        return session.background(
            operation,
            lambda data: (
                shown(session, data) if "plan" in data else frames.updates(data["changes"])
            ),
        )
    if not yes and not dry_run:
        what = ", ".join(names) or ("all channels" if channels else "all inputs")
        place = "the PLAYGROUND" if session.machine.playground else session.host
        typed = {**options, "inputs_only": inputs_only}
        line = shlex.join([*line_of("update", typed), *names])
        ask(f"Update {what} on {place}?", session.shell, f"%nix {line} --yes")
    data = session.perform(operation)
    if dry_run:
        return session.labelled(frames.inputs(data["inputs"]))
    frame = session.labelled(frames.updates(data["changes"]))
    if inputs_only:
        return frame
    display(frame)  # type: ignore[no-untyped-call]
    switch = NixOperation(
        OperationType.SWITCH, options={"flake": flake, "build_host": build_host, **safety}
    )
    return activate(session, switch, yes=yes)


def programs(
    session: Session,
    *,
    inputs: str | Sequence[str] = (),
    flake: str | None = None,
    channels: bool = False,
    commit: bool = False,
    **others: object,
) -> list[Command]:
    """What it runs before it switches, for `%nix explain`."""
    from ..backend.model import NixOperation, OperationType

    names = [inputs] if isinstance(inputs, str) else list(inputs)
    options = {"flake": flake, "channels": channels, "commit": commit}
    operation = NixOperation(OperationType.UPDATE, names, dry_run=True, options=options)
    return list(session.perform(operation)["commands"])

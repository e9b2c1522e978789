"""What the verbs that build a configuration have in common: arguments, and plan, ask, do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from ..backend.model import NixOperation, OperationType
from .change import agree, agreed_beforehand, line_of
from .consent import can_answer
from .parser import Parser, add_bg
from .safety import Safety, add_safety
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.building import BuildView
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView

Pairs = Sequence[tuple[str, str]] | Sequence[list[str]] | None
"""Pairs of texts, as `--option NAME VALUE` and `--override-input NAME REF` give them."""


class Configuration(TypedDict):
    """What `add_configuration` declares."""

    flake: str | None
    file: str | None
    attr: str | None
    impure: bool
    override_input: Pairs
    option: Pairs
    show_trace: bool
    max_jobs: int | str | None
    build_host: str | None
    dry_run: bool
    bg: bool


class Rebuild(Configuration, Safety):
    """What `add_rebuild` declares."""

    specialisation: str | None
    install_bootloader: bool
    yes: bool


def add_configuration(parser: Parser) -> None:
    """Declare which configuration is meant and how it is built."""
    parser.add_argument(
        "--flake", metavar="REF#HOST", help="a flake, and its machine (this host's name)"
    )
    parser.add_argument("--file", metavar="FILE", help="a Nix file or folder instead of a flake")
    parser.add_argument("--attr", metavar="ATTR", help="the attribute of the system in that file")
    parser.add_argument("--impure", action="store_true", help="let a flake read its surroundings")
    for option, name, words in (
        ("--override-input", "REF", "another source for a flake's input"),
        ("--option", "VALUE", "a setting of Nix for this build"),
    ):
        parser.add_argument(
            option, nargs=2, action="append", metavar=("NAME", name), default=None, help=words
        )
    parser.add_argument("--show-trace", action="store_true", help="where an error comes from")
    parser.add_argument("--max-jobs", metavar="N", help="builds at the same time, or auto")
    add_build_host(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be done, activate nothing"
    )
    add_bg(parser)


def add_build_host(parser: Parser) -> None:
    """Declare which machine builds."""
    parser.add_argument(
        "--build-host", metavar="HOST", help="the machine that builds it, over ssh: [USER@]HOST"
    )


def add_rebuild(parser: Parser) -> None:
    """Declare what the verbs that build and activate a system take."""
    add_configuration(parser)
    add_specialisation(parser)
    parser.add_argument(
        "--install-bootloader", action="store_true", help="install the boot loader itself too"
    )
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_safety(parser)


def add_specialisation(parser: Parser) -> None:
    """Declare which specialisation of a system is to run; "" is the system itself."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--specialisation", metavar="NAME", help="the specialisation to run; default: as now"
    )
    which.add_argument(
        "--no-specialisation",
        dest="specialisation",
        action="store_const",
        const="",
        help="run the system itself, none of its specialisations",
    )


def options_of(arguments: Configuration | Rebuild) -> dict[str, Any]:
    """Of what was declared, the operation's own options."""
    return {name: value for name, value in arguments.items() if name not in _HOW}


_HOW = ("yes", "dry_run", "bg")


def rebuild(
    session: Session,
    kind: OperationType,
    **arguments: Unpack[Rebuild],
) -> BuildView | PlanView | ReportView | Proposal | Job[BuildView | PlanView | ReportView]:
    """Build a configuration; show the plan, ask, and carry it out.

    Args:
        kind: SWITCH, BOOT or TEST.
        arguments: what `add_rebuild` declares.

    Raises:
        NixError: there is none, it cannot be built, it is refused, nobody agreed, or it failed.
    """
    yes, dry_run = arguments["yes"], arguments["dry_run"]
    operation = NixOperation(kind, dry_run=dry_run, options=options_of(arguments))
    if arguments["bg"]:
        agreed_beforehand(kind.value, yes or dry_run)
        return session.background(operation, lambda data: shown(session, data))
    if dry_run:
        return shown(session, session.perform(operation))
    return activate(session, operation, yes=yes)


def activate(
    session: Session, operation: NixOperation, *, yes: bool
) -> PlanView | ReportView | Proposal:
    """Build; show the plan, ask, and carry it out. A switch that what runs does not allow is
    offered as what the next boot starts.

    Raises:
        NixError: as of `rebuild`.
    """
    from IPython.display import display

    from ..backend.checks_system import NEED_A_BOOT
    from ..widgets.show import PlanView

    plan = session.plan(operation)
    red = {check.name for check in plan.refused}
    blocked = bool(red) and red <= NEED_A_BOOT
    offered = operation.type is OperationType.SWITCH and not yes and can_answer(session.shell)
    if blocked and offered:
        display(PlanView(plan))  # type: ignore[no-untyped-call]
        options = {**operation.options, "specialisation": None}
        operation = NixOperation(OperationType.BOOT, options=options)
        plan = session.plan(operation)
    line = shlex.join(line_of(operation.type.value, operation.options))
    result: PlanView | ReportView | Proposal = agree(session, operation, plan, yes=yes, line=line)
    return result


def shown(session: Session, data: dict[str, Any]) -> BuildView | PlanView | ReportView:
    """What is shown of the data of an operation that builds."""
    from ..widgets.building import BuildView
    from ..widgets.show import PlanView, ReportView

    if "report" in data:
        return ReportView(data["report"])
    if "plan" in data:
        return PlanView(data["plan"])
    return BuildView(data["build"], session.machine.playground is not None)

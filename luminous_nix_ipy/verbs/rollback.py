"""Make an earlier generation the current one, and what it holds the running system.

The plan is shown first: the packages, units and commands of the change, whether it needs a reboot,
and what was checked. Then you are asked. Without N it is the previous generation: the greatest
number below the current one.

--to takes a date (2026-03-01, "2026-03-01 18:30"; a day means its end), a phrase (yesterday,
3 days ago, last week), or words of a version, kernel, description or note.

A specialisation that runs now goes on where the generation has one of the same name; the next boot
starts the generation itself, with its specialisations beside it in the menu.

What was current before is kept from the garbage collector; %nix undo puts it back.

If a step fails, or afterwards a unit has newly failed or something expected does not hold, exactly
what was there before is put back. What is expected of every change is in the settings expect,
expect_url and expect_unit (%config NixMagics).

Examples:
  %nix rollback
  %nix rollback 41 --dry-run
  %nix rollback --to yesterday
  %nix rollback --to 6.6.30 --yes
  %nix rollback 41 --expect-unit nginx --expect-url http://localhost/health --settle 30s
  %nix rollback 41 --expect "ping -c 1 10.0.0.1"
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Unpack

from .parser import Parser, add_bg, add_profile, number
from .rebuilding import add_specialisation
from .safety import Safety, add_safety
from .session import Session

if TYPE_CHECKING:
    from ..backend.model import Mode
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.show import PlanView, ReportView


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "generation", metavar="N", nargs="?", type=_number, help="number of the generation"
    )
    parser.add_argument(
        "--to", metavar="WHEN", nargs="+", help="a date, a phrase for one, or words (see above)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    add_bg(parser)
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--boot", dest="mode", action="store_const", const="boot", help="from the next boot on only"
    )
    when.add_argument(
        "--test", dest="mode", action="store_const", const="test", help="until the next boot only"
    )
    parser.set_defaults(mode="switch")
    add_specialisation(parser)
    add_profile(parser)
    add_safety(parser)


def run(
    session: Session,
    *,
    generation: int | None = None,
    to: str | list[str] | None = None,
    dry_run: bool = False,
    yes: bool = False,
    bg: bool = False,
    mode: Mode = "switch",
    specialisation: str | None = None,
    profile: str | None = None,
    **safety: Unpack[Safety],
) -> PlanView | ReportView | Proposal | Job[PlanView | ReportView]:
    from ..backend.model import NixOperation, OperationType
    from .change import change

    words = " ".join(to) if isinstance(to, list) else to
    operation = NixOperation(
        type=OperationType.ROLLBACK,
        options={
            "generation": generation,
            "description": words,
            "mode": mode,
            "specialisation": specialisation,
            "profile": profile,
            **safety,
        },
    )
    return change(session, operation, yes=yes, dry_run=dry_run, bg=bg)


def _number(text: str) -> int:
    try:
        return number(text)
    except ArgumentTypeError as error:
        what = f"{error}; a date or words follow --to, as in --to {text}"
        raise ArgumentTypeError(what) from None

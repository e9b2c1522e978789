"""Repair what is broken, through Nix.

What is found and the commands that mend it are shown first, then you are asked. With paths, these
store paths alone are compared with their hashes, and those that are broken are fetched or built
anew; without, whatever %nix doctor finds broken is repaired, with --check contents of the store
too, which takes long. Configurations are never written, and what Nix cannot repair is told.

Examples:
  %nix repair --dry-run
  %nix repair --check --yes
  %nix repair --check --yes --bg
  %nix repair ./result
  %nix repair --dry-run --json
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .parser import Parser, add_bg
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.repairing import RepairPlanView, RepairReportView
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a store path or a link to one")
    parser.add_argument("--check", action="store_true", help="compare all paths with their hashes")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="agree beforehand")
    parser.add_argument("--json", action="store_true", help="the plan or the report as JSON")
    add_bg(parser)


def run(
    session: Session,
    *,
    paths: str | Sequence[str] = (),
    check: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    bg: bool = False,
) -> (
    RepairPlanView
    | RepairReportView
    | Proposal
    | Text
    | Job[RepairPlanView | RepairReportView | Text]
):
    from ..backend.model import NixOperation, OperationType
    from .change import agree, agreed_beforehand

    named = [paths] if isinstance(paths, str) else list(paths)
    operation = NixOperation(
        type=OperationType.REPAIR, dry_run=dry_run, options={"paths": named, "check": check}
    )

    def show(data: dict[str, Any]) -> RepairPlanView | RepairReportView | Text:
        from ..widgets.repairing import RepairPlanView, RepairReportView
        from .as_json import as_json

        report = data.get("report")
        if json:
            return as_json(data["plan"] if report is None else report)
        return RepairPlanView(data["plan"]) if report is None else RepairReportView(report)

    if bg:
        agreed_beforehand("repair", yes or dry_run)
        return session.background(operation, show)
    if dry_run:
        return show(session.perform(operation))
    plan = session.plan(operation)
    if plan.nothing_to_do:
        return show({"plan": plan})
    line = shlex.join(["repair", *named, *(["--check"] if check else [])])
    came = agree(session, operation, plan, yes=yes, line=line, waits=json)
    if json:
        return show({"plan": plan, "report": came.report})
    result: RepairReportView | Proposal = came
    return result

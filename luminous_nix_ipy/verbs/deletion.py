"""What every deletion has in common: plan, show, ask, do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backend.model import NixOperation
from .change import agree, agreed_beforehand
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView
    from ..widgets.proposal import Proposal


def delete(
    session: Session,
    operation: NixOperation,
    line: str,
    *,
    yes: bool,
    dry_run: bool,
    bg: bool = False,
) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
    """Show what would be deleted, ask, and delete it; with `bg` all of it beside the notebook.

    Args:
        line: what was asked for, as it is written after `%nix`.

    Returns:
        The plan where nothing is to be done or `dry_run` asked for it, else the report; where
        buttons ask a Proposal, with `bg` a job of them.

    Raises:
        NixError: it is refused, nobody agreed, or it failed.
    """
    from ..widgets.collecting import CollectPlanView

    if bg:
        agreed_beforehand(line.split()[0], yes or dry_run)
        return session.background(replace(operation, dry_run=dry_run), _shown)
    if dry_run:
        data = session.execute(operation.type, dry_run=True, **operation.options)
        return CollectPlanView(data["plan"])
    result: CollectPlanView | CollectReportView | Proposal = agree(
        session, operation, session.plan(operation), yes=yes, line=line
    )
    return result


def _shown(data: dict[str, Any]) -> CollectPlanView | CollectReportView:
    from ..widgets.collecting import CollectPlanView, CollectReportView

    if "report" in data:
        return CollectReportView(data["report"])
    return CollectPlanView(data["plan"])

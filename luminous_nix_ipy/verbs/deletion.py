"""What every deletion has in common: plan, show, ask, do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backend.collect_model import CollectPlan
from ..backend.model import NixOperation
from .change import agreed_beforehand
from .consent import ask
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView


def delete(
    session: Session,
    operation: NixOperation,
    line: str,
    *,
    yes: bool,
    dry_run: bool,
    bg: bool = False,
) -> CollectPlanView | CollectReportView | Job[CollectPlanView | CollectReportView]:
    """Show what would be deleted, ask, and delete it; with `bg` all of it beside the notebook.

    Args:
        line: what was asked for, as it is written after `%nix`.

    Returns:
        The plan where nothing is to be done or `dry_run` asked for it, else the report; with `bg` a
        job of them.

    Raises:
        NixError: it is refused, nobody agreed, or it failed.
    """
    from ..widgets.collecting import CollectPlanView, CollectReportView

    if bg:
        agreed_beforehand(line.split()[0], yes or dry_run)
        return session.background(replace(operation, dry_run=dry_run), _shown)
    if dry_run:
        data = session.execute(operation.type, dry_run=True, **operation.options)
        return CollectPlanView(data["plan"])
    plan: CollectPlan = session.plan(operation)
    if plan.nothing_to_do:
        return CollectPlanView(plan)
    from IPython.display import display

    display(CollectPlanView(plan))  # type: ignore[no-untyped-call]
    # There is nothing to agree to where a check is red: executing it refuses it, and counts that.
    if not yes and not plan.refused:
        ask(_question(plan, session.host), session.shell, f"%nix {line} --yes")
    return CollectReportView(session.carry_out(operation, plan))


def _shown(data: dict[str, Any]) -> CollectPlanView | CollectReportView:
    from ..widgets.collecting import CollectPlanView, CollectReportView

    if "report" in data:
        return CollectReportView(data["report"])
    return CollectPlanView(data["plan"])


def _question(plan: CollectPlan, host: str) -> str:
    from .. import wording

    where = "the PLAYGROUND" if plan.playground else host
    parts = []
    if plan.going:
        parts.append(wording.plural(len(plan.going), "generation"))
    if plan.operation == "collect":
        garbage = plan.garbage
        parts.append(
            "all that nothing keeps"
            if garbage is None
            else f"{wording.plural(len(garbage.paths) + len(garbage.strangers), 'path')} "
            f"({wording.size(garbage.bytes)})"
        )
    if plan.operation == "optimise":
        return f"Optimise the store of {where}?"
    return f"Delete {' and '.join(parts)} on {where}?"

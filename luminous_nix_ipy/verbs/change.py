"""What every change has in common: plan, show, ask, do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backend.model import NixOperation, Plan
from .consent import ask, by_button
from .parser import usage_error
from .session import Session

if TYPE_CHECKING:
    from ..jobs import Job
    from ..widgets.proposal import Proposal
    from ..widgets.questions import AnyPlan
    from ..widgets.show import PlanView, ReportView


def change(
    session: Session, operation: NixOperation, *, yes: bool, dry_run: bool, bg: bool = False
) -> PlanView | ReportView | Proposal | Job[PlanView | ReportView]:
    """Show the plan of a change, ask, and carry it out; with `bg` all of it beside the notebook.

    Returns:
        The plan where nothing is to be done or `dry_run` asked for it, else the report; where
        buttons ask a Proposal, with `bg` a job of them.

    Raises:
        NixError: there is no such change, it is refused, nobody agreed, or it failed.
    """
    from ..widgets.show import PlanView

    if bg:
        agreed_beforehand(operation.type.value, yes or dry_run)
        return session.background(replace(operation, dry_run=dry_run), _shown)
    if dry_run:
        return PlanView(session.perform(replace(operation, dry_run=True))["plan"])
    plan = session.plan(operation)
    result: PlanView | ReportView | Proposal = agree(
        session, operation, plan, yes=yes, line=_typed(operation, plan)
    )
    return result


def agree(
    session: Session,
    operation: NixOperation,
    plan: AnyPlan,
    *,
    yes: bool,
    line: str,
    waits: bool = False,
) -> Any:
    """Show a plan, ask, and carry it out.

    Args:
        plan: of a change, a deletion, a repair or a recovery.
        line: what was typed, to say how it is agreed to beforehand.
        waits: the verb needs the report now, so that no buttons ask.

    Returns:
        The report's view; the plan's where nothing is to be done; a Proposal where buttons ask.

    Raises:
        NixError: it is refused, nobody agreed, or it failed.
    """
    from IPython.display import display

    from ..widgets.proposal import Proposal
    from ..widgets.questions import question
    from ..widgets.views import plan_view, report_view

    shown = plan_view(plan)
    if getattr(plan, "nothing_to_do", False):
        return shown
    # There is nothing to agree to where a check is red: executing it refuses it, and counts that.
    asked = not yes and not plan.refused
    if asked and not waits and by_button(session, plan):
        proposal = Proposal(session.backend, operation, plan)
        display(proposal)  # type: ignore[no-untyped-call]
        return proposal
    display(shown)  # type: ignore[no-untyped-call]
    if asked:
        ask(question(plan), session.shell, f"%nix {line} --yes")
    return report_view(session.carry_out(operation, plan))


def line_of(verb: str, options: Mapping[str, Any]) -> list[str]:
    """The verb and its options, as they are typed; each of several has the option before it."""
    words = [verb]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if name == "restore":
            words += ["--no-restore"] if value is False else []
        elif value is True:
            words.append(option)
        elif isinstance(value, (list, tuple)):
            for item in value:
                words += _given(option, item) if isinstance(item, str) else [option, *item]
        elif value is not None and value is not False:
            words += _given(option, str(value))
    return words


def _given(option: str, value: str) -> list[str]:
    # After a blank, what starts with a dash would be an option.
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def agreed_beforehand(what: str, agreed: bool) -> None:
    """Raises: UsageError: a change that asks nobody, in the background, was not agreed to."""
    if not agreed:
        usage_error(f"%nix {what} --bg asks nobody, so it needs --yes (or --dry-run) beside it")


def _shown(data: dict[str, Any]) -> PlanView | ReportView:
    from ..widgets.show import PlanView, ReportView

    return ReportView(data["report"]) if "report" in data else PlanView(data["plan"])


def _typed(operation: NixOperation, plan: Plan) -> str:
    """What was typed; a rollback with the number that its words meant."""
    from ..backend.safety import SAFETY

    given = operation.options
    words = [operation.type.value, *operation.packages]
    named = [name for name in SAFETY if name in given]
    if plan.operation == "rollback":
        words.append(str(plan.target.number))
        words += [f"--{plan.mode}"] if plan.mode != "switch" else []
        named = ["specialisation", "profile", *named]
    elif plan.packages:
        named = ["priority", "profile", *named]
    elif given.get("id") is not None:
        words.append(given["id"])
    options = {name: given.get(name) for name in named}
    return shlex.join([*words, *line_of("", options)[1:]])

"""What is asked before a change, in one sentence that says what is done and where."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .. import wording
from ..backend.model import Plan
from ..wording import printable

if TYPE_CHECKING:
    from ..backend.collect_model import CollectPlan
    from ..backend.recover_model import RecoverPlan
    from ..backend.repair_model import RepairPlan

    AnyPlan = Plan | CollectPlan | RecoverPlan | RepairPlan

_ASKED = {
    "rollback": "Roll back",
    "undo": "Undo:",
    "install": "Install",
    "remove": "Remove",
    "rebuild": "Switch",
}
_WHEN = {"switch": "", "boot": " from the next boot on", "test": " until the next boot"}


def question(plan: AnyPlan) -> str:
    """What is asked of whoever has seen this plan; printable."""
    from ..backend.collect_model import CollectPlan
    from ..backend.recover_model import RecoverPlan

    where = "the PLAYGROUND" if plan.playground else socket.gethostname()
    if isinstance(plan, Plan):
        words = f"{_of_change(plan)} on {where}{_WHEN[plan.mode]}"
    elif isinstance(plan, CollectPlan):
        words = _of_deletion(plan, where)
    elif isinstance(plan, RecoverPlan):
        words = f"{plan.how.capitalize()} the {plan.cut_off.entry.operation} on {where}"
    else:
        words = f"Run {wording.plural(len(plan.commands), 'command')} on {where}"
    return printable(f"{words}?")


def _of_change(plan: Plan) -> str:
    before = plan.before.number if plan.before else "nothing"
    steps = f"{plan.profile.name} {before} → {plan.target.number}"
    if plan.packages:
        # But for those that make room for them.
        named = ", ".join(p.name for p in plan.packages if p.action == plan.operation)
        steps = f"{named}, {steps},"
    return f"{_ASKED[plan.operation]} {steps}"


def _of_deletion(plan: CollectPlan, where: str) -> str:
    if plan.operation == "optimise":
        return f"Optimise the store of {where}"
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
    return f"Delete {' and '.join(parts)} on {where}"

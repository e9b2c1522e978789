"""REQUIRE: look whether what a runbook needs is so; fail where it is not."""

from __future__ import annotations

from ...errors import RequirementFailed
from ...records import Check
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..requirements import REQUIREMENTS, look

OPTIONS = REQUIREMENTS


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `REQUIREMENTS`.

    data: `checks` (tuple of Check), all of them "ok".

    Raises:
        RequirementFailed: one of them is not; its `checks` are all rows.
    """
    checks = await look(context, operation.options)
    unmet = [check for check in checks if check.verdict != "ok"]
    if unmet:
        failure = RequirementFailed(_sentence(checks, unmet))
        failure.checks = checks
        raise failure
    return NixResult(True, f"{len(checks)} requirements are met", {"checks": checks})


def _sentence(checks: tuple[Check, ...], unmet: list[Check]) -> str:
    told = "; ".join(f"{check.name}: {check.reason.rstrip('.')}" for check in unmet)
    if len(checks) == 1:
        return f"The requirement is not met: {told}."
    are = "is" if len(unmet) == 1 else "are"
    return f"{len(unmet)} of {len(checks)} requirements {are} not met: {told}."

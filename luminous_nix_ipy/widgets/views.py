"""Which view shows which plan, and which report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backend.collect_model import CollectPlan, CollectReport
from ..backend.model import ChangeReport, Plan
from ..backend.recover_model import RecoverPlan
from .collecting import CollectPlanView, CollectReportView
from .recovering import RecoverPlanView, RecoverReportView
from .repairing import RepairPlanView, RepairReportView
from .show import PlanView, ReportView

if TYPE_CHECKING:
    from ..backend.recover_model import RecoverReport
    from ..backend.repair_model import RepairReport
    from .questions import AnyPlan

AnyPlanView = PlanView | CollectPlanView | RecoverPlanView | RepairPlanView
AnyReportView = ReportView | CollectReportView | RecoverReportView | RepairReportView


def plan_view(plan: AnyPlan) -> AnyPlanView:
    """The view of a plan."""
    match plan:
        case Plan():
            return PlanView(plan)
        case CollectPlan():
            return CollectPlanView(plan)
        case RecoverPlan():
            return RecoverPlanView(plan)
    return RepairPlanView(plan)


def report_view(
    report: ChangeReport | CollectReport | RecoverReport | RepairReport,
) -> AnyReportView:
    """The view of a report."""
    match report:
        case ChangeReport():
            return ReportView(report)
        case CollectReport():
            return CollectReportView(report)
    if isinstance(report.plan, RecoverPlan):
        return RecoverReportView(report)
    return RepairReportView(report)

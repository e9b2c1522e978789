"""How a change is watched, and what it did to units: what plans and reports say of it."""

from __future__ import annotations

from typing import Any

from luminous_nix_ipy.backend.model import Expectation, Safety
from luminous_nix_ipy.records import Check, UnitChange
from luminous_nix_ipy.widgets.show import PlanView, ReportView
from tests.unit.test_show import HOSTILE, PLAN, replace, report, visible

ALL = Safety(
    expectations=(
        Expectation("command", "ping -c 1 10.0.0.1"),
        Expectation("url", "http://localhost/health"),
        Expectation("unit", "nginx.service"),
    ),
    settle=90.0,
    confirm_timeout=60.0,
    activation_timeout=120.0,
    force=("disk space", "live switch"),
)
WATCHED = """\
Watched afterwards
The command must succeed: ping -c 1 10.0.0.1
It must answer with 2xx or 3xx: http://localhost/health
The unit must be active: nginx.service
Each has 10 s to come true.
It is watched for 1 min 30 s before it is confirmed.
It is put back after 1 min 0 s without a sign of life of this kernel.
The activation is ended when it takes longer than 2 min 0 s.
Even if red, these checks do not stop it: disk space, live switch."""


def plan(safety: Safety, **fields: Any) -> PlanView:
    return PlanView(replace(PLAN, safety=safety, **fields))


def test_a_plan_says_what_is_expected_and_how_long_it_is_watched() -> None:
    view = plan(ALL)
    assert f"\n\n{WATCHED}\n\n" in repr(view)
    assert " ".join(WATCHED.split()) in visible(view._repr_html_())


def test_what_is_as_usual_is_not_told() -> None:
    assert "Watched" not in repr(plan(Safety()))
    assert "Watched" not in repr(plan(ALL, nothing_to_do=True))


def test_a_plan_says_that_nothing_is_put_back() -> None:
    view = plan(Safety(settle=5.0, restore=False))
    assert (
        "Watched afterwards\nIt is watched for 5.0 s before it is confirmed.\n"
        "Nothing is put back when a step fails: --no-restore.\n\n" in repr(view)
    )


def test_what_is_started_at_the_next_boot_is_not_watched() -> None:
    words = "Watched afterwards\nNothing is activated before the next boot, so nothing is watched."
    assert f"{words}\nEven if red" in repr(plan(ALL, mode="boot"))


def test_a_report_tells_units_and_the_journal_of_failed_ones() -> None:
    changes = (
        UnitChange("nginx.service", "restarted"),
        UnitChange("nginx.service", "failed", log=("bind() failed", "\x1b[31mexiting\x1b[0m")),
    )
    view = ReportView(report(units=changes))
    assert (
        "\n\nUnits\nunit           action\n─────────────  ─────────\n"
        "nginx.service  restarted\nnginx.service  failed\n\n"
        "The end of the journal of nginx.service\nbind() failed\nexiting\n\n" in repr(view)
    )
    shown = visible(view._repr_html_())
    assert "The end of the journal of nginx.service bind() failed exiting" in shown
    assert list(view.units.action) == ["restarted", "failed"]
    assert "Units" not in repr(ReportView(report()))


def test_what_others_wrote_is_not_active() -> None:
    safety = Safety(expectations=(Expectation("command", HOSTILE),), force=(HOSTILE,))
    failed = UnitChange(HOSTILE, "failed", HOSTILE, (HOSTILE,))
    for view in (
        plan(safety),
        ReportView(report(units=(failed,), verified=(Check(HOSTILE, "failed", HOSTILE),))),
    ):
        assert "<script" not in view._repr_html_()
        assert repr(view).replace("\n", "").isprintable()

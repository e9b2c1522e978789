"""Plugin of pytest: under LUMINOUS_NIX_TEST_REQUIRE=all whatever is skipped has failed."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


def _required() -> bool:
    return os.environ.get("LUMINOUS_NIX_TEST_REQUIRE") == "all"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _required() and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _required() and report.skipped:
        _fail(report)
    return report


def _fail(report: Any) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"LUMINOUS_NIX_TEST_REQUIRE=all, yet: {reason}"

"""Plugin of pytest: the table of faults, how often each was tried, and how the machine was then.

Written to build/faults.md too, whose table the README shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

_NAME = "fault"
_FILE = Path(__file__).parents[2] / "build/faults.md"

Record = Callable[[str, str], None]
"""Tells the fault that was tried, and its outcome in a few words."""


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    return lambda fault, outcome: request.node.user_properties.append((_NAME, [fault, outcome]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried: dict[str, Counter[str]] = {}
    for word in ("passed", "failed"):
        for report in terminalreporter.getreports(word):
            for name, value in report.user_properties if report.when == "call" else ():
                if name == _NAME:
                    outcome = value[1] if word == "passed" else f"{value[1]}, but the test failed"
                    tried.setdefault(value[0], Counter())[outcome] += 1
    if not tried:
        return
    lines = table(tried)
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text("\n".join(lines) + "\n")
    terminalreporter.section("faults on a real machine")
    for line in lines:
        terminalreporter.line(line)


def table(tried: dict[str, Counter[str]]) -> list[str]:
    """The lines of the table, in Markdown."""
    rows = [("Fault", "Tried", "Outcome"), ("---", "---:", "---")]
    for fault, outcomes in sorted(tried.items()):
        told = [f"{word} {n}×" if len(outcomes) > 1 else word for word, n in outcomes.items()]
        rows.append((fault, str(outcomes.total()), "; ".join(sorted(told))))
    return [f"| {' | '.join(row)} |" for row in rows]

"""What the README names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_test_that_a_promise_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", README))
    assert len(named) > 20
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_the_steps_of_a_change_are_those_of_its_supervisor() -> None:
    script = (ROOT / "luminous_nix_ipy/backend/supervisor.sh").read_text(encoding="utf-8")
    forward = script[script.index("forward() {") : script.index("\n# --- back")]
    steps = dict.fromkeys(re.findall(r"^\s*step ([a-z]+)$", forward, re.MULTILINE))
    told = re.findall(r"^\d\. \*([a-z]+)\*:", README, re.MULTILINE)
    assert sorted(told) == sorted([*steps, "outcome"])
    assert told[-1] == "outcome"

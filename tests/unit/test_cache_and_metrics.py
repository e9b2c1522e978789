"""What is remembered and forgotten, and what is counted."""

from __future__ import annotations

import time

import pytest

from luminous_nix_ipy.backend.cache import OperationCache
from luminous_nix_ipy.backend.metrics import Metrics
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType

LIST = NixOperation(OperationType.LIST_GENERATIONS)


def answer() -> NixResult:
    return NixResult(True, "ok", {"generations": [1, 2, {"deep": [3]}]}, duration=1.0)


def test_an_answer_is_remembered_while_its_token_holds() -> None:
    cache = OperationCache()
    assert cache.get(LIST, "then") is None
    cache.set(LIST, "then", answer())
    assert cache.get(LIST, "then") == answer()
    assert cache.get(LIST, "now") is None
    assert cache.get(LIST, "then") is None, "what no longer held must be gone"


def test_options_and_packages_are_part_of_the_question() -> None:
    cache = OperationCache()
    cache.set(LIST, 1, answer())
    for other in (
        NixOperation(OperationType.LIST_GENERATIONS, options={"profile": "x"}),
        NixOperation(OperationType.SEARCH),
        NixOperation(OperationType.LIST_GENERATIONS, packages=["x"]),
    ):
        assert cache.get(other, 1) is None


def test_nobody_shares_a_remembered_answer() -> None:
    cache, mine = OperationCache(), answer()
    cache.set(LIST, 1, mine)
    mine.data["generations"].append("mine")
    yours = cache.get(LIST, 1)
    assert yours is not None
    yours.data["generations"][2]["deep"].clear()
    yours.suggestions.append("yours")
    assert cache.get(LIST, 1) == answer()


def test_old_answers_go(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = OperationCache()
    cache.set(LIST, 1, answer())
    assert cache.clear_expired() == 0
    later = time.monotonic() + 301
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert cache.clear_expired() == 1
    cache.set(LIST, 1, answer())
    monkeypatch.setattr(time, "monotonic", lambda: later + 301)
    assert cache.get(LIST, 1) is None


def test_the_time_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_CACHE_SECONDS", "0")
    cache = OperationCache()
    cache.set(LIST, 1, answer())
    time.sleep(0.01)
    assert cache.get(LIST, 1) is None


def test_it_does_not_grow_for_ever() -> None:
    cache = OperationCache()
    for number in range(1000):
        cache.set(NixOperation(OperationType.SEARCH, packages=[f"p{number}"]), 1, answer())
    assert cache.clear() == 256


def test_every_operation_counts_with_its_time_also_when_it_fails() -> None:
    metrics = Metrics()
    metrics.record("rollback", success=False, seconds=3.0)
    metrics.record("list_generations", success=True, seconds=1.0, cached=False)
    metrics.record("list_generations", success=True, seconds=0.0, cached=True)
    told = metrics.as_dict()
    assert told["total_operations"] == 3
    assert told["success_rate"] == pytest.approx(2 / 3)
    assert told["average_duration"] == pytest.approx(4 / 3)
    assert told["cache_hit_rate"] == pytest.approx(1 / 2)
    assert told["details"] == {
        "operations_completed": 2,
        "operations_failed": 1,
        "total_duration": 4.0,
        "cache_hits": 1,
        "cache_misses": 1,
    }
    assert told["by_operation"]["rollback"]["average_duration"] == 3.0


def test_before_anything_was_counted_rates_can_be_printed() -> None:
    told = Metrics().as_dict()
    line = f"{told['success_rate']:.1%} {told['cache_hit_rate']:.1%} {told['average_duration']:.2f}"
    assert line == "0.0% 0.0% 0.00"

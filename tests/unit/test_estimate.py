"""The rest is the graph spread over the jobs, each build as long as it was before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.estimate import BuildEstimate
from luminous_nix_ipy.backend.nix_run import _with_downloads
from luminous_nix_ipy.records import Counts, Estimate
from luminous_nix_ipy.store.derivations import Derivation
from luminous_nix_ipy.tools.activity import Built
from luminous_nix_ipy.tools.build_history import Report

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def path(name: str) -> str:
    return f"/nix/store/hash-{name}.drv"


def derivation(name: str, *needs: str) -> Derivation:
    return Derivation(
        path=path(name), outputs={}, inputs={path(n): ("out",) for n in needs}, sources=(),
        system="", builder="", args=(), env={"name": name, "pname": name}, fixed=False,
    )  # fmt: skip


def estimate(
    graph: dict[str, tuple[str, ...]], seconds: dict[str, int | list[int]], jobs: int = 1
) -> BuildEstimate:
    history = [
        Report("", name, NOW, taken)
        for name, several in seconds.items()
        for taken in (several if isinstance(several, list) else [several])
    ]
    made = BuildEstimate(history, jobs)
    made.add({path(name): derivation(name, *needs) for name, needs in graph.items()})
    return made


def rest(made: BuildEstimate, **running: float) -> Estimate:
    found = made.rest([(path(name), seconds) for name, seconds in running.items()])
    assert found is not None
    return found


CHAIN: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",)}
WIDE: dict[str, tuple[str, ...]] = {"a": (), "b": (), "c": (), "d": ()}
TENS = {"a": 10, "b": 10, "c": 10, "d": 10}


def test_a_chain_is_as_long_as_its_builds_however_many_jobs() -> None:
    for jobs in (1, 8):
        assert rest(estimate(CHAIN, TENS, jobs)).middle == pytest.approx(31.5)


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 42.0), (2, 21.0), (3, 21.0), (4, 10.5)])
def test_a_wide_graph_is_spread_over_the_jobs(jobs: int, seconds: float) -> None:
    assert rest(estimate(WIDE, TENS, jobs)).middle == pytest.approx(seconds)


def test_of_those_that_can_start_nix_takes_the_first_by_name() -> None:
    graph = {"a": (), "b": (), "z": ()}
    # a and b first, and then z: the long one comes last.
    assert rest(estimate(graph, {"a": 10, "b": 10, "z": 100}, 2)).middle == pytest.approx(111)


def test_what_runs_has_its_past_behind_it() -> None:
    made = estimate(CHAIN, TENS)
    assert rest(made, a=4.0).middle == pytest.approx(27.5)
    assert rest(made, a=50.0).middle == pytest.approx(21 + 5)


def test_what_ended_counts_no_more() -> None:
    made = estimate(CHAIN, TENS)
    report = made.end(Built(path("a"), "", "done", 10.9))
    assert report is not None
    assert (report.host, report.name, report.seconds) == ("", "a", 10)
    found = rest(made)
    assert (found.known, found.builds) == (2, 2)
    assert found.middle == pytest.approx(21, rel=0.05)


def test_a_slow_machine_is_noticed() -> None:
    made = estimate({**WIDE, "e": (), "f": ()}, {**TENS, "e": 10, "f": 10})
    for name in "abcd":
        made.end(Built(path(name), "", "done", 21.0))
    assert 30 < rest(made).middle <= 42


@pytest.mark.parametrize("outcome", ["failed", "stopped", "unknown"])
def test_only_successes_are_remembered(outcome: str) -> None:
    made = estimate(CHAIN, TENS)
    assert made.end(Built(path("a"), "", outcome, 3.0)) is None  # type: ignore[arg-type]


def test_what_needs_a_failed_build_is_not_built() -> None:
    made = estimate({**CHAIN, "d": ()}, TENS)
    made.end(Built(path("a"), "", "failed", 1.0))
    assert rest(made).builds == 1


def test_nothing_known_is_no_estimate() -> None:
    made = estimate(CHAIN, {})
    assert made.rest([]) is None
    made.end(Built(path("a"), "", "done", 7.0))
    found = rest(made)
    assert (found.known, found.builds) == (0, 2)
    assert found.middle == pytest.approx(14)


def test_what_is_unknown_is_like_the_others() -> None:
    found = rest(estimate({**WIDE, "new": ()}, {"a": 2, "b": 10, "c": 10, "d": 100}))
    assert (found.known, found.builds) == (4, 5)
    assert found.middle == pytest.approx(124 + 10.5)
    assert found.low < found.middle < found.high


def test_the_range_comes_from_how_much_they_varied() -> None:
    steady = rest(estimate({"a": ()}, {"a": [10] * 8}))
    varied = rest(estimate({"a": ()}, {"a": [2, 5, 8, 10, 10, 12, 20, 60]}))
    assert (steady.low, steady.middle, steady.high) == (10, 10.5, 11)
    assert (varied.low, varied.middle, varied.high) == (8, 10.5, 13)


def test_a_host_without_history_uses_the_others() -> None:
    made = BuildEstimate([Report("ssh://b", "a", NOW, 30)], 1)
    made.add({path("a"): derivation("a")})
    assert rest(made).middle == 30.5


def test_a_derivation_that_cannot_be_read_goes_by_its_name() -> None:
    made = BuildEstimate([Report("", "hello", NOW, 30)], 1)
    made.add({"/nix/store/hash-hello-2.12.drv": None})
    assert rest(made).known == 1


def test_more_jobs_than_expected_are_believed() -> None:
    assert rest(estimate(WIDE, TENS, 1), a=0.0, b=0.0).middle == pytest.approx(21)


def test_a_circle_ends() -> None:
    rest(estimate({"a": ("b",), "b": ("a",)}, TENS))


@given(
    st.lists(st.lists(st.integers(0, 11), max_size=4), max_size=12),
    st.lists(st.integers(0, 50), min_size=12, max_size=12),
    st.integers(1, 5),
)
def test_never_under_the_longest_path_nor_over_all_one_after_another(
    needs: list[list[int]], seconds: list[int], jobs: int
) -> None:
    graph = {f"n{i:02}": tuple(f"n{j:02}" for j in below if j < i) for i, below in enumerate(needs)}
    taken = {name: seconds[i] for i, name in enumerate(graph)}
    found = estimate(graph, dict(taken), jobs).rest([])
    if not graph:
        assert found == Estimate(low=0, middle=0, high=0, known=0, builds=0)
        return
    assert found is not None
    longest: dict[str, float] = {}
    for name, below in graph.items():
        longest[name] = taken[name] + 0.5 + max((longest[n] for n in below), default=0)
    total = sum(taken.values()) + 0.5 * len(taken)
    assert max(max(longest.values()), total / jobs) <= found.middle + 1e-6
    assert found.middle <= total + 1e-6
    assert found.low <= found.middle <= found.high


def test_builds_and_downloads_together() -> None:
    builds = Estimate(low=10, middle=20, high=30, known=2, builds=2)
    copied = Counts(done=1000, expected=5000)
    found = _with_downloads(builds, copied, 100.0, 200.0)
    assert found is not None
    assert (found.low, found.middle, found.high) == (20, 50, 70)
    assert _with_downloads(builds, copied, 0.0, 200.0) is None
    assert _with_downloads(builds, Counts(done=9, expected=9), 0.0, 0.0) == builds
    nothing = Estimate(low=0, middle=0, high=0, known=0, builds=0)
    assert _with_downloads(nothing, Counts(), 0.0, 0.0) is None
    alone = _with_downloads(nothing, copied, 100.0, 200.0)
    assert alone is not None
    assert (alone.low, alone.middle, alone.high) == (20, 40, 40)

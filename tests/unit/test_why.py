"""The shortest chains between paths: found, counted, and never walked one by one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.store.why import shortest_chains

GRAPH = {
    "a": ["b", "c"],
    "b": ["d", "e"],
    "c": ["d"],
    "d": ["f"],
    "e": ["f", "a"],
    "f": [],
    "alone": [],
}


def test_all_that_are_equally_short() -> None:
    found = shortest_chains(GRAPH, "a", ["f"])
    assert found is not None
    assert found.chains == (("a", "b", "d", "f"), ("a", "b", "e", "f"), ("a", "c", "d", "f"))
    assert (found.count, found.steps) == (3, 3)


def test_the_nearest_of_several() -> None:
    found = shortest_chains(GRAPH, "a", ["f", "d"])
    assert found is not None
    assert (found.target, found.count) == ("d", 2)


def test_itself_and_what_is_not_needed() -> None:
    found = shortest_chains(GRAPH, "a", ["a"])
    assert found is not None
    assert (found.chains, found.steps, found.count) == ((("a",),), 0, 1)
    assert shortest_chains(GRAPH, "f", ["a"]) is None
    assert shortest_chains(GRAPH, "a", ["alone"]) is None


def test_more_chains_than_could_be_walked() -> None:
    """60 layers of 3: 3⁶⁰ chains."""
    layers = [[f"{i}-{j}" for j in range(3)] for i in range(60)]
    graph = {p: below for above, below in itertools.pairwise(layers) for p in above}
    graph |= {"top": layers[0], **{path: ["bottom"] for path in layers[-1]}}
    found = shortest_chains(graph, "top", ["bottom"], most=10)
    assert found is not None
    assert found.count == 3**60
    assert len(found.chains) == len(set(found.chains)) == 10
    for chain in found.chains:
        assert all(b in graph[a] for a, b in itertools.pairwise(chain))


@given(
    st.dictionaries(
        st.integers(0, 6).map(str), st.lists(st.integers(0, 6).map(str), unique=True), min_size=7
    ),
    st.integers(0, 6).map(str),
)
def test_as_many_as_there_are(graph: dict[str, list[str]], target: str) -> None:
    def walk(path: str, seen: tuple[str, ...]) -> list[tuple[str, ...]]:
        if path == target:
            return [(*seen, path)]
        return [chain for r in graph[path] if r not in seen for chain in walk(r, (*seen, path))]

    every = walk("0", ())
    least = min(map(len, every), default=0)
    found = shortest_chains(graph, "0", [target], most=10_000)
    assert (found.chains if found else ()) == tuple(sorted(c for c in every if len(c) == least))

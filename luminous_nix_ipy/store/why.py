"""Why a path is in a closure: the shortest chains of references that lead to it.

A closure can have more chains to one path than could ever be listed, so they are counted without
being walked, and only the first few of the shortest are told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec


class Chains(msgspec.Struct, frozen=True):
    """The shortest chains from one path to the nearest of some others."""

    start: str
    target: str
    """Where they lead; of targets that are equally near, the first by name."""
    count: int
    """How many there are of this length."""
    chains: tuple[tuple[str, ...], ...]
    """The first of them, each from `start` to `target`, sorted."""

    @property
    def steps(self) -> int:
        """References in each."""
        return len(self.chains[0]) - 1


def shortest_chains(
    references: Mapping[str, Collection[str]], start: str, targets: Collection[str], most: int = 10
) -> Chains | None:
    """The shortest chains by breadth-first search; None where no target can be reached.

    Args:
        references: path -> the paths that it refers to, for all that `start` needs.
        most: chains that are told.
    """
    level = [start]
    before: dict[str, list[str]] = {start: []}
    count = {start: 1}
    while level and not (reached := sorted(set(level).intersection(targets))):
        found: dict[str, list[str]] = {}
        for path in sorted(level):
            for reference in references.get(path, ()):
                if reference not in before:
                    found.setdefault(reference, []).append(path)
        before |= found
        count |= {path: sum(count[user] for user in users) for path, users in found.items()}
        level = list(found)
    if not level:
        return None
    target = reached[0]
    chains: list[tuple[str, ...]] = [(target,)]
    # Each chain that is kept can be completed, so cutting the list on the way loses none of `most`.
    while chains[0][0] != start:
        chains = [(user, *chain) for chain in chains for user in before[chain[0]]][:most]
    return Chains(start, target, count[target], tuple(sorted(chains)))

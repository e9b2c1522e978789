"""Two closures compared: what is told of each package, and that the numbers add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.records import Closure, ClosureDiff, PackageChange
from luminous_nix_ipy.store.closures import NOTABLE_BYTES, diff
from luminous_nix_ipy.store.versions import compare_versions, split

_BASE32 = "0123456789abcdfghijklmnpqrsvwxyz"
MIRRORED = {"added": "removed", "upgraded": "downgraded"}
MIRRORED |= {after: before for before, after in MIRRORED.items()} | {"changed": "changed"}


def path(name: str, build: int = 0) -> str:
    return f"/nix/store/{_BASE32[build] * 32}-{name}"


def closure(
    sizes: Mapping[str, int] | Iterable[str],
    *,
    selected: Iterable[str] = (),
    outputs: Mapping[str, str] | None = None,
    source: str = "database",
) -> Closure:
    """A closure of these paths (or names, of 100 bytes each)."""
    if not isinstance(sizes, Mapping):
        sizes = {path(name): 100 for name in sizes}
    return Closure(
        root=next(iter(sizes), path("nothing")),
        sizes=dict(sizes),
        outputs=dict(outputs or {}),
        selected=frozenset(selected),
        source=source,
    )


def only(result: ClosureDiff) -> PackageChange:
    (change,) = result.changes
    return change


@pytest.mark.parametrize(
    ("before", "after", "change", "old", "new"),
    [
        (["a-1"], ["a-2"], "upgraded", ("1",), ("2",)),
        (["a-1.10"], ["a-1.9"], "downgraded", ("1.10",), ("1.9",)),
        ([], ["a-1"], "added", (), ("1",)),
        (["a-1"], [], "removed", ("1",), ()),
        # Several versions, oldest first; what both have decides nothing.
        (["a-1", "a-9"], ["a-2", "a-9"], "upgraded", ("1", "9"), ("2", "9")),
        (["a-10", "a-9", "a-2"], ["a-9", "a-3"], "downgraded", ("2", "9", "10"), ("3", "9")),
        # One more or one fewer: the highest of all decides.
        (["a-1"], ["a-1", "a-2"], "upgraded", ("1",), ("1", "2")),
        (["a-1", "a-2"], ["a-1"], "downgraded", ("1", "2"), ("1",)),
        (["a-2"], ["a-1", "a-2"], "changed", ("2",), ("1", "2")),
        (["a-1", "a-2"], ["a-2"], "changed", ("1", "2"), ("2",)),
        # Nix holds these two to be the same version.
        (["a-1.0"], ["a-1.00"], "changed", ("1.0",), ("1.00",)),
        # A release is older than its candidate, as Nix orders them.
        (["a-1.0rc1"], ["a-1.0"], "downgraded", ("1.0rc1",), ("1.0",)),
        # Outputs are no versions.
        (["a-1", "a-1-lib"], ["a-2", "a-2-lib"], "upgraded", ("1",), ("2",)),
        (["a-1"], ["a-1", "a-1-lib"], "changed", ("1",), ("1",)),
        # A name without a version has none to show.
        (["a"], ["a-1"], "upgraded", (), ("1",)),
        ([], ["a"], "added", (), ()),
    ],
)
def test_kinds_of_change(
    before: list[str], after: list[str], change: str, old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    told = only(diff(closure(before), closure(after)))
    assert (told.name, told.change) == ("a", change)
    assert (told.old_versions, told.new_versions) == (old, new)
    assert (told.old_bytes, told.new_bytes) == (100 * len(before), 100 * len(after))


def test_what_the_database_knows_of_outputs_is_used() -> None:
    odd, plain = path("a-1-odd"), path("a-1-lib")
    known = {odd: "odd", plain: "out"}
    told = only(diff(closure({}), closure({odd: 1, plain: 2}, outputs=known)))
    assert (told.name, told.new_versions) == ("a", ("1", "1-lib"))


def test_same_versions_and_outputs_are_only_rebuilt() -> None:
    result = diff(closure({path("a-1", 1): 100}), closure({path("a-1", 2): 100}))
    assert result.changes == ()
    assert (result.rebuilt, result.paths_added, result.paths_removed) == (1, 1, 1)


@pytest.mark.parametrize(("delta", "told"), [(NOTABLE_BYTES - 1, 0), (NOTABLE_BYTES, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_notable_difference_in_size_is_a_change(delta: int, told: int, sign: int) -> None:
    small, large = {path("a-1", 1): 100}, {path("a-1", 2): 100 + delta}
    result = diff(*map(closure, (small, large)[::sign]))
    assert len(result.changes) == told
    assert result.rebuilt == 1 - told
    assert [(c.change, c.delta_bytes) for c in result.changes] == [("changed", sign * delta)] * told


def test_what_is_selected_is_told_and_stands_first() -> None:
    one, two = path("b-1"), path("b-2")
    before = closure({one: 1, path("a-1"): 1}, selected=[one])
    after = closure({two: 1, path("a-2"): 1}, selected=[two])
    assert [(c.name, c.selected_before, c.selected_after) for c in diff(before, after).changes] == [
        ("b", True, True),
        ("a", False, False),
    ]


def test_a_selection_alone_is_a_change() -> None:
    sizes = {path("a-1"): 1, path("b-1"): 1}
    result = diff(closure(sizes), closure(sizes, selected=[path("b-1")]))
    told = only(result)
    assert (told.name, told.change) == ("b", "changed")
    assert (told.selected_before, told.selected_after, told.delta_bytes) == (False, True, 0)
    assert (result.rebuilt, result.paths_added, result.paths_removed) == (0, 0, 0)


def test_the_root_is_a_path_like_every_other() -> None:
    told = only(
        diff(closure(["nixos-system-host-25.11.1"]), closure(["nixos-system-host-25.11.2"]))
    )
    assert (told.name, told.change, told.new_versions) == (
        "nixos-system-host",
        "upgraded",
        ("25.11.2",),
    )


def test_numbers_of_the_whole() -> None:
    before = closure({path("a-1"): 10, path("b-1"): 20, path("c-1"): 5})
    after = closure({path("a-1"): 10, path("b-2"): 25}, source="commands")
    result = diff(before, after)
    assert (result.before, result.after) == (before.root, after.root)
    assert (result.paths_before, result.paths_after) == (3, 2)
    assert (result.paths_added, result.paths_removed) == (1, 2)
    assert (result.bytes_before, result.bytes_after) == (35, 35)
    assert result.source == "database, commands"
    assert diff(before, before) == msgspec.structs.replace(
        result,
        after=before.root,
        changes=(),
        paths_after=3,
        paths_added=0,
        paths_removed=0,
        source="database",
    )


def test_a_repeated_question_is_answered_from_what_was_kept_unless_anything_differs() -> None:
    sizes = {path("a-1"): 10, path("b-1"): 20}
    first = diff(closure({}), closure(sizes))
    assert diff(closure({}), closure(sizes)) is first
    assert diff(closure({}), closure(sizes, selected=[path("a-1")])) != first
    assert diff(closure({}), closure({**sizes, path("a-1"): 11})) != first
    assert diff(closure({}), closure(sizes, outputs={path("a-1"): "1"})) is not first


SIZES = st.dictionaries(
    st.builds(
        lambda name, version, output, build: path(f"{name}{version}{output}", build),
        st.sampled_from(["a", "b", "c-d"]),
        st.sampled_from(["", "-1", "-1.0", "-1.00", "-2", "-10", "-1pre"]),
        st.sampled_from(["", "-lib", "-dev"]),
        st.integers(0, 2),
    ),
    st.integers(0, 20_000),
    max_size=12,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Closure, Closure]:
    """Two closures of one store: a path has the same size in both."""
    store = draw(SIZES)
    paths = sorted(store)
    two = []
    for _ in range(2):
        own = draw(st.sets(st.sampled_from(paths))) if paths else set()
        chosen = draw(st.sets(st.sampled_from(sorted(own)))) if own else set()
        two.append(closure({p: store[p] for p in sorted(own)}, selected=chosen))
    return two[0], two[1]


@given(pairs())
def test_the_other_way_round_is_the_mirror_image(pair: tuple[Closure, Closure]) -> None:
    forth, back = diff(*pair), diff(*pair[::-1])
    assert [
        msgspec.structs.replace(
            change,
            change=MIRRORED[change.change],
            old_versions=change.new_versions,
            new_versions=change.old_versions,
            selected_before=change.selected_after,
            selected_after=change.selected_before,
            old_bytes=change.new_bytes,
            new_bytes=change.old_bytes,
        )
        for change in forth.changes
    ] == list(back.changes)
    assert forth.rebuilt == back.rebuilt
    assert (forth.paths_added, forth.bytes_before) == (back.paths_removed, back.bytes_after)


@given(pairs())
def test_sizes_add_up(pair: tuple[Closure, Closure]) -> None:
    """The differences of the changes and of the names that were only rebuilt are that of the
    closures; a rebuilt name's is below the notable one, and everything else is equal."""
    before, after = pair
    result = diff(before, after)
    told = {change.name for change in result.changes}
    names: dict[str, list[int]] = {}
    for one, sign in ((before, -1), (after, 1)):
        for p, size in one.sizes.items():
            names.setdefault(split(p).name, []).append(sign * size)
    silent = {name: sum(sizes) for name, sizes in names.items() if name not in told}
    changed = sum(change.delta_bytes for change in result.changes)
    assert changed + sum(silent.values()) == result.bytes_after - result.bytes_before
    assert all(abs(delta) < NOTABLE_BYTES for delta in silent.values())
    apart = {split(p).name for p in before.sizes.keys() ^ after.sizes.keys()}
    assert result.rebuilt == len(apart - told)
    assert {name for name, delta in silent.items() if delta} <= apart


@given(pairs())
def test_each_package_is_told_once_with_all_it_has(pair: tuple[Closure, Closure]) -> None:
    before, after = pair
    result = diff(before, after)
    keys = [(not (c.selected_before or c.selected_after), c.name) for c in result.changes]
    assert keys == sorted(set(keys))
    assert len({name for _, name in keys}) == len(keys)
    for change in result.changes:
        for one, versions, size, selected in (
            (before, change.old_versions, change.old_bytes, change.selected_before),
            (after, change.new_versions, change.new_bytes, change.selected_after),
        ):
            own = [p for p in one.sizes if split(p).name == change.name]
            assert {split(p).version for p in own} - {""} == set(versions)
            assert size == sum(one.sizes[p] for p in own)
            assert selected == any(p in one.selected for p in own)
            assert all(compare_versions(a, b) <= 0 for a, b in pairwise(versions))
    assert (result.paths_added - result.paths_removed) == result.paths_after - result.paths_before

"""What a playground is described to hold: its story, its lessons, and what it is made of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.playground.catalogue import (
    KERNELS,
    MAXIMUM,
    MINIMUM,
    PACKAGES,
    Lesson,
    lesson,
    stage,
    versions,
)
from luminous_nix_ipy.playground.contents import describe
from luminous_nix_ipy.playground.description import SELF, File, Link, named_in, resolve_tree, token
from luminous_nix_ipy.store.versions import compare_versions

COUNTS = st.integers(MINIMUM, MAXIMUM)


def changes(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The kinds of change between two generations."""
    kinds = {compare_versions(before[n], after[n]) for n in before.keys() & after.keys()}
    words = {-1: "upgraded", 0: "same", 1: "downgraded"}
    return (
        {words[kind] for kind in kinds}
        | ({"added"} if after.keys() - before.keys() else set())
        | ({"removed"} if before.keys() - after.keys() else set())
    )


@given(COUNTS)
def test_the_newest_change_has_something_of_everything(count: int) -> None:
    found = changes(versions(count - 1, count), versions(count, count))
    assert found == {"upgraded", "downgraded", "added", "removed", "same"}
    assert KERNELS[stage(count - 1, count)] != KERNELS[stage(count, count)]


@given(COUNTS)
def test_the_newest_two_and_the_first_are_well_and_each_lesson_is_there(count: int) -> None:
    lessons = [lesson(number, count) for number in range(1, count + 1)]
    assert lessons[0] is lessons[-2] is lessons[-1] is None
    assert lessons.count(Lesson.ACTIVATION_FAILS) == lessons.count(Lesson.UNIT_FAILS) == 1
    assert lessons.count(Lesson.NEEDS_REBOOT) == (1 if count > MINIMUM else 0)


@given(COUNTS, st.data())
def test_stages_never_go_back(count: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, count - 1))
    assert 0 <= stage(number, count) <= stage(number + 1, count) <= 4


def test_each_of_many_generations_differs_from_the_one_before() -> None:
    count = 300
    for number in range(2, count + 1):
        assert versions(number, count) != versions(number - 1, count)


def test_the_same_number_of_generations_is_always_described_the_same() -> None:
    assert describe(7) == describe(7)


@pytest.mark.parametrize("count", [5, 6, 40])
def test_everything_that_is_named_is_described_and_nothing_refers_in_a_circle(count: int) -> None:
    description = describe(count)
    done: set[str] = set()

    def visit(key: str, above: tuple[str, ...]) -> None:
        assert key not in above
        if key in done:
            return
        for tree in description.derivations[key].outputs.values():
            for other, output in named_in(tree):
                if other != SELF:
                    assert output in description.derivations[other].outputs
                    visit(other, (*above, key))
        done.add(key)

    for root in description.roots:
        visit(root, ())
    assert done == set(description.derivations), "nothing is described that no generation needs"


def test_a_system_has_the_files_of_nixos() -> None:
    description = describe(5)
    tree = description.derivations[description.systems[-1]].outputs["out"]
    assert {
        "nixos-version",
        "kernel",
        "initrd",
        "kernel-modules",
        "kernel-params",
        "sw",
        "systemd",
        "etc",
        "init",
        "init-interface-version",
        "system",
        "specialisation",
        "boot.json",
        "bin/switch-to-configuration",
    } <= tree.keys()
    boot = tree["boot.json"]
    assert isinstance(boot, File)
    spec = json.loads(boot.text)
    assert set(spec["org.nixos.bootspec.v1"]) == {
        "init",
        "initrd",
        "kernel",
        "kernelParams",
        "label",
        "system",
        "toplevel",
    }
    assert list(spec["org.nixos.specialisation.v1"]) == ["on-battery"]


def test_the_label_says_what_is_wrong_with_a_generation_on_purpose() -> None:
    description = describe(6)
    told = {}
    for number, key in enumerate(description.systems, 1):
        boot = description.derivations[key].outputs["out"]["boot.json"]
        assert isinstance(boot, File)
        told[number] = json.loads(boot.text)["org.nixos.bootspec.v1"]["label"].partition(": ")[2]
    assert told == {
        1: "",
        2: "it asks for a reboot first",
        3: "its activation fails on purpose",
        4: "its postgresql.service fails on purpose",
        5: "",
        6: "",
    }


def test_tokens_are_resolved_where_their_path_is_known() -> None:
    tree = {"a": File(f"{token('k')} {token('k', 'lib')}"), "b": Link(token("k")), "c": None}
    assert named_in(tree) == {("k", "out"), ("k", "lib")}
    assert resolve_tree(tree, {("k", "out"): "/s/k"}) == {
        "a": File(f"/s/k {token('k', 'lib')}"),
        "b": Link("/s/k"),
        "c": None,
    }


def test_most_upgrades_change_a_size() -> None:
    sizes: dict[str, set[int]] = {}
    for derivation in describe(5).derivations.values():
        size = sum(
            len(entry.text)
            for tree in derivation.outputs.values()
            for entry in tree.values()
            if isinstance(entry, File)
        )
        sizes.setdefault(derivation.pname, set()).add(size)
    upgraded = {name for name, form in PACKAGES.items() if len({*form.versions} - {None}) > 1}
    assert len({name for name in upgraded if len(sizes[name]) > 1}) > len(upgraded) * 0.8


def test_true_outputs_are_referenced() -> None:
    outputs = {
        output
        for derivation in describe(5).derivations.values()
        for tree in derivation.outputs.values()
        for key, output in named_in(tree)
        if key != SELF
    }
    assert {"out", "lib", "dev", "bin", "man", "modules"} <= outputs

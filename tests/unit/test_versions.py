"""Names and versions: Nix's own results, and what must hold of all of them.

`tests/fixtures/versions.json` holds results of `builtins.compareVersions` and
`builtins.parseDrvName`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.store.versions import (
    OUTPUTS,
    NameVersionOutput,
    compare_versions,
    parse_name,
    split,
    version_key,
)

GOLDEN = json.loads((Path(__file__).parent.parent / "fixtures/versions.json").read_text())
DIGEST = "0c4zhqq7qs9ysdbwkz9dxv8mmv8q24qs"

_pieces = st.sampled_from(
    [*"012.-_+abé", "10", "007", "2147483647", "2147483648", "99999999999"]
) | st.sampled_from(["pre", "rc", "prea", "\udcff", "git"])
versions = st.lists(_pieces, max_size=7).map("".join) | st.text(max_size=8)
words = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z]{1,4}){0,2}", fullmatch=True)
numbers = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)


@pytest.mark.parametrize(("first", "second", "expected"), GOLDEN["compare"])
def test_compares_as_nix_does(first: str, second: str, expected: int) -> None:
    assert compare_versions(first, second) == expected
    assert compare_versions(second, first) == -expected


@pytest.mark.parametrize(("full_name", "name", "version"), GOLDEN["parse"])
def test_parses_as_nix_does(full_name: str, name: str, version: str) -> None:
    assert parse_name(full_name) == (name, version)


def test_a_number_too_large_for_an_int_is_text() -> None:
    assert compare_versions("2147483647", "2147483646") == 1
    assert compare_versions("2147483648", "1") == -1
    assert compare_versions("0" * 20 + "7", "6") == 1
    assert compare_versions("9" * 5000, "1") == -1


@given(versions, versions, versions)
def test_the_order_is_total(a: str, b: str, c: str) -> None:
    assert compare_versions(a, a) == 0
    assert compare_versions(a, b) == -compare_versions(b, a)
    one, two, three = sorted([a, b, c], key=version_key)
    assert compare_versions(one, two) <= 0
    assert compare_versions(two, three) <= 0
    assert compare_versions(one, three) <= 0


@given(versions, versions)
def test_separators_only_separate(a: str, b: str) -> None:
    assert compare_versions(f"{a}.{b}", f"{a}-{b}") == 0
    assert compare_versions(a, f"-{a}..") == 0


@given(st.text(max_size=20))
def test_nothing_of_a_name_is_lost(full_name: str) -> None:
    name, version = parse_name(full_name)
    assert full_name == (f"{name}-{version}" if version else name)
    assert not version[:1].isascii() or not version[:1].isalpha()


@given(words, numbers, st.sampled_from(sorted(OUTPUTS - {"out"})), st.booleans())
def test_an_output_is_never_a_version(name: str, version: str, output: str, known: bool) -> None:
    path = f"/nix/store/{DIGEST}-{name}-{version}-{output}"
    assert split(path, output if known else None) == NameVersionOutput(name, version, output)
    assert split(path.removesuffix(f"-{output}")) == NameVersionOutput(name, version, "out")


@pytest.mark.parametrize(
    ("full_name", "known", "expected"),
    [
        ("linux-6.18.16-modules", None, ("linux", "6.18.16", "modules")),
        ("gcc-14-20241116-lib", None, ("gcc", "14-20241116", "lib")),
        ("glibc-2.40-66-bin", None, ("glibc", "2.40-66", "bin")),
        ("ghc-9.8.2-with-packages", None, ("ghc", "9.8.2-with-packages", "out")),
        ("util-linux-2.41-mount", None, ("util-linux", "2.41", "mount")),
        # Without a version the last word stays a part of the name, unless it is known better.
        ("hello-doc", None, ("hello-doc", "", "out")),
        ("hello-doc", "doc", ("hello", "", "doc")),
        ("hello-doc", "out", ("hello-doc", "", "out")),
        ("login-out", "out", ("login-out", "", "out")),
        # What the database knows is believed, also where the list would say otherwise.
        ("thing-1.0-lib", "out", ("thing", "1.0-lib", "out")),
        ("thing-1.0-odd", "odd", ("thing", "1.0", "odd")),
        ("thing-1.0", "lib", ("thing", "1.0", "lib")),
        ("foo--dev", None, ("foo", "-dev", "out")),
    ],
)
def test_splits(full_name: str, known: str | None, expected: tuple[str, str, str]) -> None:
    for path in (f"/nix/store/{DIGEST}-{full_name}", f"{DIGEST}-{full_name}"):
        assert split(path, known) == expected

"""What is installed, as each tool's manifest tells it; damaged ones are refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import ManifestUnreadable
from luminous_nix_ipy.store.manifests import read_manifest
from luminous_nix_ipy.store.nix_data import parse

HELLO = "/nix/store/" + "a" * 32 + "-hello-2.12.1"
TREE = "/nix/store/" + "b" * 32 + "-tree-2.1"
LOCKED = "github:NixOS/nixpkgs/1111111111111111111111111111111111111111"
ATTRIBUTE = "legacyPackages.x86_64-linux.hello"


def element(version: int, path: str = HELLO, **fields: Any) -> dict[str, Any]:
    key = "Uri" if version == 1 else "Url"
    return {
        "active": True,
        "attrPath": ATTRIBUTE,
        f"original{key}": "flake:nixpkgs",
        key.lower(): LOCKED,
        "storePaths": [path],
        **fields,
    }


def write(folder: Path, version: int, elements: object) -> str:
    text = json.dumps({"version": version, "elements": elements})
    (folder / "manifest.json").write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("version", "elements"),
    [
        (1, [element(1)]),
        (2, [element(2)]),
        (2, [element(2, priority=5, outputs=None)]),
        (3, {"hello": element(3, priority=5, outputs=None)}),
    ],
)
def test_each_version_of_the_json_is_read(tmp_path: Path, version: int, elements: Any) -> None:
    manifest = read_manifest(write(tmp_path, version, elements))
    assert (manifest.tool, manifest.version) == ("nix profile", version)
    (package,) = manifest.packages
    assert (package.name, package.version) == ("hello", "2.12.1")
    assert (package.attribute, package.origin, package.locked) == (
        ATTRIBUTE,
        "flake:nixpkgs",
        LOCKED,
    )
    assert package.paths == (HELLO,) and package.outputs == () and package.active


def test_names_come_from_the_set_the_attribute_or_the_path(tmp_path: Path) -> None:
    chosen = {"my-tools": element(3, outputs=["out", "man"], priority=4)}
    (package,) = read_manifest(write(tmp_path, 3, chosen)).packages
    assert (package.name, package.outputs, package.priority) == ("my-tools", ("out", "man"), 4)
    bare = {"active": False, "storePaths": [TREE]}
    flake = element(2, TREE, attrPath="packages.x86_64-linux.default")
    found = read_manifest(write(tmp_path, 2, [bare, flake])).packages
    assert [(p.name, p.active) for p in found] == [("tree", False), ("tree-1", True)]
    assert found[0].attribute is found[0].origin is None


def test_a_package_installed_twice_has_two_names(tmp_path: Path) -> None:
    found = read_manifest(write(tmp_path, 2, [element(2), element(2), element(2)])).packages
    assert [package.name for package in found] == ["hello", "hello-1", "hello-2"]


NIX = f"""
[ {{ meta = {{ description = "says \\"hi\\" for ''${{you}}"; priority = 10; platforms = [ "a" "b" ];
     broken = false; maintainers = [ {{ githubId = 7; name = null; }} ]; }};
     name = "hello-2.12.1"; out = {{ outPath = "{HELLO}"; }}; outPath = "{HELLO}";
     outputs = [ "out" ]; system = "x86_64-linux"; type = "derivation"; }}
  # nix-env writes no comments, people do
  {{ bin = {{ outPath = "{TREE}-bin"; }}; man = {{ outPath = "{TREE}-man"; }}; meta = {{ }};
     name = "tree-2.1"; outPath = "{TREE}-bin"; outputs = [ "bin" "man" ]; }} ]
"""


def test_the_manifest_of_nix_env_is_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.nix").write_text(NIX)
    manifest = read_manifest(str(tmp_path))
    assert (manifest.tool, manifest.version) == ("nix-env", None)
    hello, tree = manifest.packages
    assert (hello.name, hello.version, hello.priority) == ("hello", "2.12.1", 10)
    assert hello.paths == (HELLO,)
    assert (tree.paths, tree.outputs) == ((f"{TREE}-bin", f"{TREE}-man"), ("bin", "man"))
    assert tree.priority is None


def test_a_profile_without_a_manifest_is_empty(tmp_path: Path) -> None:
    for profile in (tmp_path, tmp_path / "not-there"):
        manifest = read_manifest(str(profile))
        assert (manifest.tool, manifest.packages) == (None, ())


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("manifest.json", "", "Expecting value"),
        ("manifest.json", "[]", "manifest"),
        ("manifest.json", '{"version": 4, "elements": {}}', "version 4"),
        ("manifest.json", '{"elements": {}}', "version"),
        ("manifest.json", '{"version": 3, "elements": {"a": {}}}', "storePaths"),
        ("manifest.json", "[" * 100_000, "manifest"),
        ("manifest.nix", "[ { name = ", "line 1"),
        ("manifest.nix", "[ { name = builtins.exec; } ]", "value was expected at 'builtins.exec"),
        ("manifest.nix", '[ { name = "a" } ]', "';' was expected"),
        ("manifest.nix", "[ ] [ ]", "one value"),
        ("manifest.nix", '[ "hello" ]', "manifest"),
        ("manifest.nix", "{ }", "manifest"),
        ("manifest.nix", "[" * 100_000, "fewer lists"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestUnreadable) as refused:
        read_manifest(str(tmp_path))
    assert told in str(refused.value)
    assert str(tmp_path / name) in refused.value.what


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def spelled(value: Any) -> str:
    """The value as Nix prints it."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
            return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
        case list():
            return f"[ {' '.join(map(spelled, value))} ]"
    return f"{{ {' '.join(f'{spelled(k)} = {spelled(v)};' for k, v in value.items())} }}"


@given(VALUES)
def test_what_is_written_in_nix_is_read_back(value: Any) -> None:
    assert parse(spelled(value)) == value


@given(st.text(alphabet='[]{}="; \\ab1-.#/*\n'))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        parse(text)
    except ValueError as refused:
        assert "was expected" in str(refused)

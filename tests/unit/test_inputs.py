"""Inputs of flakes and channels, read from files alone."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import frames
from luminous_nix_ipy.backend.operations.update import compare
from luminous_nix_ipy.errors import NixError, NotFound
from luminous_nix_ipy.records import Input
from luminous_nix_ipy.store.channels import read_channels
from luminous_nix_ipy.store.flake_lock import flake_folder, read_inputs

REVISION = "0123456789abcdef0123456789abcdef01234567"


def node(original: dict[str, Any], inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    locked = {**original, "rev": REVISION, "lastModified": 1_700_000_000, "narHash": "sha256-x="}
    return {"original": original, "locked": locked, **({"inputs": inputs} if inputs else {})}


FORGE = {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "ref": "nixos-26.05"}


def flake(folder: Path, nodes: dict[str, Any], version: int = 7) -> str:
    (folder / "flake.nix").write_text("{ }")
    lock = {"version": version, "root": "root", "nodes": nodes}
    (folder / "flake.lock").write_text(json.dumps(lock))
    return str(folder)


def test_inputs_and_what_they_follow(tmp_path: Path) -> None:
    nodes = {
        "root": {"inputs": {"home-manager": "home-manager", "nixpkgs": "nixpkgs"}},
        "nixpkgs": node(FORGE),
        "home-manager": node(
            {"type": "git", "url": "https://example.org/hm", "ref": "main"},
            {"nixpkgs": ["nixpkgs"], "systems": "systems", "nothing": []},
        ),
        "systems": node({"type": "indirect", "id": "systems"}),
    }
    found = {i.name: i for i in read_inputs(flake(tmp_path, nodes))}
    assert list(found) == [
        *("home-manager", "home-manager/nixpkgs", "home-manager/nothing"),
        *("home-manager/systems", "nixpkgs"),
    ]
    nixpkgs = found["nixpkgs"]
    assert (nixpkgs.type, nixpkgs.url) == ("github", "github:NixOS/nixpkgs/nixos-26.05")
    assert nixpkgs.revision == REVISION and nixpkgs.follows is None
    assert nixpkgs.date == datetime.fromtimestamp(1_700_000_000, UTC)
    assert found["home-manager"].url == "git+https://example.org/hm?ref=main"
    assert found["home-manager/nixpkgs"].follows == "nixpkgs"
    assert found["home-manager/nixpkgs"].revision == REVISION
    assert found["home-manager/systems"].url == "flake:systems"
    assert (found["home-manager/nothing"].type, found["home-manager/nothing"].follows) == (
        "none",
        "",
    )


def test_loops_end(tmp_path: Path) -> None:
    nodes = {
        "root": {"inputs": {"a": "a"}},
        "a": node({"type": "path", "path": "/a"}, {"b": "b"}),
        "b": node({"type": "tarball", "url": "https://example.org/b.tar.gz"}, {"a": "a"}),
    }
    found = read_inputs(flake(tmp_path, nodes))
    assert [(i.name, i.url) for i in found] == [
        ("a", "path:/a"),
        ("a/b", "https://example.org/b.tar.gz"),
        ("a/b/a", "path:/a"),
    ]


def test_nothing_locked_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_text("{ }")
    assert read_inputs(str(tmp_path)) == []


def test_no_flake_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no flake"):
        read_inputs(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 8, "root": "root", "nodes": {}}',
        '{"version": 7, "root": "root", "nodes": {}}',
        '{"version": 7, "root": "r", "nodes": {"r": {"inputs": {"a": ["a"]}}}}',
        '{"version": 7, "root": "r", "nodes": {"r": {"inputs": {"a": "gone"}}}}',
        '{"version": 7, "root": "r", "nodes": {"r": {"inputs": {"a": 3}}}}',
    ],
)
def test_a_lock_that_is_none_is_told_without_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "flake.nix").write_text("{ }")
    (tmp_path / "flake.lock").write_text(text)
    with pytest.raises(NixError, match=r"flake\.lock cannot be read"):
        read_inputs(str(tmp_path))


def test_where_a_flake_is(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_text("{ }")
    (tmp_path / "sub").mkdir()
    here = os.path.realpath(tmp_path)
    assert flake_folder(f"{tmp_path}/sub") == here, "Nix looks above too"
    assert flake_folder(f"path:{tmp_path}?dir=sub") == f"{here}/sub"
    assert flake_folder(f"git+file://{tmp_path}") == here
    assert flake_folder("github:NixOS/nixpkgs") is None
    assert flake_folder("nixpkgs") is None


def channels(folder: Path) -> str:
    generation = folder / "channels-3-link"
    (generation / "nixos").mkdir(parents=True)
    (generation / "nixos/.version").write_text("26.05\n")
    (generation / "nixos/.version-suffix").write_text(".1234.abcdef")
    (generation / "nixos/.git-revision").write_text(REVISION)
    (generation / "plain").mkdir()
    (generation / "manifest.nix").write_text("[ ]")
    os.utime(generation, (1_700_000_000, 1_700_000_000))
    (folder / "channels").symlink_to("channels-3-link")
    (folder / "urls").write_text(
        "# kept\nhttps://example.org/nixos-26.05 nixos\n\nhttps://example.org/plain\n"
    )
    return str(folder / "channels")


def test_channels(tmp_path: Path) -> None:
    nixos, plain = read_channels(channels(tmp_path), str(tmp_path / "urls"))
    assert (nixos.name, nixos.version) == ("nixos", "26.05.1234.abcdef")
    assert (nixos.url, nixos.revision) == ("https://example.org/nixos-26.05", REVISION)
    assert nixos.date == datetime.fromtimestamp(1_700_000_000, UTC)
    assert (plain.url, plain.version, plain.revision) == ("https://example.org/plain", None, None)


def test_no_channels_are_none(tmp_path: Path) -> None:
    assert read_channels(str(tmp_path / "channels"), str(tmp_path / "urls")) == []


def item(name: str, digest: str) -> Input:
    return Input(name=name, type="path", url="", digest=digest)


def test_what_an_update_did() -> None:
    before = [item("gone", "1"), item("same", "2"), item("new", "3")]
    after = [item("same", "2"), item("new", "4"), item("more/below", "5")]
    assert [(c.name, c.change) for c in compare(before, after)] == [
        ("gone", "removed"),
        ("new", "updated"),
        ("same", "unchanged"),
        ("more/below", "added"),
    ]


def test_frames_of_inputs_and_updates() -> None:
    now = datetime.now().astimezone()
    one = Input(name="a", type="github", url="github:x/y", revision=REVISION, date=now)
    frame = frames.inputs([one])
    assert list(frame.columns) == ["name", "type", "revision", "date", "age_days", "follows"]
    assert frame.revision[0] == REVISION[:15] and frame.age_days[0] == 0
    assert {"url", "whole_revision"} <= set(frames.inputs([one], all_columns=True).columns)
    changed = frames.updates(compare([], [one]))
    assert changed.change[0] == "added" and changed.before.isna()[0]
    assert changed.attrs["summary"] == "1 of 1 input updated"
    assert len(frames.inputs([])) == len(frames.updates([])) == 0

"""Indexes: where their lists come from, how they are kept up to date, what failures leave."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.index_model import IndexState, Source, Updated
from luminous_nix_ipy.backend.index_sources import (
    add_sources,
    find_sources,
    forget_sources,
    index_folder,
    parse_source,
)
from luminous_nix_ipy.backend.indexing import (
    failed_lately,
    index_path,
    index_states,
    remove_index,
    update_index,
    update_indexes,
)
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.index import open_packages
from luminous_nix_ipy.store.index_build import read_facts
from luminous_nix_ipy.store.soundness import is_sound
from tests import lists
from tests.http_server import Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as running:
        monkeypatch.setenv("LUMINOUS_NIX_CHANNELS_URL", f"{running.url}/channels")
        monkeypatch.setenv("LUMINOUS_NIX_RELEASES_URL", f"{running.url}/releases")
        monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "0")
        yield running


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    """A machine that has nothing."""
    root = tmp_path / "machine"
    return Machine(
        state_dir=str(root / "var"),
        etc_dir=str(root / "etc"),
        run_dir=str(root / "run"),
        home=str(root / "home"),
        env={"USER": "someone", "XDG_STATE_HOME": str(root / "home/.local/state")},
    )


def update(machine: Machine, source: Source) -> Updated:
    context = Context(machine, Progress(), direct=True)
    return asyncio.run(update_index(context, source))


def state(machine: Machine, name: str, kind: str = "packages") -> IndexState:
    found = [s for s in index_states(machine) if (s.source.name, s.source.kind) == (name, kind)]
    assert len(found) == 1
    return found[0]


def serve_channel(server: Server, folder: str = "channels/nixos-unstable") -> None:
    server.serve(f"{folder}/packages.json.br", lists.packed(lists.packages()))
    server.serve(f"{folder}/options.json.br", lists.packed(lists.options()))


# which lists there are


def test_a_machine_without_nixpkgs_has_the_newest_channel(there: Machine, server: Server) -> None:
    found = find_sources(there)
    assert [(s.name, s.kind) for s in found] == [
        ("nixos-unstable", "packages"),
        ("nixos-unstable", "nixos"),
    ]
    assert found[0].addresses == (f"{server.url}/channels/nixos-unstable/packages.json.br",)


def subscribe(machine: Machine, name: str, url: str, version: str) -> Path:
    folder = Path(machine.profiles_dir, "per-user/root")
    channel = folder / "channels-1-link" / name
    channel.mkdir(parents=True)
    (folder / "channels").symlink_to("channels-1-link")
    (channel / ".version").write_text(version[:5])
    (channel / ".version-suffix").write_text(version[5:])
    Path(machine.home).mkdir(parents=True, exist_ok=True)
    Path(machine.home, ".nix-channels").write_text(f"{url} {name}\n")
    return channel


@pytest.mark.parametrize(
    ("url", "version", "folder"),
    [
        (
            "https://channels.nixos.org/nixos-25.11",
            "25.11.1234.0123456789ab",
            "nixos/25.11/nixos-25.11.1234.0123456789ab",
        ),
        (
            "https://nixos.org/channels/nixos-unstable",
            "26.05pre850.0123456789ab",
            "nixos/unstable/nixos-26.05pre850.0123456789ab",
        ),
        (
            "https://channels.nixos.org/nixos-25.11-small",
            "25.11.12.0123456789ab",
            "nixos/25.11-small/nixos-25.11.12.0123456789ab",
        ),
        ("", "25.11.1234.0123456789ab", "nixos/25.11/nixos-25.11.1234.0123456789ab"),
    ],
)
def test_a_channel_has_the_lists_of_its_very_release(
    there: Machine, server: Server, url: str, version: str, folder: str
) -> None:
    subscribe(there, "nixos", url, version)
    packages, options = find_sources(there)
    assert packages.addresses[0] == f"{server.url}/releases/{folder}/packages.json.br"
    assert options.addresses[0] == f"{server.url}/releases/{folder}/options.json.br"
    assert packages.revision == version
    assert len(packages.addresses) == 2


def test_nixpkgs_own_channels_borrow_the_options(there: Machine, server: Server) -> None:
    subscribe(there, "nixpkgs", "https://nixos.org/channels/nixpkgs-unstable", "26.05pre8.01234567")
    packages, options = find_sources(there)
    assert "/nixpkgs/nixpkgs-26.05pre8.01234567/packages.json.br" in packages.address
    assert options.address == f"{server.url}/channels/nixos-unstable/options.json.br"


def lock(machine: Machine, reference: dict[str, str]) -> None:
    folder = Path(machine.etc_dir, "nixos")
    folder.mkdir(parents=True)
    (folder / "flake.nix").write_text("{ }")
    locked = {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "ab" * 20}
    original = {"type": "github", "owner": "NixOS", "repo": "nixpkgs", **reference}
    nodes = {
        "root": {"inputs": {"nixpkgs": "nixpkgs"}},
        "nixpkgs": {"locked": locked, "original": original},
    }
    (folder / "flake.lock").write_text(json.dumps({"version": 7, "root": "root", "nodes": nodes}))


@pytest.mark.parametrize(
    ("reference", "channel"),
    [
        ({"ref": "nixos-25.11"}, "nixos-25.11"),
        ({"ref": "nixpkgs-unstable"}, "nixpkgs-unstable"),
        ({}, "nixos-unstable"),
    ],
)
def test_a_flake_has_the_lists_of_its_branch(
    there: Machine, server: Server, reference: dict[str, str], channel: str
) -> None:
    lock(there, reference)
    packages = find_sources(there)[0]
    assert packages.name == channel
    assert packages.addresses == (f"{server.url}/channels/{channel}/packages.json.br",)
    assert packages.revision is None, "the channel's newest is not what is locked"


def test_the_options_of_the_running_system_are_its_own(there: Machine, server: Server) -> None:
    system = Path(there.run_dir, "current-system")
    documents = system / "sw/share/doc/nixos"
    documents.mkdir(parents=True)
    (documents / "options.json").write_text(json.dumps(lists.options()))
    home = Path(there.env["XDG_STATE_HOME"], "nix/profiles/home-manager/home-path/share/doc")
    (home / "home-manager").mkdir(parents=True)
    (home / "home-manager/options.json").write_text(json.dumps(lists.options()))
    named = {(s.name, s.kind): s for s in find_sources(there)}
    assert set(named) == {
        ("nixos-unstable", "packages"),
        ("running-system", "nixos"),
        ("home-manager", "home-manager"),
    }
    assert update(there, named["running-system", "nixos"]).outcome == "built"
    assert update(there, named["home-manager", "home-manager"]).outcome == "built"
    assert not state(there, "running-system", "nixos").stale
    assert server.asked == []
    os.utime(documents / "options.json", (1, 1))
    assert state(there, "running-system", "nixos").stale


def test_a_channels_programs_are_used_where_they_are(there: Machine, server: Server) -> None:
    channel = subscribe(there, "nixos", "", "25.11.1234.0123456789ab")
    lists.write_programs(channel / "programs.sqlite", [("rg", "ripgrep")])
    found = state(there, "channel", "programs")
    assert found.there and not found.stale
    assert found.path == str(Path(there.root_channels, "nixos", "programs.sqlite"))
    assert update(there, found.source).outcome == "unchanged"
    remove_index(there, found.source)
    assert (channel / "programs.sqlite").exists()


# what a user adds


@pytest.mark.parametrize(
    ("words", "kind", "found"),
    [
        ("nixos-25.11", None, [("packages", "fetch"), ("nixos", "fetch")]),
        ("nixos-25.11", "programs", [("programs", "fetch")]),
        ("https://example.org/a/packages.json.xz", None, [("packages", "fetch")]),
        ("https://example.org/options.json?x=1", "darwin", [("darwin", "fetch")]),
        ("https://example.org/programs.sqlite", None, [("programs", "fetch")]),
        ("github:NixOS/nixpkgs/nixos-25.11", None, [("packages", "evaluate")]),
        ("nixpkgs", None, [("packages", "evaluate")]),
        ("<nixpkgs>", None, [("packages", "evaluate")]),
    ],
)
def test_what_a_source_may_be(words: str, kind: str | None, found: list[tuple[str, str]]) -> None:
    assert [(s.kind, s.how) for s in parse_source(words, None, kind)] == found


def test_paths_are_lists_expressions_or_flakes(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    (tmp_path / "expression").mkdir()
    (tmp_path / "expression/default.nix").write_text("{ }")
    (tmp_path / "flake").mkdir()
    assert parse_source(str(tmp_path / "mine.json"), None, "home-manager")[0].name == "mine"
    assert parse_source(f"{tmp_path}/expression", None, None)[0].address == f"{tmp_path}/expression"
    assert parse_source(f"{tmp_path}/flake", None, None)[0].address == f"path:{tmp_path}/flake"


@pytest.mark.parametrize(
    ("words", "name", "kind"),
    [
        ("nixos-25.11", None, "recipes"),
        ("nixos-25.11", None, "home-manager"),
        ("nixos-25.11", "../../etc", None),
        ("--impure", None, None),
        ("", None, None),
        ("a b c", None, None),
        ("ftp://example.org/packages.json", None, None),
        ("https://example.org/index.html", None, None),
        ("/nowhere/packages.json", None, None),
        ("/nowhere", None, None),
        ("github:a/b", None, "programs"),
    ],
)
def test_what_it_may_not_be(words: str, name: str | None, kind: str | None) -> None:
    with pytest.raises((Refused, NotFound)):
        parse_source(words, name, kind)


def test_what_is_added_is_remembered_until_it_is_forgotten(there: Machine, server: Server) -> None:
    mine = parse_source("nixos-25.11", None, None)
    add_sources(there, mine)
    add_sources(there, parse_source("nixos-24.05", "nixos-25.11", "packages"))
    found = {(s.name, s.kind): s for s in find_sources(there)}
    assert found["nixos-25.11", "packages"].channel == "nixos-24.05"
    assert found["nixos-25.11", "nixos"].channel == "nixos-25.11"
    forget_sources(there, list(found.values()))
    assert [s.name for s in find_sources(there)] == ["nixos-unstable"] * 2


def test_a_damaged_list_of_sources_is_told(there: Machine) -> None:
    os.makedirs(index_folder(there))
    Path(index_folder(there), "sources.json").write_text("{")
    with pytest.raises(NixError, match="cannot be read"):
        find_sources(there)


# bringing them up to date


def test_an_index_is_built_and_then_only_asked_for(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages, options = find_sources(there)
    assert state(there, "nixos-unstable").stale and not state(there, "nixos-unstable").there
    done = update(there, packages)
    assert (done.outcome, done.message) == ("built", "6 entries")
    assert update(there, options).outcome == "built"
    facts = read_facts(index_path(there, packages))
    assert facts.source.origin == packages.address and facts.source.etag == '"1"'
    asked = len(server.asked)
    assert update(there, packages).outcome == "unchanged"
    assert server.asked[asked]["If-None-Match"] == '"1"'
    found = state(there, "nixos-unstable")
    assert found.there and not found.stale and found.problem is None
    assert found.age_days is not None and 0 <= found.age_days < 0.01


def test_a_newer_list_makes_a_new_index(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    newer = {"pname": "new", "version": "1"}
    server.serve(
        "channels/nixos-unstable/packages.json.br",
        lists.packed(lists.packages(new=newer)),
        etag='"2"',
    )
    assert update(there, packages).message == "7 entries"


def test_the_newest_is_taken_where_the_release_is_gone(there: Machine, server: Server) -> None:
    subscribe(there, "nixos", "https://x/nixos-25.11", "25.11.1234.0123456789ab")
    serve_channel(server, "channels/nixos-25.11")
    packages = find_sources(there)[0]
    assert update(there, packages).outcome == "built"
    facts = read_facts(index_path(there, packages))
    assert facts.source.origin == packages.addresses[1]
    assert facts.source.revision is None, "it is of another release"
    assert update(there, packages).outcome == "unchanged"
    old = time.time() - 8 * 86400
    os.utime(index_path(there, packages), (old, old))
    assert state(there, "nixos-25.11").stale


def test_another_release_of_the_machine_makes_it_stale(there: Machine, server: Server) -> None:
    channel = subscribe(there, "nixos", "https://x/nixos-25.11", "25.11.1234.0123456789ab")
    serve_channel(server, "releases/nixos/25.11/nixos-25.11.1234.0123456789ab")
    serve_channel(server, "releases/nixos/25.11/nixos-25.11.1300.0123456789ab")
    update(there, find_sources(there)[0])
    assert not state(there, "nixos-25.11").stale
    (channel / ".version-suffix").write_text(".1300.0123456789ab")
    assert state(there, "nixos-25.11").stale
    assert update(there, find_sources(there)[0]).outcome == "built"
    assert not state(there, "nixos-25.11").stale


def test_days_make_it_stale(
    there: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    week_ago = time.time() - 8 * 86400
    os.utime(index_path(there, packages), (week_ago, week_ago))
    assert state(there, "nixos-unstable").stale
    monkeypatch.setenv("LUMINOUS_NIX_INDEX_DAYS", "0")
    assert not state(there, "nixos-unstable").stale
    monkeypatch.delenv("LUMINOUS_NIX_INDEX_DAYS")
    assert update(there, packages).outcome == "unchanged"
    assert not state(there, "nixos-unstable").stale


@pytest.mark.parametrize("fault", ["500", "truncate", "reset", "nonsense", "no list", "empty"])
def test_a_failure_leaves_the_old_index_and_says_so(
    there: Machine, server: Server, fault: str
) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    before = Path(index_path(there, packages)).read_bytes()
    path = "channels/nixos-unstable/packages.json.br"
    bodies = {
        "nonsense": b"<html>not found</html>" * 20,
        "no list": lists.packed({"version": 3}),
        "empty": lists.packed({"version": 2, "packages": {}}),
    }
    body = bodies.get(fault, lists.packed(lists.packages()))
    faults = [] if fault in bodies else [fault] * 3
    server.serve(path, body, etag='"2"', faults=faults)
    done = update(there, packages)
    assert done.outcome == "failed" and done.message
    assert Path(index_path(there, packages)).read_bytes() == before
    found = state(there, "nixos-unstable")
    assert found.there and found.problem == done.message
    assert failed_lately(there, packages, 60)
    server.serve(path, lists.packed(lists.packages()), etag='"3"')
    assert update(there, packages).outcome == "built"
    assert state(there, "nixos-unstable").problem is None
    assert not failed_lately(there, packages, 60)


def test_a_damaged_index_is_made_anew(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    whole = Path(index_path(there, packages)).read_bytes()
    with open(index_path(there, packages), "r+b") as file:
        file.seek(len(whole) // 2)
        file.write(b"damage" * 2000)
    assert update(there, packages).outcome == "built"
    assert is_sound(index_path(there, packages))
    os.truncate(index_path(there, packages), 0)
    assert update(there, packages).outcome == "built"
    assert update(there, packages).outcome == "unchanged"


def test_one_process_at_a_time(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    os.makedirs(index_folder(there))
    held = os.open(f"{index_folder(there)}/nixos-unstable.packages.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert update(there, packages).outcome == "busy"
    assert server.asked == []
    os.close(held)
    assert update(there, packages).outcome == "built"


def test_a_folder_that_cannot_be_made_is_a_sentence(
    there: Machine, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LUMINOUS_NIX_INDEX_FOLDER", str(tmp_path / "file/indexes"))
    assert "file" in update(there, find_sources(there)[0]).message


def test_the_folder_is_a_setting(
    there: Machine, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_channel(server)
    monkeypatch.setenv("LUMINOUS_NIX_INDEX_FOLDER", str(tmp_path / "elsewhere"))
    update(there, find_sources(there)[0])
    assert (tmp_path / "elsewhere/nixos-unstable.packages.sqlite").exists()


def test_the_database_of_programs_comes_out_of_the_expressions(
    there: Machine, server: Server, tmp_path: Path
) -> None:
    body = lists.expressions(tmp_path, [("rg", "ripgrep")])
    server.serve("channels/nixos-25.11/nixexprs.tar.xz", body)
    [source] = parse_source("nixos-25.11", None, "programs")
    add_sources(there, [source])
    assert update(there, source).outcome == "built"
    assert state(there, "nixos-25.11", "programs").there
    assert update(there, source).outcome == "unchanged"
    server.serve("channels/nixos-25.11/nixexprs.tar.xz", lists.packed({}), etag='"2"')
    done = update(there, source)
    assert done.outcome == "failed" and "database of programs" in done.message
    assert state(there, "nixos-25.11", "programs").there


def commands_of(machine: Machine, source: Source, attribute: str) -> tuple[str, ...]:
    with closing(open_packages(index_path(machine, source))) as index:
        entry = index.find(attribute)
        assert entry is not None
        return entry.programs


def test_packages_bring_the_commands_that_the_channel_knows(there: Machine, server: Server) -> None:
    channel = subscribe(there, "nixos", "", "25.11.1234.0123456789ab")
    serve_channel(server, "releases/nixos/25.11/nixos-25.11.1234.0123456789ab")
    lists.write_programs(channel / "programs.sqlite", [("pip", "python3Packages.requests")])
    packages = find_sources(there)[0]
    assert update(there, packages).outcome == "built"
    assert commands_of(there, packages, "python3Packages.requests") == ("pip",)
    with closing(open_packages(index_path(there, packages))) as index:
        assert [hit.entry.attribute for hit in index.search("pip")] == ["python3Packages.requests"]


def test_packages_are_indexed_anew_when_their_commands_become_known(
    there: Machine, server: Server, tmp_path: Path
) -> None:
    serve_channel(server, "channels/nixos-25.11")
    for folder in ("channels/nixos-25.11", "channels/nixos-unstable"):
        body = lists.expressions(tmp_path, [("say-hello", "hello")])
        server.serve(f"{folder}/nixexprs.tar.xz", body)
    packages, _ = parse_source("nixos-25.11", None, None)
    others = parse_source("nixos-unstable", None, "programs")
    add_sources(there, [packages, *others])
    update(there, packages)
    assert update(there, others[0]).outcome == "built"
    assert update(there, packages).outcome == "unchanged", "those are of another channel"
    assert commands_of(there, packages, "hello") == ()
    [programs] = parse_source("nixos-25.11", None, "programs")
    add_sources(there, [programs])
    update(there, programs)
    assert update(there, packages).outcome == "built"
    assert commands_of(there, packages, "hello") == ("say-hello",)
    assert update(there, packages).outcome == "unchanged"


def test_a_damaged_database_of_programs_is_done_without(there: Machine, server: Server) -> None:
    channel = subscribe(there, "nixos", "", "25.11.1234.0123456789ab")
    serve_channel(server, "releases/nixos/25.11/nixos-25.11.1234.0123456789ab")
    (channel / "programs.sqlite").write_bytes(b"no database")
    packages = find_sources(there)[0]
    assert update(there, packages).outcome == "built"
    assert commands_of(there, packages, "hello") == ()


def test_packages_that_options_name_come_first(there: Machine, server: Server) -> None:
    twins = {
        name: {"pname": name, "version": "1", "description": "Animal"}
        for name in ("aardvark", "zebra")
    }
    example = {"type": "package", "example": {"_type": "literalExpression", "text": "pkgs.zebra"}}
    folder = "channels/nixos-unstable"
    server.serve(f"{folder}/packages.json.br", lists.packed(lists.packages(**twins)))
    server.serve(f"{folder}/options.json.br", lists.packed(lists.options(a=example)))
    sources = find_sources(there)
    assert sources[0].kind == "packages"
    context = Context(there, Progress(), direct=True)
    done = asyncio.run(update_indexes(context, sources))
    assert [one.outcome for one in done] == ["built", "built"]
    assert done[-1].source == sources[0], "packages are last"
    with closing(open_packages(index_path(there, sources[0]))) as index:
        assert index.search("animal")[0].entry.attribute == "zebra"


def test_nothing_is_left_of_what_is_removed(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    remove_index(there, packages)
    assert os.listdir(index_folder(there)) == []


def test_a_cancelled_update_leaves_the_old_index(there: Machine, server: Server) -> None:
    serve_channel(server)
    packages = find_sources(there)[0]
    update(there, packages)
    before = Path(index_path(there, packages)).read_bytes()
    many = {f"p{i}": {"pname": f"p{i}", "version": "1"} for i in range(30_000)}
    path = "channels/nixos-unstable/packages.json.br"
    server.serve(path, lists.packed(lists.packages(**many)), etag='"2"')

    async def cancelled() -> None:
        progress = Progress()
        context = Context(there, progress, direct=True)
        task = asyncio.create_task(update_index(context, packages))
        while "indexing" not in progress.state.message and not task.done():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert Path(index_path(there, packages)).read_bytes() == before
    deadline = time.monotonic() + 5
    while any("part" in name for name in os.listdir(index_folder(there))):
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""Gc roots as links make them, and what they keep by the database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.liveness import (
    Keeping,
    find_garbage,
    find_keepers,
    keeping,
    valid_among,
)
from luminous_nix_ipy.store.roots import GcRoot, find_roots, store_path_of
from tests.fake_system import add_path, make_machine
from tests.store_database import write_database


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = make_machine(tmp_path)
    os.makedirs(f"{machine.gcroots_dir}/auto")
    return machine


def link(path: str, target: str) -> str:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)
    return path


def test_links_into_the_store_are_roots_wherever_they_are_below_the_folders(
    machine: Machine,
) -> None:
    app = add_path(machine, "app-1", {"bin/app": ""})
    direct = link(f"{machine.gcroots_dir}/deep/down/app", f"{app}/bin/app")
    generation = link(f"{machine.profiles_dir}/p-1-link", app)
    profile = link(f"{machine.profiles_dir}/p", "p-1-link")
    link(f"{machine.gcroots_dir}/elsewhere", "/tmp")
    found = find_roots(machine)
    assert [(root.link, root.path) for root in found.found] == sorted(
        [(direct, app), (generation, app)]
    )
    assert {root.registered for root in found.found} == {None}
    assert found.paths == {app}
    assert not find_roots(machine, without=[direct, generation]).found
    os.unlink(profile)


def test_a_registered_link_elsewhere_is_a_root_while_it_leads_into_the_store(
    machine: Machine, tmp_path: Path
) -> None:
    app = add_path(machine, "app-1")
    result = link(str(tmp_path / "work/result"), app)
    auto = f"{machine.gcroots_dir}/auto"
    registered = link(f"{auto}/aaa", result)
    stale = link(f"{auto}/bbb", str(tmp_path / "gone"))
    link(f"{auto}/ccc", str(link(str(tmp_path / "work/again"), result)))
    (tmp_path / "plain").write_text("")
    link(f"{auto}/ddd", str(tmp_path / "plain"))
    found = find_roots(machine)
    assert found.found == (GcRoot(result, app, registered),)
    assert found.stale == (stale,)
    assert not find_roots(machine, without=[result]).found
    assert os.path.islink(stale), "looking removes nothing"


def test_a_root_that_is_found_twice_counts_once(machine: Machine) -> None:
    app = add_path(machine, "app-1")
    generation = link(f"{machine.profiles_dir}/p-1-link", app)
    link(f"{machine.gcroots_dir}/auto/aaa", generation)
    assert find_roots(machine).found == (GcRoot(generation, app),)
    assert not find_roots(machine, without=[generation]).found


def test_a_file_named_like_a_store_path_is_a_root(machine: Machine) -> None:
    app = add_path(machine, "app-1")
    Path(machine.gcroots_dir, os.path.basename(app)).write_text("")
    assert find_roots(machine).paths == {app}


def test_what_may_not_be_read_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hidden = f"{machine.gcroots_dir}/per-user"
    os.makedirs(hidden)
    secret = str(tmp_path / "home/result")
    link(f"{machine.gcroots_dir}/auto/aaa", secret)
    listdir, readlink = os.listdir, os.readlink

    def forbid(real: object, path: str) -> object:
        if path in (hidden, secret):
            raise PermissionError(13, "Permission denied", path)
        return real(path)  # type: ignore[operator]

    monkeypatch.setattr(os, "listdir", lambda path: forbid(listdir, path))
    monkeypatch.setattr(os, "readlink", lambda path: forbid(readlink, path))
    found = find_roots(machine)
    assert found.unreadable == tuple(sorted([hidden, secret]))
    assert not found.found and not found.stale


def test_a_machine_without_roots_has_none(tmp_path: Path) -> None:
    assert find_roots(Machine(state_dir=str(tmp_path))).found == ()


def test_store_paths_by_their_spelling(machine: Machine) -> None:
    top = f"{machine.store_dir}/aaa-app"
    assert store_path_of(machine, f"{top}/bin/app") == top
    assert store_path_of(machine, machine.store_dir) is None
    assert store_path_of(machine, "/elsewhere/aaa-app") is None


@pytest.fixture
def store(tmp_path: Path) -> Machine:
    """app → lib, both built by derivations; alone is on its own."""
    s = str(tmp_path / "store")
    machine = write_database(
        tmp_path,
        {
            f"{s}/app": (10, [f"{s}/lib", f"{s}/app"]),
            f"{s}/lib": (20, []),
            f"{s}/app.drv": (3, [f"{s}/lib.drv"]),
            f"{s}/lib.drv": (4, []),
            f"{s}/alone": (None, []),
        },
    )
    import sqlite3

    with sqlite3.connect(machine.database) as connection:
        for name in ("app", "lib"):
            connection.execute(
                "update ValidPaths set deriver = ? where path = ?",
                (f"{s}/{name}.drv", f"{s}/{name}"),
            )
            connection.execute(
                "insert into DerivationOutputs select id, 'out', ? from ValidPaths where path = ?",
                (f"{s}/{name}", f"{s}/{name}.drv"),
            )
    connection.close()
    os.makedirs(s)
    os.makedirs(f"{s}/.links")
    for name in ("app", "lib", "app.drv", "lib.drv", "alone"):
        Path(s, name).write_text("")
    return Machine(state_dir=machine.state_dir, store_dir=s, conf_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("keep", "roots", "dead"),
    [
        (Keeping(), ["app"], {"alone"}),
        (Keeping(derivations=False), ["app"], {"alone", "app.drv", "lib.drv"}),
        (Keeping(), ["lib"], {"alone", "app", "app.drv"}),
        (Keeping(), ["app.drv"], {"alone", "app", "lib"}),
        (Keeping(outputs=True), ["app.drv"], {"alone"}),
        (Keeping(), ["gone"], {"alone", "app", "lib", "app.drv", "lib.drv"}),
    ],
)
def test_what_no_root_needs_is_garbage(
    store: Machine, keep: Keeping, roots: list[str], dead: set[str]
) -> None:
    found = find_garbage(store, [f"{store.store_dir}/{name}" for name in roots], keep)
    assert {os.path.basename(path) for path in found.paths} == dead
    assert found.live == 5 - len(dead)
    assert not found.strangers


def test_what_the_database_does_not_know_is_garbage_too(store: Machine) -> None:
    Path(store.store_dir, "left").mkdir()
    Path(store.store_dir, "left/over").write_text("x" * 70)
    Path(store.store_dir, "left/link").symlink_to("over")
    found = find_garbage(store, [], Keeping())
    assert found.strangers == {f"{store.store_dir}/left": 74}
    assert found.bytes == 10 + 20 + 3 + 4 + 74


def test_why_a_path_lives(store: Machine) -> None:
    s = store.store_dir
    roots = [GcRoot("/r/app", f"{s}/app"), GcRoot("/r/alone", f"{s}/alone")]
    roots.append(GcRoot("/r/lib", f"{s}/lib"))
    found = find_keepers(store, f"{s}/lib", roots, Keeping())
    assert [(root.link, chain) for root, chain in found] == [
        ("/r/lib", (f"{s}/lib",)),
        ("/r/app", (f"{s}/app", f"{s}/lib")),
    ]
    built = find_keepers(store, f"{s}/lib.drv", roots[:1], Keeping())
    assert len(built) == 1
    assert built[0][1][0] == f"{s}/app" and built[0][1][-1] == f"{s}/lib.drv"
    assert not find_keepers(store, f"{s}/lib.drv", roots[:1], Keeping(derivations=False))
    outputs = find_keepers(
        store, f"{s}/app", [GcRoot("/r/d", f"{s}/app.drv")], Keeping(outputs=True)
    )
    assert [chain for _, chain in outputs] == [(f"{s}/app.drv", f"{s}/app")]
    with pytest.raises(NotFound):
        find_keepers(store, f"{s}/nothing", roots, Keeping())


def test_which_paths_are_valid(store: Machine) -> None:
    wanted = [f"{store.store_dir}/app", f"{store.store_dir}/no"]
    assert valid_among(store, wanted) == {wanted[0]}


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("", Keeping(True, False)),
        ("keep-outputs = true\nkeep-derivations = false\n", Keeping(False, True)),
        ("gc-keep-outputs = true\n", Keeping(True, True)),
    ],
)
def test_what_nix_keeps_besides_is_read_from_its_settings(
    tmp_path: Path, conf: str, expected: Keeping
) -> None:
    (tmp_path / "nix.conf").write_text(conf)
    assert keeping(Machine(conf_dir=str(tmp_path), env={"NIX_USER_CONF_FILES": ""})) == expected

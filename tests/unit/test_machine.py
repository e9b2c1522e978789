"""Where a machine's Nix keeps its things."""

from __future__ import annotations

import pytest

from luminous_nix_ipy import machine
from luminous_nix_ipy.machine import Machine


def test_defaults_are_nixs_own() -> None:
    found = machine.local({"HOME": "/home/someone"})
    assert (found.store_dir, found.state_dir) == ("/nix/store", "/nix/var/nix")
    assert found.database == "/nix/var/nix/db/db.sqlite"
    assert found.profiles_dir == "/nix/var/nix/profiles"
    assert found.system_profile == "/nix/var/nix/profiles/system"
    assert found.gcroots_dir == "/nix/var/nix/gcroots"
    assert (found.current_system, found.booted_system) == (
        "/run/current-system",
        "/run/booted-system",
    )
    assert (found.home, found.env, found.playground) == ("/home/someone", {}, None)


def test_nixs_variables_name_other_folders_and_reach_the_children() -> None:
    variables = {
        "NIX_STORE_DIR": "/x/store/",
        "NIX_STATE_DIR": "/x/var",
        "NIX_LOG_DIR": "/x/log",
        "NIX_CONF_DIR": "/x/etc",
    }
    found = machine.local({"HOME": "/h", **variables})
    assert (found.store_dir, found.state_dir) == ("/x/store", "/x/var")
    assert (found.log_dir, found.conf_dir) == ("/x/log", "/x/etc")
    assert found.env == variables


def test_empty_variables_are_unset_ones_and_nix_store_is_heard() -> None:
    found = machine.local({"HOME": "/h", "NIX_STATE_DIR": "", "NIX_STORE": "/y/store"})
    assert (found.store_dir, found.state_dir, found.env) == ("/y/store", "/nix/var/nix", {})


def test_our_own_variables() -> None:
    found = machine.local(
        {
            "HOME": "/h",
            "LUMINOUS_NIX_RUN_DIR": "/mnt/run",
            "LUMINOUS_NIX_BOOT_DIR": "/mnt/boot/",
            "LUMINOUS_NIX_ETC_DIR": "/mnt/etc",
            "LUMINOUS_NIX_STATE_DIR": "/mnt/state",
            "LUMINOUS_NIX_SYSTEM_STATE_DIR": "/mnt/system",
        }
    )
    assert (found.run_dir, found.boot_dir) == ("/mnt/run", "/mnt/boot")
    assert found.etc_dir == "/mnt/etc"
    assert (found.user_state_dir, found.system_journal_dir) == ("/mnt/state", "/mnt/system")


def test_children_are_told_this_environment_and_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("NIX_STORE_DIR", "/this/one")
    told = Machine(env={"NIX_STORE_DIR": "/the/machines"}).child_environment()
    assert (told["KEPT"], told["NIX_STORE_DIR"]) == ("1", "/the/machines")


def test_the_machine_in_use_is_the_local_one_until_another_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIX_STATE_DIR", "/first")
    assert machine.current().state_dir == "/first"
    monkeypatch.setenv("NIX_STATE_DIR", "/second")
    assert machine.current().state_dir == "/second"
    other = Machine(state_dir="/other")
    machine.use(other)
    assert machine.current() is other
    machine.use(None)
    assert machine.current().state_dir == "/second"

"""Who holds a lock on a file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from luminous_nix_ipy.store import locks
from luminous_nix_ipy.store.locks import lock_holder
from tests.held_lock import held


def test_nobody_holds_what_is_not_there_or_free(tmp_path: Path) -> None:
    assert lock_holder(str(tmp_path / "lock")) is None
    (tmp_path / "lock").touch()
    assert lock_holder(str(tmp_path / "lock")) is None


def test_the_process_that_holds_it_is_named(tmp_path: Path) -> None:
    with held(tmp_path / "lock") as process:
        holder = lock_holder(str(tmp_path / "lock"))
        assert holder is not None
        assert holder.startswith(f"process {process} (python")
    assert lock_holder(str(tmp_path / "lock")) is None


def test_a_shared_lock_keeps_nobody_out_that_asks(tmp_path: Path) -> None:
    with held(tmp_path / "lock", fcntl.LOCK_SH):
        assert lock_holder(str(tmp_path / "lock")) is None


def test_where_the_kernel_does_not_tell_the_lock_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_LOCKS", str(tmp_path / "none"))
    with held(tmp_path / "lock"):
        assert lock_holder(str(tmp_path / "lock")) == "another process"
    assert lock_holder(str(tmp_path / "lock")) is None


def test_a_file_of_the_same_number_elsewhere_is_not_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lock").touch()
    inode = (tmp_path / "lock").stat().st_ino
    (tmp_path / "locks").write_text(
        f"1: FLOCK  ADVISORY  WRITE {os.getpid()} 00:99:{inode} 0 EOF\n"
        f"1: -> FLOCK  ADVISORY  WRITE {os.getpid()} 00:99:{inode} 0 EOF\nnonsense\n"
    )
    monkeypatch.setattr(locks, "_LOCKS", str(tmp_path / "locks"))
    assert lock_holder(str(tmp_path / "lock")) is None


def test_a_holder_that_has_ended_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(tmp_path / "lock"):
        inode = (tmp_path / "lock").stat().st_ino
        gone = 4_194_304  # more than the kernel gives out
        (tmp_path / "locks").write_text(f"1: FLOCK ADVISORY WRITE {gone} 00:99:{inode} 0 EOF\n")
        monkeypatch.setattr(locks, "_LOCKS", str(tmp_path / "locks"))
        assert lock_holder(str(tmp_path / "lock")) == f"process {gone}"


def test_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("lock")
    with pytest.raises(OSError, match="lock"):
        lock_holder(str(tmp_path / "lock"))

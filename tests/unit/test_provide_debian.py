"""What provides the machines: control groups, folders named after their recipe, refusals."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.machine.table import table
from tests.provide import cgroups, debian
from tests.provide.apt import CannotProvide

HYBRID = """\
30 24 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:12 - cgroup cgroup rw,memory
"""


def test_the_hierarchies_that_systemd_uses_are_found(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(HYBRID)
    told = [str(path) for path in cgroups.hierarchies(mounts)]
    assert told == ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert cgroups.hierarchies(mounts) == []


def test_a_group_is_made_in_each_hierarchy_and_removed_with_those_below(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tops = [tmp_path / "one", tmp_path / "two"]
    for top in tops:
        top.mkdir()
    monkeypatch.setattr(cgroups, "hierarchies", lambda: tops)
    groups = cgroups.make_groups("host")
    assert groups == [top / f"luminous-nix-test-{os.getpid()}-host" for top in tops]
    (groups[0] / "payload/system.slice").mkdir(parents=True)
    for group in groups:
        cgroups.remove_group(group)
        cgroups.remove_group(group)
    assert [list(top.iterdir()) for top in tops] == [[], []]
    assert cgroups.why_no_cgroup() == ""
    assert [list(top.iterdir()) for top in tops] == [[], []]


def test_groups_of_processes_that_are_gone_are_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path])
    (ours,) = cgroups.make_groups("host")
    theirs = tmp_path / "luminous-nix-test-99999999-host"
    (theirs / "payload").mkdir(parents=True)
    cgroups.remove_abandoned()
    assert ours.exists() and not theirs.exists()


def test_without_groups_a_sentence_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [])
    assert "No hierarchy of control groups" in cgroups.why_no_cgroup()
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [tmp_path / "none"])
    assert "needs /sys/fs/cgroup writable" in cgroups.why_no_cgroup()


def test_another_recipe_is_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = debian.template(tmp_path), debian.modules(tmp_path)
    assert first == (debian.template(tmp_path), debian.modules(tmp_path))
    monkeypatch.setattr(debian, "_FURNISH", "true")
    assert debian.template(tmp_path) != first[0] and debian.modules(tmp_path) == first[1]
    monkeypatch.setattr(debian, "_requirements", lambda: ["pandas"])
    assert debian.modules(tmp_path) != first[1]


def test_a_folder_is_made_beside_its_place_and_long_unused_ones_go(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    others = ["debian-old", "debian-recent", "nix-2.34"]
    for name in others:
        (cache / name).mkdir(parents=True)
        (cache / name / "file").touch()
    long_ago = time.time() - 30 * 24 * 3600
    for name in ("debian-old", "nix-2.34"):
        os.utime(cache / name, (long_ago, long_ago))

    def fail(root: Path) -> None:
        (root / "half").touch()
        raise CannotProvide("no network")

    with pytest.raises(CannotProvide):
        debian._keep(cache / "debian-new", fail)
    assert sorted(os.listdir(cache)) == others
    debian._keep(cache / "debian-new", lambda root: (root / "whole").touch())
    debian._keep(cache / "debian-new", fail)
    assert os.listdir(cache / "debian-new") == ["whole"]
    assert sorted(os.listdir(cache)) == ["debian-new", "debian-recent", "nix-2.34"]


@pytest.mark.parametrize(
    ("user", "machine", "programs", "words"),
    [
        (1000, "x86_64", True, "Only root"),
        (0, "riscv64", True, "no Python modules for a Debian on riscv64"),
        (0, "x86_64", False, "debootstrap, ip, nsenter, ssh, systemd-nspawn"),
        (0, "x86_64", True, "no groups here"),
    ],
)
def test_where_no_machine_can_be_started_a_sentence_says_why(
    monkeypatch: pytest.MonkeyPatch, user: int, machine: str, programs: bool, words: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(shutil, "which", lambda name: name if programs else None)
    monkeypatch.setattr(debian, "why_no_cgroup", lambda: "no groups here")
    assert words in debian.why_not()
    assert not debian.there()


def test_a_program_that_fails_is_told_by_its_own_name_and_last_words() -> None:
    with pytest.raises(CannotProvide, match=r"^chroot gave 3: .*no such suite$"):
        debian._run("sh", "-c", "echo no such suite >&2; exit 3", "chroot")


def test_the_table_of_faults_counts_what_was_tried() -> None:
    tried = {"link down": Counter({"old": 2}), "disk full": Counter({"old": 1, "new": 3})}
    assert table(tried) == [
        "| Fault | Tried | Outcome |",
        "| --- | ---: | --- |",
        "| disk full | 4 | new 3×; old 1× |",
        "| link down | 2 | old |",
    ]

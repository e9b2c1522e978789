"""The control groups that a booted container needs: one of its own, or two would share one.

systemd-nspawn makes its folders `payload` and `supervisor` in the group that it is started in
(systemd-nspawn(1), --keep-unit), so each machine gets a group at the top of every hierarchy that
systemd uses (cgroups(7)): the unified one, the one named systemd, or both.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PREFIX = "luminous-nix-test-"


def hierarchies(mounts: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """Where the hierarchies that systemd uses are mounted; proc(5) tells the format."""
    found = []
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split()[:3]
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(before.split()[4]))
    return found


def make_groups(name: str) -> list[Path]:
    """Make one group in each hierarchy, named after this process too; their folders."""
    groups = [hierarchy / f"{_PREFIX}{os.getpid()}-{name}" for hierarchy in hierarchies()]
    for group in groups:
        group.mkdir()
    return groups


def remove_group(group: Path) -> None:
    """Remove a group and those below, as far as no process is in them."""
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def remove_abandoned() -> None:
    """Remove the groups of processes that are gone."""
    for hierarchy in hierarchies():
        for group in hierarchy.glob(f"{_PREFIX}*"):
            process = group.name.removeprefix(_PREFIX).split("-")[0]
            if not Path("/proc", process).exists():
                remove_group(group)


def why_no_cgroup() -> str:
    """Why no group can be made here, in a sentence; empty where one can."""
    if not hierarchies():
        return "No hierarchy of control groups that systemd can use is mounted (cgroups(7))."
    try:
        groups = make_groups("trial")
    except OSError as error:
        return (
            f"Control groups cannot be made below {error.filename}: {error.strerror}. A container "
            "needs /sys/fs/cgroup writable for that (docker run --privileged --cgroupns=host)."
        )
    for group in groups:
        remove_group(group)
    return ""

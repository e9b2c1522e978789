"""Whose a playground is: the marker file that names the process which made it.

A folder is only ever deleted when it carries the marker. One that another process made is deleted
only when that process is surely gone: it ran before the last boot, or its number is free or belongs
to a process that started at another time (proc_pid_stat(5), field 22). A process of another PID
namespace cannot be seen from here and counts as alive.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

import msgspec

from ..errors import Refused
from ..store.links import read_link
from .layout import machine_in

MARKER = ".luminous-nix-playground"
PREFIX = "luminous-nix-playground-"


class Marker(msgspec.Struct, frozen=True):
    """What the marker file says."""

    pid: int
    boot_id: str
    pid_namespace: str
    started: str
    """When the process started, in clock ticks after the boot."""
    generations: int
    simulated: bool


def make_folder(generations: int, *, simulated: bool) -> str:
    """Make an empty folder that is this process's; its real path, since Nix refuses links in it."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix=PREFIX))
    marker = Marker(
        pid=os.getpid(),
        boot_id=_boot_id(),
        pid_namespace=_pid_namespace(),
        started=_start_time(os.getpid()) or "",
        generations=generations,
        simulated=simulated,
    )
    with open(os.path.join(folder, MARKER), "wb") as file:
        file.write(msgspec.json.encode(marker))
    return folder


def read_marker(folder: str) -> Marker | None:
    """What the marker of a folder says; None where it has none that is ours."""
    try:
        with open(os.path.join(folder, MARKER), "rb") as file:
            return msgspec.json.decode(file.read(), type=Marker)
    except (OSError, msgspec.DecodeError):
        return None


def is_marked(folder: str) -> bool:
    """Whether the folder carries our marker."""
    return read_marker(folder) is not None


def left_behind() -> list[str]:
    """The playgrounds of this user whose processes are gone."""
    return [folder for folder in _folders() if _is_left_behind(folder)]


def remove(folder: str) -> None:
    """Delete a playground wholly: what Nix made read-only is made writable first, and links
    elsewhere to what was built in it go with it. One that is gone already is no error.

    Raises:
        Refused: the folder has no marker of ours.
    """
    if not os.path.lexists(folder):
        return
    if not is_marked(folder):
        raise Refused(f"{folder} is not deleted.", "It does not carry a playground's marker.")
    for link in _results(folder):
        with contextlib.suppress(OSError):
            os.unlink(link)
    # The marker goes last, so that an interrupted removal can be taken up again.
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _make_writable(entry.path)
            shutil.rmtree(entry.path)
        elif entry.name != MARKER:
            os.unlink(entry.path)
    os.unlink(os.path.join(folder, MARKER))
    os.rmdir(folder)


def _results(folder: str) -> list[str]:
    """Links outside, such as `result`, that Nix made to what it built here. The Nix of another
    playground would refuse to replace them."""
    auto = f"{machine_in(folder, simulated=False).gcroots_dir}/auto"
    roots = os.listdir(auto) if os.path.isdir(auto) else []
    links = [read_link(f"{auto}/{name}") or "" for name in roots]
    return [link for link in links if (read_link(link) or "").startswith(f"{folder}/")]


def _folders() -> list[str]:
    """Real folders of this user that look like playgrounds, marked or not."""
    parent = os.path.realpath(tempfile.gettempdir())
    with os.scandir(parent) as entries:
        return [
            entry.path
            for entry in entries
            if entry.name.startswith(PREFIX)
            and entry.is_dir(follow_symlinks=False)
            and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        ]


def _is_left_behind(folder: str) -> bool:
    marker = read_marker(folder)
    boot = _boot_id()
    if marker is None or not boot:
        return False
    if marker.boot_id != boot:
        return True
    same_processes = marker.pid_namespace == _pid_namespace()
    return same_processes and _start_time(marker.pid) != marker.started


def _make_writable(folder: str) -> None:
    os.chmod(folder, 0o700)
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _start_time(pid: int) -> str | None:
    """When a process started; None where none of that number is alive."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else fields[18]

"""File systems that are full or may not be written, for tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    """A file system of so many KiB, mounted on `folder`, which is made. Where nothing may be
    mounted, a double: `os.statvfs` tells of every path below the folder what it would there."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", _double(folder, kib))
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """The folder mounted on itself, read-only; where nothing may be mounted, a double."""
    bind = ["mount", "--bind", str(folder), str(folder)]
    if os.geteuid() == 0 and subprocess.run(bind, capture_output=True).returncode == 0:
        remount = ["mount", "-o", "remount,bind,ro", str(folder)]
        subprocess.run(remount, check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", _double(folder, 1 << 20, os.ST_RDONLY))
        yield folder


def _double(folder: Path, kib: int, flags: int = 0) -> object:
    ask = os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        told = ask(path)
        if folder not in (Path(path), *Path(path).parents):
            return told
        used = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) // 1024
        left = max(0, kib - used)
        return os.statvfs_result((1024, 1024, kib, left, left, 0, 0, 0, flags, 255))

    return statvfs

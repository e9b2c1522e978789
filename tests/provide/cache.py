"""The folder outside the checkout that keeps what is slow to download or build for the tests."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """LUMINOUS_NIX_TEST_CACHE, else luminous-nix-tests in the user's cache folder."""
    if chosen := environ.get("LUMINOUS_NIX_TEST_CACHE"):
        return Path(chosen).absolute()
    base = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", "/root"), ".cache")
    return Path(base).absolute() / "luminous-nix-tests"


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock `name` of this cache, so that two runs never provide the same thing at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

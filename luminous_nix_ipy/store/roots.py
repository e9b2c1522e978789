"""The gc roots of a machine, found as Nix finds them (Nix, src/libstore/gc.cc, findRoots).

They are links below the state folder's `gcroots` and `profiles`: into the store, or to another link
that leads into it, as those in `gcroots/auto` do. What running processes use and what builds under
way need are roots too; those are left to Nix, which looks at them while it collects.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from functools import lru_cache

import msgspec

from ..machine import Machine


class GcRoot(msgspec.Struct, frozen=True):
    """A link that keeps a store path, and all that it needs, from the garbage collector."""

    link: str
    """The link into the store, absolute."""
    path: str
    """The store path, whole."""
    registered: str | None = None
    """The link that makes Nix look at `link`, where that is elsewhere (an indirect root)."""


class Roots(msgspec.Struct, frozen=True):
    """All gc roots of a machine that are links."""

    found: tuple[GcRoot, ...]
    """Sorted by link; whether the store still has their paths is for the database to say."""
    stale: tuple[str, ...]
    """Registrations whose link is gone; Nix removes them when it next collects."""
    unreadable: tuple[str, ...]
    """What this user may not look at; Nix may find roots there."""

    @property
    def paths(self) -> frozenset[str]:
        """The store paths that they keep."""
        return frozenset(root.path for root in self.found)


def find_roots(machine: Machine, without: Collection[str] = ()) -> Roots:
    """The gc roots as they are, or as they would be once the links `without` are gone."""
    walk = _Walk(machine, without)
    walk.look(machine.gcroots_dir)
    walk.look(machine.profiles_dir)
    return Roots(
        found=tuple(walk.found[key] for key in sorted(walk.found)),
        stale=tuple(sorted(walk.stale)),
        unreadable=tuple(sorted(walk.unreadable)),
    )


def store_path_of(machine: Machine, path: str) -> str | None:
    """The store path that `path` is, or lies in, by its spelling; None outside of the store."""
    prefix = machine.store_dir + "/"
    name = path[len(prefix) :].split("/", 1)[0] if path.startswith(prefix) else ""
    return prefix + name if name else None


class _Walk:
    def __init__(self, machine: Machine, without: Collection[str]) -> None:
        self.machine = machine
        self.without = {_spelled(link) for link in without}
        self.found: dict[tuple[str, str], GcRoot] = {}
        self.stale: set[str] = set()
        self.unreadable: set[str] = set()

    def look(self, path: str) -> None:
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISDIR(mode):
                for name in os.listdir(path):
                    self.look(f"{path}/{name}")
            elif stat.S_ISLNK(mode):
                self._follow(path, os.readlink(path))
            elif stat.S_ISREG(mode):
                # A file that has the name of a store path keeps that path.
                self._add(path, f"{self.machine.store_dir}/{os.path.basename(path)}")
        except PermissionError:
            self.unreadable.add(path)
        except (FileNotFoundError, NotADirectoryError):
            return

    def _follow(self, link: str, target: str) -> None:
        if _spelled(link) in self.without:
            return
        kept = store_path_of(self.machine, target)
        if kept is not None:
            self._add(link, kept)
            return
        target = os.path.normpath(os.path.join(os.path.dirname(link), target))
        if _spelled(target) in self.without:
            return
        try:
            kept = store_path_of(self.machine, os.readlink(target))
        except PermissionError:
            self.unreadable.add(target)
        except (FileNotFoundError, NotADirectoryError):
            if link.startswith(f"{self.machine.gcroots_dir}/auto/"):
                self.stale.add(link)
        except OSError:  # no link: it keeps nothing
            return
        else:
            if kept is not None:
                self._add(target, kept, link)

    def _add(self, link: str, path: str, registered: str | None = None) -> None:
        """A root that is found twice, such as a generation that is registered too, counts once."""
        key = (_spelled(link), path)
        if registered is None or key not in self.found:
            self.found[key] = GcRoot(link, path, registered)


def _spelled(link: str) -> str:
    """One spelling for one link: the links in its folder resolved."""
    folder, name = os.path.split(link)
    return os.path.join(_resolved(folder), name)


@lru_cache(maxsize=256)
def _resolved(folder: str) -> str:
    return os.path.realpath(folder)

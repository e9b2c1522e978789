"""Two closures compared, package by package.

Paths are grouped by name: a name's versions, outputs and sizes are those of all its paths in a
closure. Sizes add up: the differences of all changes and of the names that were only rebuilt make
the difference of the closures.
"""

from __future__ import annotations

from ..records import ChangeKind, Closure, ClosureDiff, PackageChange
from .versions import NameVersionOutput, full_name, split, version_key

NOTABLE_BYTES = 8192
"""A package whose versions and outputs stayed counts as changed from this difference on, as in
`nix store diff-closures` (Nix, src/nix/diff-closures.cc)."""


def diff(before: Closure, after: Closure) -> ClosureDiff:
    """What changed from one closure to the other, and by how many bytes."""
    for kept in _recent:
        if kept[0] == before and kept[1] == after:
            return kept[2]
    found = _compare(before, after)
    _recent[:] = [(before, after, found), *_recent[: _MOST_RECENT - 1]]
    return found


_recent: list[tuple[Closure, Closure, ClosureDiff]] = []
_MOST_RECENT = 4


def _compare(before: Closure, after: Closure) -> ClosureDiff:
    outputs = {**before.outputs, **after.outputs}
    removed, added = _lacking(before, after), _lacking(after, before)
    marked = (before.selected ^ after.selected) & (before.sizes.keys() | after.sizes.keys())
    parts = {path: split(path, outputs.get(path)) for path in removed | added | marked}
    packages = {part.name: (_Package(), _Package()) for part in parts.values()}
    # Most paths are in both closures and of no name that matters here: the first word tells.
    words = {_first_word(name) for name in packages}
    for path in before.sizes.keys() - parts.keys():
        if _first_word(full_name(path)) in words:
            parts[path] = split(path, outputs.get(path))
    for side, closure in enumerate((before, after)):
        for path in closure.sizes.keys() & parts.keys():
            part = parts[path]
            if part.name in packages:
                packages[part.name][side].add(part, closure.sizes[path], path in closure.selected)
    changes = [
        change
        for name, (old, new) in packages.items()
        if (change := _change(name, old, new)) is not None
    ]
    changes.sort(key=lambda c: (not (c.selected_before or c.selected_after), c.name))
    built = {parts[path].name for path in removed | added}
    return ClosureDiff(
        before=before.root,
        after=after.root,
        changes=tuple(changes),
        rebuilt=len(built - {change.name for change in changes}),
        paths_before=len(before.sizes),
        paths_after=len(after.sizes),
        paths_added=len(after.sizes.keys() - before.sizes.keys()),
        paths_removed=len(before.sizes.keys() - after.sizes.keys()),
        bytes_before=before.bytes,
        bytes_after=after.bytes,
        source=", ".join(dict.fromkeys((before.source, after.source))),
    )


def _first_word(name: str) -> str:
    return name.partition("-")[0]


def _lacking(one: Closure, other: Closure) -> set[str]:
    """The paths that the other closure lacks, or has at another size (a repair changes it)."""
    size = other.sizes.get
    return {path for path, own in one.sizes.items() if size(path) != own}


class _Package:
    """All paths of one name in one closure."""

    __slots__ = ("bytes", "parts", "selected")

    def __init__(self) -> None:
        self.parts: set[NameVersionOutput] = set()
        self.bytes = 0
        self.selected = False

    def add(self, part: NameVersionOutput, size: int, selected: bool) -> None:
        self.parts.add(part)
        self.bytes += size
        self.selected |= selected

    def versions(self) -> set[str]:
        return {part.version for part in self.parts}


def _change(name: str, old: _Package, new: _Package) -> PackageChange | None:
    """The change of one package, or None where it was only rebuilt."""
    kind = _kind(old, new)
    if kind is None:
        return None
    return PackageChange(
        name=name,
        change=kind,
        old_versions=_ordered(old.versions()),
        new_versions=_ordered(new.versions()),
        selected_before=old.selected,
        selected_after=new.selected,
        old_bytes=old.bytes,
        new_bytes=new.bytes,
    )


def _kind(old: _Package, new: _Package) -> ChangeKind | None:
    if not old.parts:
        return "added"
    if not new.parts:
        return "removed"
    if old.parts == new.parts:
        notable = abs(new.bytes - old.bytes) >= NOTABLE_BYTES
        return "changed" if notable or old.selected != new.selected else None
    return _direction(old.versions(), new.versions())


def _direction(old: set[str], new: set[str]) -> ChangeKind:
    """Compare the highest of the versions that only one side has; where one side has none of its
    own, the highest of all: a second, older version beside the one that stays is no downgrade.
    "changed" where the versions are the same, and it is their outputs that differ."""
    only_old, only_new = old - new, new - old
    if not only_old or not only_new:
        only_old, only_new = old, new
    newest_old, newest_new = (max(map(version_key, side)) for side in (only_old, only_new))
    if newest_old == newest_new:
        return "changed"
    return "upgraded" if newest_old < newest_new else "downgraded"


def _ordered(versions: set[str]) -> tuple[str, ...]:
    """Oldest first; a name without a version has none to show."""
    known = versions - {""}
    if len(known) < 2:
        return tuple(known)
    return tuple(sorted(known, key=lambda version: (version_key(version), version)))

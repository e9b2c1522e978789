"""A tree as Nix serialises it: what sizes and hashes of store paths are measured on.

The format is Nix's archive (Nix manual, "Nix Archive (NAR) format"): strings are their length as
eight bytes, little-endian, then themselves, padded with zeros to a multiple of eight; the entries
of a folder are sorted by name.
"""

from __future__ import annotations

from .description import File, Link, Tree


def serialise(contents: Tree | File) -> bytes:
    """The archive of a folder or of a file; its length is the store path's narSize."""
    node = _file(contents) if isinstance(contents, File) else _folder(contents)
    return _strings("nix-archive-1") + node


def _folder(tree: Tree) -> bytes:
    folders: dict[str, Tree] = {}
    nodes: dict[str, bytes] = {}
    for path, entry in tree.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = entry
        elif entry is None:
            folders.setdefault(name, {})
        elif isinstance(entry, Link):
            nodes[name] = _strings("(", "type", "symlink", "target", entry.target, ")")
        else:
            nodes[name] = _file(entry)
    nodes.update({name: _folder(inner) for name, inner in folders.items()})
    entries = (
        _strings("entry", "(", "name", name, "node") + nodes[name] + _strings(")")
        for name in sorted(nodes)
    )
    return _strings("(", "type", "directory") + b"".join(entries) + _strings(")")


def _file(file: File) -> bytes:
    mode = ("executable", "") if file.executable else ()
    return _strings("(", "type", "regular", *mode, "contents", file.text, ")")


def _strings(*texts: str) -> bytes:
    return b"".join(map(_string, texts))


def _string(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)

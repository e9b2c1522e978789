"""GRUB's menu, as NixOS writes it (nixpkgs, install-grub.pl; GRUB's manual, "Shell-like
scripting" and "default").

Its commands are not run: what is read is the order of `menuentry` and `submenu`, the `linux` and
`initrd` of each entry, and the last `set default=`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

from ..machine import Machine
from ..records import BootMenu, MenuEntry
from .boot_files import read_text, started_system

_NUMBERED = re.compile(r" - Configuration ([1-9]\d{0,17})\b")
_OTHER_PROFILE = re.compile(r" - Profile '")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_DEVICE = re.compile(r"^\([^)]*\)")
"""What stands before a path: `(hd0,1)` or `($drive1)`."""
_KERNELS = ("linux", "linux16", "linuxefi", "multiboot", "multiboot2", "module", "module2")
_INITRDS = ("initrd", "initrd16", "initrdefi")


class _Node:
    """An entry, or a submenu, which has entries of its own."""

    def __init__(self, words: list[str]) -> None:
        self.title = words[1] if len(words) > 1 else ""
        self.id = next((after for word, after in pairwise(words) if word == "--id"), "")
        self.below: list[_Node] = []
        self.lines: list[list[str]] = []
        self.entry: MenuEntry | None = None


def read_menu(machine: Machine) -> BootMenu | None:
    """The entries in their order, those of submenus among them; None where there is no such menu.

    Raises:
        OSError: it cannot be read.
    """
    path = f"{machine.boot_dir}/grub/grub.cfg"
    try:
        text = read_text(path)
    except FileNotFoundError:
        return None
    nodes, default = _parse(text)
    entries = tuple(_entries(machine, path, nodes, ()))
    try:
        environment = _environment(read_text(f"{machine.boot_dir}/grub/grubenv"))
    except OSError:
        environment = {}
    default = _VARIABLE.sub(lambda variable: environment.get(variable[1], ""), default)
    chosen = _chosen(nodes, default or "0")
    return BootMenu(loader="GRUB", where=path, entries=entries, default=chosen)


def _parse(text: str) -> tuple[list[_Node], str]:
    """The menu's nodes, and what `default` is set to last, unexpanded."""
    top: list[_Node] = []
    open_nodes: list[_Node | None] = []
    """What the braces that are open belong to; None: to no entry."""
    default = ""
    for line in text.splitlines():
        words = _words(line)
        if not words:
            continue
        inside = next((node for node in reversed(open_nodes) if node is not None), None)
        if words[0] in ("menuentry", "submenu"):
            node = _Node(words)
            (top if inside is None else inside.below).append(node)
            if words[-1] == "{":
                open_nodes.append(node)
        elif words[0] == "}":
            if open_nodes:
                open_nodes.pop()
        elif words[-1] == "{":
            open_nodes.append(None)
        elif words[0] == "set" and len(words) > 1 and words[1].startswith("default="):
            default = words[1].removeprefix("default=")
        elif inside is not None:
            inside.lines.append(words)
    return top, default


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a quotation that goes on in the next line: of no entry of NixOS
        return []


def _entries(
    machine: Machine, path: str, nodes: list[_Node], above: tuple[str, ...]
) -> Iterator[MenuEntry]:
    for node in nodes:
        titles = (*above, node.title)
        if node.below:
            yield from _entries(machine, path, node.below, titles)
        elif node.lines:
            node.entry = _entry(machine, path, titles, node.lines)
            yield node.entry


def _entry(
    machine: Machine, path: str, titles: tuple[str, ...], lines: list[list[str]]
) -> MenuEntry:
    files = []
    parameters = []
    for words in lines:
        if words[0] in _KERNELS:
            files += words[1:2]
            parameters += words[2:]
        elif words[0] in _INITRDS:
            files += words[1:]
    name = ">".join(titles)
    numbered = None if _OTHER_PROFILE.search(name) else _NUMBERED.search(name)
    return MenuEntry(
        name=name,
        where=path,
        number=int(numbered[1]) if numbered else None,
        system=started_system(machine, parameters),
        files=tuple(_DEVICE.sub("", file) for file in files),
    )


def _environment(block: str) -> dict[str, str]:
    """The variables of GRUB's environment block: lines `name=value`, then `#` up to its end."""
    pairs = (line.partition("=") for line in block.splitlines() if not line.startswith("#"))
    return {name: value for name, equals, value in pairs if equals}


def _chosen(nodes: list[_Node], wanted: str) -> MenuEntry | None:
    """The entry that a number, a title or an id means, each below the one before it after `>`."""
    here, _, rest = wanted.partition(">")
    for at, node in enumerate(nodes):
        if here == str(at) or here in (node.title, node.id):
            return _chosen(node.below, rest or "0") if node.below else node.entry
    return None

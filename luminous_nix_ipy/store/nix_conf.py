"""Nix's settings as its files tell them (nix.conf(5)): nix.conf, the user's files, NIX_CONFIG."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..machine import Machine

_DEPTH = 8
"""Files that include one another that are followed."""


def read_settings(machine: Machine) -> dict[str, str]:
    """Setting -> value; what comes later overrides. Files that cannot be read count as empty."""
    env = machine.child_environment()
    found: dict[str, str] = {}
    for path in (f"{machine.conf_dir}/nix.conf", *_user_files(env)):
        _read(path, found, _DEPTH)
    _apply(env.get("NIX_CONFIG", ""), "", found, _DEPTH)
    return found


def max_jobs(machine: Machine, argv: tuple[str, ...] = ()) -> int:
    """How many builds Nix runs here at once: what a command says, else its settings, else 1."""
    value = _argument(argv) or read_settings(machine).get("max-jobs", "1")
    if value == "auto":
        return os.cpu_count() or 1
    return int(value) if value.isdecimal() else 1


def _argument(argv: tuple[str, ...]) -> str | None:
    value = None
    for here, after, further in zip(argv, (*argv[1:], ""), (*argv[2:], "", ""), strict=False):
        if here in ("-j", "--max-jobs"):
            value = after
        elif here == "--option" and after == "max-jobs":
            value = further
        elif here.startswith("-j") and here[2:].isdecimal():
            value = here[2:]
    return value


def _user_files(env: Mapping[str, str]) -> list[str]:
    """The user's own files, those that win last."""
    named = env.get("NIX_USER_CONF_FILES")
    if named is not None:
        return [path for path in reversed(named.split(":")) if path]
    home = env.get("XDG_CONFIG_HOME") or f"{env.get('HOME', '')}/.config"
    folders = [home, *(env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    return [f"{folder}/nix/nix.conf" for folder in reversed(folders)]


def _read(path: str, found: dict[str, str], depth: int) -> None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    _apply(text, os.path.dirname(path), found, depth)


def _apply(text: str, folder: str, found: dict[str, str], depth: int) -> None:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 2 and words[0] in ("include", "!include"):
            if depth > 0:
                _read(os.path.join(folder, words[1]), found, depth - 1)
        elif len(words) >= 2 and words[1] == "=":
            found[words[0]] = " ".join(words[2:])

"""Other machines over ssh: their names, how a program is run there, and what a failure means.

As Nix's own programs, ours heed NIX_SSHOPTS and the user's ssh_config(5). Nothing ever waits for a
password: ssh is told that nobody can be asked (BatchMode).
"""

from __future__ import annotations

import os
import re
import shlex

import msgspec

from ..errors import Refused
from ..machine import Machine
from .commands import Argv

LOG: Argv = ("--log-format", "internal-json", "-v")
"""The arguments by which a program of Nix tells what it does."""

_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NOBODY_ASKED: Argv = ("-oBatchMode=yes",)
_UNLESS_TOLD: Argv = ("-oConnectTimeout=15", "-oServerAliveInterval=10", "-oServerAliveCountMax=3")
"""Of an option that is given several times ssh takes the first: these come last."""

_HELD = r"""
{
    set -u
    build= watch=
    trap '' PIPE
    trap 'exit 1' HUP INT TERM
    folder=$(mktemp -d "${TMPDIR:-/tmp}/luminous-nix.XXXXXX") || exit
    trap 'kill $build $watch 2>/dev/null; rm -rf "$folder"' EXIT
    exec 3<&0
    "$@" --add-root "$folder/result" --indirect </dev/null >/dev/null &
    build=$!
    (
        while read -r line; do :; done
        kill "$build"
    ) <&3 >/dev/null 2>&1 &
    watch=$!
    wait "$build"
    status=$? build=
    readlink "$folder/result"
    exit "$status"
}
"""
"""Read whole by sh before it is begun: what follows it on stdin is the connection's end, which ends
the build. The result has a gc root meanwhile, and is printed last."""


class There(msgspec.Struct, frozen=True):
    """How a program of Nix is run on another machine, so that it ends when the connection does."""

    host: str
    argv: Argv
    script: str
    """What its stdin begins with."""


class Trouble(msgspec.Struct, frozen=True):
    """What ssh meant when it failed: as the arguments of a NixError."""

    what: str
    why: str
    todo: tuple[str, ...]


def check_host(words: str) -> str:
    """The name of a host, as it is.

    Raises:
        Refused: ssh or Nix could take it for something else.
    """
    if _HOST.fullmatch(words) is None:
        raise Refused(
            f"{words!r} is no name of a host.",
            "It is HOST or USER@HOST, of letters, digits, dots, dashes and underscores, and does "
            "not start with a dash.",
            ["Give a port or an IPv6 address a name in ~/.ssh/config, under Host."],
        )
    return words


def options(machine: Machine) -> Argv:
    """The options that every connection is made with.

    Raises:
        Refused: NIX_SSHOPTS has a quotation without an end.
    """
    told = machine.child_environment().get("NIX_SSHOPTS", "")
    try:
        return (*_NOBODY_ASKED, *shlex.split(told), *_UNLESS_TOLD)
    except ValueError:
        raise Refused(
            "NIX_SSHOPTS cannot be read.",
            f"A quotation in it has no end: {told}",
            ["Correct it: %env NIX_SSHOPTS=…"],
        ) from None


def on_host(machine: Machine, host: str, argv: Argv) -> Argv:
    """Runs a program there; the user's shell there takes its words apart again.

    Raises:
        Refused: as of `options`.
    """
    return ("ssh", "-a", "-x", "-T", *options(machine), host, "--", shlex.join(argv))


def held(machine: Machine, host: str, argv: Argv) -> There:
    """Runs a program of Nix that realises a derivation there, for as long as the connection lasts,
    and prints what it realised.

    Raises:
        Refused: as of `options`.
    """
    words = ("sh", "-s", "--", argv[0], *LOG, *argv[1:])
    return There(host, on_host(machine, host, words), _HELD)


def copy_to(machine: Machine, host: str, path: str) -> Argv:
    """Copies the closure of a store path there."""
    return (*_told_to_nix(machine), "nix-copy-closure", "--to", host, path)


def copy_from(machine: Machine, host: str, path: str) -> Argv:
    """Copies the closure of a store path from there."""
    return (*_told_to_nix(machine), "nix-copy-closure", "--from", host, path)


def _told_to_nix(machine: Machine) -> Argv:
    """An old Nix takes the options apart at every blank, so the user's stay as they are."""
    told = machine.child_environment().get("NIX_SSHOPTS", "")
    words = (*_NOBODY_ASKED, *((told,) if told.strip() else ()), *_UNLESS_TOLD)
    return ("env", f"NIX_SSHOPTS={' '.join(words)}")


_LOOK = "See what ssh says: ssh -v {host} true"
_TROUBLES: tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), what, todo)
    for pattern, what, todo in (
        (
            r"^.*Could not resolve hostname.*$",
            "There is no host {host}.",
            ("Look at its spelling, or write its address into ~/.ssh/config.",),
        ),
        (
            r"^.*(?:Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED).*$",
            "{host} is not the host that ssh knows by that name, or it knows none.",
            ("Compare its key and accept it, in a terminal: ssh {host}",),
        ),
        (
            r"^.*(?:Permission denied \(|Too many authentication failures).*$",
            "{host} does not let you in.",
            (
                "Nobody is asked for a password here, so ssh needs a key that it can use alone. "
                "Give the host your key, in a terminal: ssh-copy-id {host}",
                "Where the key has a passphrase, hand it to the agent: ssh-add",
            ),
        ),
        (
            r"^.*Connection refused.*$",
            "{host} takes no connection.",
            ("See whether sshd runs there, and on which port.", _LOOK),
        ),
        (
            r"^.*(?:connect to (?:host|address) .*(?:timed out|No route|unreachable)).*$",
            "{host} cannot be reached.",
            ("See whether it is up, and whether the way to it is.", _LOOK),
        ),
        (
            r"^.*protocol mismatch from .*$",
            "{host} prints something of its own at a login, which Nix does not understand.",
            ("Let its shell print nothing where there is no terminal: ssh {host} true",),
        ),
        (
            r"^.*(?:Timeout, server .* not responding|closed by remote host|Connection closed by|"
            r"Connection reset|Broken pipe|unexpected end-of-file).*$",
            "The connection to {host} was lost.",
            ("Run the same line again: what is built there already is not built again.",),
        ),
    )
)
_NO_NIX = (
    re.compile(r"^.*nix-store: (?:command )?not found.*$", re.MULTILINE),
    "There is no Nix on {host}.",
    (
        "Install it there; or, where it is not in the PATH of a login without a terminal, put it "
        "there. This shows that PATH: ssh {host} 'echo $PATH'",
    ),
)
_NO_PROGRAM = 127
"""The exit status of a shell that finds no such program (sh(1p))."""


def trouble(host: str, said: str, status: int) -> Trouble | None:
    """What ssh, or the shell there, meant; None where it was not theirs to fail.

    Args:
        said: stderr as text. The sentences are those of OpenSSH and of common shells.
        status: the exit status.
    """
    for pattern, what, todo in (*_TROUBLES, _NO_NIX):
        found = pattern.search(said)
        if found is not None or (status == _NO_PROGRAM and what == _NO_NIX[1]):
            why = said.strip() if found is None else found[0].strip()
            advice = tuple(item.format(host=host) for item in todo)
            return Trouble(what.format(host=host), why, advice)
    return None


_LARGEST = 1 << 20
"""Bytes of a file of ssh that are read."""


def known_hosts(home: str) -> list[str]:
    """The hosts that a user's ssh_config(5) names, without patterns; none where it has none."""
    return sorted(_names(os.path.join(home, ".ssh", "config")))


def _names(path: str) -> set[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST)
    except OSError:
        return set()
    found = re.findall(r"^[ \t]*Host(?:[ \t]*=[ \t]*|[ \t]+)(.+)$", text, re.MULTILINE | re.I)
    names = (name.strip('"') for line in found for name in line.split("#")[0].split())
    return {name for name in names if _HOST.fullmatch(name)}

"""What Nix's own sentences mean, and what helps.

The sentences are those of Nix 2.8 and 2.34 (recorded in the tests' fixtures). The errors that Nix
gives in parts are read first, the text of its stderr second: only there are the words of builders.
"""

from __future__ import annotations

import re
import shlex

import msgspec

from ..errors import CommandFailed
from ..records import Message

_EXCERPT = re.compile(r"^\s*\d*\|.*$", re.MULTILINE)
"""Lines of the expression itself, which may say anything."""
_PLACE = re.compile(
    r"^\s*(?:… )?at (?P<file>/[^\n]+?):(?P<line>\d+):(?P<column>\d+):$", re.MULTILINE
)


_OF_A_MACHINE = frozenset(
    {"locked", "daemon", "untrusted user", "untrusted substituter", "substituter unreachable"}
)
"""Kinds of what is to be mended where it failed."""


class Recognised(msgspec.Struct, frozen=True):
    """A kind of error, and what to do about it."""

    kind: str
    suggestions: tuple[str, ...]
    """Each a sentence, or one with a command that works."""
    details: dict[str, str] = {}
    """What Nix's sentence names, such as `expected` and `got` of a hash."""


class _Rule(msgspec.Struct, frozen=True):
    kind: str
    pattern: re.Pattern[str]
    suggestions: tuple[str, ...]
    """With the pattern's groups in braces; a group that ends in `_word` is one word of a shell."""


def _rule(kind: str, pattern: str, *suggestions: str) -> _Rule:
    return _Rule(kind, re.compile(pattern, re.MULTILINE), suggestions)


_ERROR = r"^\s*error:\s+"
_DOWNLOAD = rf"(?:{_ERROR}|exception: error: )unable to download"
_RULES: tuple[_Rule, ...] = (
    _rule(
        "hash mismatch",
        r"hash mismatch in (?:fixed-output derivation|file downloaded from) '[^']+':\s+"
        r"specified:\s+"
        r"(?P<expected>\S+)\s+got:\s+(?P<got>\S+)",
        "Expected was {expected}, got was {got}. Where the source may have changed, the line to "
        'change is the one with the expected hash, however it is spelled: hash = "{got}";',
        "Where it may not, do not: what was fetched is not what was meant.",
    ),
    _rule(
        "hash mismatch",
        r"hash mismatch in input '[^']*'[^\n]*, expected '(?P<expected>[^']+)',? (?:but )?got "
        r"'(?P<got>[^']+)'",
        "One of {expected} and {got} was asked for, and the other came: the input is not what it "
        "was. Where that is right, lock it anew: %nix update",
    ),
    _rule(
        "missing attribute in a flake",
        rf"{_ERROR}flake '(?P<flake_word>[^']+)' does not provide attribute",
        "See what it provides: nix --extra-experimental-features 'nix-command flakes' "
        "flake show {flake_word}",
    ),
    _rule(
        "missing attribute",
        rf"{_ERROR}attribute '(?P<name>[^']+)' (?:in selection path '[^']*' not found|missing)",
        "There is no attribute {name} in that set: look at its spelling, and at where the set is "
        "made.",
    ),
    _rule(
        "undefined variable",
        rf"{_ERROR}undefined variable '(?P<name>[^']+)'",
        "Nothing of the name {name} is in scope: let, with, or an argument of the function brings "
        "it there.",
    ),
    _rule(
        "infinite recursion",
        rf"{_ERROR}infinite recursion encountered",
        "A value needs itself. In a module of NixOS it is often `config` in `imports`, or in an "
        "`if` around options: lib.mkIf puts that off.",
        "See which values of a configuration lead there: %nix build --show-trace",
    ),
    _rule(
        "syntax",
        rf"{_ERROR}syntax error, (?P<what>[^\n]+)",
        "Nix cannot read the expression: {what}. What is wrong may be just before that place.",
    ),
    _rule(
        "no space",
        r"No space left on device|database or disk is full",
        "See what could be freed, and how much: %nix collect --dry-run",
        "See how full the disks are: df -h",
    ),
    _rule(
        "disk",
        r"\bdisk I/O error\b",
        "See how full the disks are: df -h",
        "Where none is full, see what the kernel says of them: journalctl --dmesg",
    ),
    _rule(
        "substituter",
        r"there is no substituter that can build it|don't know how to build these paths",
        "No substituter that answered has it, and what it is built from is not in the store: "
        "evaluate and build what it comes from.",
    ),
    _rule(
        "substituter unreachable",
        r"unable to download '(?P<url>[^']+)/nix-cache-info'",
        "The substituter {url} does not answer: curl -I {url}/nix-cache-info",
        "Go on without it: --option substituters https://cache.nixos.org",
    ),
    _rule(
        "not there",
        rf"{_DOWNLOAD} '(?P<url_word>[^']+)': HTTP error (?:404|410)\b",
        "There is nothing at {url_word}: look at its spelling, and whether it was moved.",
    ),
    _rule(
        "network",
        rf"{_DOWNLOAD} '(?P<url_word>[^']+)': (?!HTTP error (?:404|410)\b)(?P<why>[^)\n]+\)?)",
        "{url_word} does not answer ({why}): curl -I {url_word}",
        "When it does again, run the same line again.",
    ),
    _rule(
        "network",
        r"^fatal: unable to access '(?P<url_word>[^']+)': (?P<why>[^\n]+)",
        "Git cannot reach {url_word} ({why}): git ls-remote {url_word}",
        "When it can again, run the same line again.",
    ),
    _rule(
        "missing signature",
        r"cannot add path '(?P<path_word>[^']+)' because it lacks a (?:valid signature|"
        r"signature by a trusted key)",
        "Nobody whom this machine trusts has signed {path_word}. Where it comes from, sign it: nix "
        "--extra-experimental-features nix-command store sign --key-file FILE {path_word}",
        "Or let root trust who has signed it: trusted-public-keys, in nix.conf (on NixOS "
        "nix.settings.trusted-public-keys).",
    ),
    _rule(
        "untrusted substituter",
        r"ignoring untrusted substituter '(?P<url>[^']+)'",
        "The substituter {url} is ignored: who is not trusted may not choose it. Let root add it "
        "to trusted-substituters, in nix.conf (on NixOS nix.settings.trusted-substituters).",
    ),
    _rule(
        "untrusted user",
        r"ignoring the (?:client|user)-specified setting '(?P<name>[^']+)', because it is a "
        r"restricted setting",
        "The setting {name} is ignored: the daemon takes it only from those whom trusted-users "
        "names. Let root set it in nix.conf (on NixOS nix.settings.{name}).",
        "See whom it trusts: nix --extra-experimental-features nix-command show-config",
    ),
    _rule(
        "untrusted user",
        r"you are not privileged to (?P<what>[^\n]+)",
        "Only those whom trusted-users names may {what}: run the notebook as root, or let root add "
        "you to trusted-users, in nix.conf (on NixOS nix.settings.trusted-users). Whoever is "
        "there may do what root may.",
    ),
    _rule(
        "unknown flag",
        rf"{_ERROR}unrecognised flag '(?P<flag>--[^']+)'",
        "This Nix knows no {flag}: put a newer one into PATH, or do without.",
    ),
    _rule(
        "daemon cannot",
        r"operation '(?P<what>[^']+)' is not supported by store '(?:daemon|unix://[^']*)'",
        "Nix's daemon cannot do this for anyone: run the notebook as root, who needs no daemon.",
    ),
    _rule(
        "permission",
        rf"{_ERROR}[^\n]*(?:Permission denied|Operation not permitted)",
        "Run the notebook as the owner of the profile, or as root for the system.",
    ),
    _rule(
        "locked",
        r"waiting for the big (?:Nix store|garbage collector) lock|SQLite database '[^']*' is busy"
        r"|database is locked",
        "Another Nix is at work: wait until it has ended, then try again. See which: ps -C "
        "nix,nix-store,nix-env,nix-daemon -o pid,etime,args",
    ),
    _rule(
        "daemon",
        r"cannot connect to (?:socket|daemon)|connecting to .*daemon-socket",
        "The Nix daemon does not answer: systemctl status nix-daemon",
    ),
    _rule(
        "untracked file",
        r"""Path '(?P<path_word>[^']+)' in the repository "(?P<tree_word>[^"]+)" is not tracked""",
        "A flake in Git sees only what Git tracks: git -C {tree_word} add {path_word}",
    ),
    _rule(
        "untracked file",
        rf"{_ERROR}getting status of '/[^']*-source/(?P<path_word>[^']+)': No such file",
        "A flake in Git sees only what Git tracks; in its folder: git add {path_word}",
    ),
    _rule(
        "dirty tree",
        rf"{_ERROR}Git tree '(?P<tree_word>[^']+)' is dirty",
        "See what is not committed: git -C {tree_word} status --short",
        "Commit it: git -C {tree_word} commit -a",
        "Or allow it: --option allow-dirty true",
    ),
    _rule(
        "wrong system",
        r"a '(?P<needed>[^']+)' with features \{[^}]*\} is required to build '[^']+', but I am a "
        r"'(?P<here>[^']+)'",
        "It is for {needed}, and this is {here}: take the package for {here}, or name a machine "
        "that builds it: --option builders 'ssh://HOST {needed}'",
    ),
    _rule(
        "wrong system",
        r"Required system: '(?P<needed>[^']+)'[^\n]*\s+Current system: '(?P<here>[^']+)'",
        "It is for {needed}, and this is {here}: take the package for {here}, or name a machine "
        "that builds it: --option builders 'ssh://HOST {needed}'",
    ),
    _rule(
        "builder failure",
        r"builder for '(?P<drv>[^']+(?<!user-environment)\.drv)' failed with exit code",
        "Its whole log: %nix log {drv}",
    ),
    _rule(
        "builder failure",
        r"Cannot build '(?P<drv>[^']+(?<!user-environment)\.drv)'\.\s+Reason: builder failed",
        "Its whole log: %nix log {drv}",
    ),
)


def recognise(error: CommandFailed, words: str) -> list[Recognised]:
    """The kinds of error that a failed program of Nix tells of, each once.

    Args:
        words: all that it said as text, without colours, with the ends of the logs of builds.
    """
    messages = [message for message in error.messages if isinstance(message, Message)]
    parts = "\n".join(
        f"error: {message.raw or message.text}\n{message.text}" for message in messages
    )
    found: dict[str, Recognised] = {}
    for text in (parts, words):
        said = _EXCERPT.sub("", text)
        for rule in _RULES:
            match = rule.pattern.search(said)
            if match is not None and rule.kind not in found:
                details = match.groupdict(default="")
                found[rule.kind] = Recognised(rule.kind, _filled(rule, details), details)
    place = _structured_place(messages) or _place(words)
    if place is not None:
        found["evaluation"] = Recognised("evaluation", (f"Look at {place}.",))
    return list(found.values())


def elsewhere(known: Recognised, host: str) -> Recognised:
    """The same on another machine, whose logs and disks are not here."""
    if known.kind == "builder failure":
        log = f"Its whole log: ssh {host} nix-store --read-log {known.details['drv']}"
        return msgspec.structs.replace(known, suggestions=(log,))
    if known.kind in ("no space", "disk"):
        full = (
            f"See how full the disks of {host} are: ssh {host} df -h",
            f"Free what nothing keeps there: ssh {host} nix-store --gc",
        )
        return msgspec.structs.replace(known, kind=f"{known.kind} elsewhere", suggestions=full)
    if known.kind == "permission":
        other = f"Who logs in as {host} may not use Nix there: name another user, USER@HOST."
        return msgspec.structs.replace(known, suggestions=(other,))
    if known.kind in _OF_A_MACHINE:
        there = tuple(f"On {host}: {item}" for item in known.suggestions)
        return msgspec.structs.replace(known, suggestions=there)
    return known


def _filled(rule: _Rule, details: dict[str, str]) -> tuple[str, ...]:
    groups = {
        name: shlex.quote(text) if name.endswith("_word") else text
        for name, text in details.items()
    }
    return tuple(item.format(**groups) for item in rule.suggestions)


def _structured_place(messages: list[Message]) -> str | None:
    for message in messages:
        if message.file and message.file.startswith("/") and message.line:
            return _sentence(message.file, message.line, message.column or 1)
    return None


def _place(words: str) -> str | None:
    """Where the error is: Nix tells that last, after what led there; older Nix tells it first."""
    found = list(_PLACE.finditer(words))
    return _sentence(*found[-1].group("file", "line", "column")) if found else None


def _sentence(file: str, line: int | str, column: int | str) -> str:
    return f"{file}, line {line}, column {column}"

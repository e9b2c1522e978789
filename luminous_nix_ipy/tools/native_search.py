"""Where the Python module of nixos-rebuild is, and the interpreter that it is run with.

nixos-rebuild is either a shell script (NixOS until 25.05, nixpkgs' nixos-rebuild.sh) or
nixos-rebuild-ng, a Python program behind a wrapper of nixpkgs: a shell script or a small compiled
program that names `.nixos-rebuild-wrapped`, whose first line names the interpreter and whose next
ones name the site-packages (nixpkgs, make-wrapper.sh, make-binary-wrapper.sh, wrap-python.nix).
Files are read, nothing is run and nothing is imported.

Code that somebody else can change is not used: the program, the interpreter, the module and every
folder above them must belong to root or to this user, and be writable by nobody else; a folder may
be where its sticky bit (inode(7)) keeps others from replacing what is not theirs.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator

import msgspec

from ..errors import NixError, NotFound, Refused
from ..machine import Machine

VARIABLE = "NIXOS_REBUILD_MODULE_PATH"
PACKAGE = "nixos_rebuild"

_PROGRAMS = ("nixos-rebuild", "nixos-rebuild-ng")
_MOST_BYTES = 1 << 22
_WRAPPED = re.compile(
    rb"(?<![\w.+$}/-])/[^\s\"'\\\0<>|;&$`*]*/\.?nixos-rebuild(?:-ng)?(?:-wrapped_*)?(?![\w.+/-])"
)
_SITE_PACKAGES = re.compile(rb"[\"'](/[^\"'\0\n]*/(?:site|dist)-packages)/?[\"']")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_OLDEST_MINOR = 12


class NativeModule(msgspec.Struct, frozen=True, kw_only=True):
    """The module of one nixos-rebuild. All paths are absolute, with their links resolved; only the
    interpreter is spelled as it was named, since a virtual environment is known by that."""

    package: str
    """The folder `nixos_rebuild`."""
    interpreter: str
    search_path: tuple[str, ...]
    """Folders that its modules are imported from, the package's own first."""
    program: str | None
    """The nixos-rebuild that it belongs to; None where NIXOS_REBUILD_MODULE_PATH names another."""


class _Script(msgspec.Struct, frozen=True):
    """A Python program: what its first lines say."""

    program: str
    interpreter: str
    search_path: tuple[str, ...]


def locate(machine: Machine) -> NativeModule:
    """The module that NIXOS_REBUILD_MODULE_PATH names (the folder `nixos_rebuild` or the one that
    holds it), else the one of the nixos-rebuild in PATH or in the running system.

    Raises:
        NotFound: there is none, and why.
        Refused: others than root and this user can write it.
    """
    if machine.playground is not None:
        raise NotFound("A playground uses no module of nixos-rebuild.")
    environment = machine.child_environment()
    path = environment.get("PATH", "")
    named = environment.get(VARIABLE)
    if named:
        module = _named(named, machine, path)
    else:
        script = _script(machine, path)
        package = _package_in(script.search_path)
        if package is None:
            raise NotFound(
                f"No Python module {PACKAGE} belongs to {script.program}.",
                f"None of its folders has one: {', '.join(script.search_path) or 'it names none'}.",
            )
        module = _module(package, script.interpreter, script.search_path, script.program)
    _refuse_what_others_write(module)
    return module


def writable_by_others(path: str) -> str | None:
    """What somebody other than root and this user can change of the way to `path`: itself, a folder
    above it, or a link on the way; None where there is nothing.

    Raises:
        OSError: it cannot be looked at.
    """
    waiting, seen = [os.path.realpath(path), os.path.abspath(path)], set()
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        above = os.path.dirname(step)
        status = os.lstat(step)
        link = stat.S_ISLNK(status.st_mode)  # a link's own mode means nothing: symlink(7)
        shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not link
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.geteuid()) or (shared and not sticky):
            return step
        if link:
            target = os.path.join(os.path.realpath(above), os.readlink(step))
            waiting.append(os.path.abspath(target))
        waiting.append(above)
    return None


def _named(named: str, machine: Machine, path: str) -> NativeModule:
    given = os.path.expanduser(named)
    folder = os.path.realpath(given)
    if os.path.basename(folder) == PACKAGE and os.path.isfile(f"{folder}/__init__.py"):
        folder = os.path.dirname(folder)
    package = _package_in([folder])
    if package is None:
        raise NotFound(
            f"There is no Python module {PACKAGE} in {named}.",
            f"{VARIABLE} names that path.",
            [f"Set {VARIABLE} to the folder that holds {PACKAGE}, or unset it."],
        )
    _refuse(given)
    try:
        script = _script(machine, path)
    except NixError:  # the named module needs no nixos-rebuild
        return _module(package, _any_interpreter(package, path), (), None)
    return _module(package, script.interpreter, script.search_path, None)


def _module(
    package: str, interpreter: str, search_path: tuple[str, ...], program: str | None
) -> NativeModule:
    folders = dict.fromkeys([os.path.dirname(package), *map(os.path.realpath, search_path)])
    return NativeModule(
        package=package,
        interpreter=interpreter,
        search_path=tuple(folder for folder in folders if os.path.isdir(folder)),
        program=program,
    )


def _script(machine: Machine, path: str) -> _Script:
    """The first nixos-rebuild that is a Python program; of those that are none, the first one's
    reason is raised."""
    reasons: list[NixError] = []
    system = f"{machine.current_system}/sw/bin"
    for folder in (path, system):
        for name in _PROGRAMS:
            program = shutil.which(name, path=folder)
            if program is not None:
                try:
                    return _follow(program, path)
                except NixError as reason:
                    reasons.append(reason)
    if reasons:
        raise reasons[0]
    raise NotFound(
        "There is no nixos-rebuild on this machine.", f"Neither PATH nor {system} has it."
    )


def _follow(program: str, path: str) -> _Script:
    """Through wrappers to the Python program behind them."""
    current, seen = program, {os.path.realpath(program)}
    while True:
        _refuse(current)
        data = _read(current)
        words = _first_line(data)
        if words and os.path.basename(words[0]) == "env":
            words = _of_env(words[1:], program, path)
        if words and _PYTHON.fullmatch(os.path.basename(words[0])):
            return _Script(program, words[0], _folders(data, current, words[0]))
        wrapped = _wrapped(data, seen)
        if wrapped is None:
            why = (
                "It is a shell script, not nixos-rebuild-ng."
                if words
                else "It is a compiled program, and names no Python program that it starts."
            )
            raise NotFound(f"{program} has no Python module.", why)
        current = wrapped
        seen.add(os.path.realpath(wrapped))


def _of_env(words: list[str], program: str, path: str) -> list[str]:
    """The interpreter that env(1) would start for these words of a first line."""
    names = [word for word in words if not word.startswith("-") and "=" not in word]
    found = shutil.which(names[0], path=path) if names else None
    if found is None:
        raise NotFound(
            f"The interpreter of {program} is not there.",
            f"Its first line names {' '.join(words) or 'none'}, which is not in PATH.",
        )
    return [found]


def _wrapped(data: bytes, seen: set[str]) -> str | None:
    """The program that a wrapper names."""
    for match in _WRAPPED.finditer(data):
        target = os.fsdecode(match[0])
        if os.path.isfile(target) and os.path.realpath(target) not in seen:
            return target
    return None


def _first_line(data: bytes) -> list[str]:
    """The words after `#!`; none where the file does not start so."""
    return os.fsdecode(data[2:].split(b"\n", 1)[0]).split() if data.startswith(b"#!") else []


def _read(program: str) -> bytes:
    try:
        with open(program, "rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise NotFound(f"{program} cannot be read.", f"{error.strerror}.") from None


def _folders(data: bytes, script: str, interpreter: str) -> tuple[str, ...]:
    """The folders that the program names, then those beside it and beside its interpreter."""
    folders = [os.fsdecode(folder) for folder in _SITE_PACKAGES.findall(data)]
    for program in (os.path.realpath(script), interpreter):
        prefix = glob.escape(os.path.dirname(os.path.dirname(program)))
        folders += sorted(glob.glob(f"{prefix}/lib/python3*/*-packages"))
    return tuple(dict.fromkeys(folders))


def _package_in(folders: list[str] | tuple[str, ...]) -> str | None:
    for folder in folders:
        package = os.path.join(folder, PACKAGE)
        if os.path.isfile(f"{package}/__init__.py"):
            return os.path.realpath(package)
    return None


def _any_interpreter(package: str, path: str) -> str:
    """An interpreter for a module that belongs to no program: that of the version in its path,
    else the newest in PATH that is new enough, else this one."""
    version = re.search(r"/lib/(python3\.\d+)/", package)
    names = [version[1]] if version else []
    found: set[int] = set()
    for folder in path.split(os.pathsep):
        for program in glob.glob(f"{glob.escape(folder)}/python3.*"):
            minor = program.rpartition(".")[2]
            if minor.isdecimal() and int(minor) >= _OLDEST_MINOR:
                found.add(int(minor))
    names += [f"python3.{minor}" for minor in sorted(found, reverse=True)]
    for name in names:
        program = shutil.which(name, path=path) or ""
        if program and not _first_line(_read(program)):  # pyenv's are scripts that may lead nowhere
            return program
    return sys.executable


def _refuse_what_others_write(module: NativeModule) -> None:
    for path in (module.interpreter, *module.search_path, *_files(module.package)):
        _refuse(path)


def _files(package: str) -> Iterator[str]:
    for folder, folders, files in os.walk(package):
        yield from (os.path.join(folder, name) for name in (*folders, *files))


def _refuse(path: str) -> None:
    try:
        writable = writable_by_others(path)
    except OSError as error:
        raise NotFound(f"{path} cannot be looked at.", f"{error.strerror}.") from None
    if writable is not None:
        raise Refused(
            "The Python module of nixos-rebuild is not used.",
            f"Somebody other than root and you can change {writable}.",
            [f"Make it yours alone: chmod go-w {writable} (and chown it, if it is not yours)."],
        )

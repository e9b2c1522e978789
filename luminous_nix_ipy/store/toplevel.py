"""What a NixOS system tells of itself in its own files, read without starting a process.

Sources of the formats: nixos-version(8) and nixpkgs'
nixos/modules/installer/tools/nixos-version.sh (a script with the values baked in, since 2020 also
as a JSON object on a line of its own), boot.json (RFC 125, `org.nixos.bootspec.v1`), the
`nixos-version.json` that some systems carry beside it, and the top-level builder's `kernel-modules`
and `specialisation`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

import msgspec


class Facts(msgspec.Struct, frozen=True):
    """What one system says; a store path that is no NixOS system says nothing."""

    nixos_version: str | None = None
    kernel_version: str | None = None
    configuration_revision: str | None = None
    specialisations: tuple[str, ...] = ()
    description: str | None = None
    problem: str | None = None
    """A sentence: the path is not there, or a file of it cannot be read."""


class _Version(msgspec.Struct):
    configurationRevision: str | None = None
    description: str | None = None


class _Boot(msgspec.Struct):
    label: str | None = None


class _BootSpec(msgspec.Struct):
    boot: _Boot = msgspec.field(name="org.nixos.bootspec.v1", default_factory=_Boot)


_decode_version = msgspec.json.Decoder(_Version).decode
_decode_boot = msgspec.json.Decoder(_BootSpec).decode

_OBJECT_LINE = re.compile(rb"^\{.*\}$", re.MULTILINE)
_REVISION_BRANCH = re.compile(rb"--configuration-?[Rr]evision\)(.*?);;", re.DOTALL)
_ECHOED = re.compile(rb"echo[ \t]+[\"']?([^\"'\n]*)[\"']?[ \t]*\n")

_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Non-blocking, so that a pipe of that name cannot hold us."""
_CHUNK = 1 << 14


def read_facts(path: str) -> Facts:
    """What the system at `path` (a store path) says. Never raises; see `Facts.problem`.

    A store path does not change, so its facts are remembered; the folder's identity and change
    time are part of the key, since a playground may put another one in its place.
    """
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Facts(problem=f"It points to {path}, which is not there.")
    except (OSError, ValueError) as error:
        return Facts(problem=_unreadable(path, error))
    try:
        return _read(path, stat.st_dev, stat.st_ino, stat.st_ctime_ns)
    except _Incomplete as incomplete:
        return incomplete.facts


def forget_facts() -> None:
    """Forget what was remembered of store paths."""
    _read.cache_clear()


class _Incomplete(Exception):
    """Facts with a problem: not to be remembered, for the problem may pass."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts


@lru_cache(maxsize=4096)
def _read(path: str, device: int, inode: int, changed: int) -> Facts:
    files = _Files(path)
    version_file = files.read("nixos-version.json")
    version = _version(version_file) if version_file is not None else _Version()
    if version.configurationRevision is None:
        script = files.read("sw/bin/nixos-version")
        version.configurationRevision = None if script is None else revision_in_script(script)
    if not version.description:
        boot = files.read("boot.json")
        version.description = None if boot is None else _label(boot)
    nixos_version = files.read("nixos-version")
    facts = Facts(
        nixos_version=None if nixos_version is None else _text(nixos_version),
        kernel_version=_kernel_version(files),
        configuration_revision=version.configurationRevision or None,
        specialisations=tuple(sorted(files.names("specialisation", folders=True))),
        description=version.description or None,
        problem=files.problem,
    )
    if facts.problem is not None:
        raise _Incomplete(facts)
    return facts


def revision_in_script(script: bytes) -> str | None:
    """The configuration's revision in a `nixos-version` script; None where it names none."""
    told = _OBJECT_LINE.search(script)
    if told is not None:
        try:
            return _decode_version(told[0]).configurationRevision or None
        except msgspec.DecodeError:
            pass
    branch = _REVISION_BRANCH.search(script)
    echoed = _ECHOED.findall(branch[1]) if branch else []
    revision = _text(echoed[-1]) if echoed else None
    # A value that was unset when the script was made leaves its `@name@` in place.
    return revision if revision and "@" not in revision and "$" not in revision else None


class _Files:
    """The files below one store path, and the first problem met in reading them."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.problem: str | None = None

    def read(self, name: str) -> bytes | None:
        """The whole of a file; None where there is none or it cannot be read."""
        path = f"{self.root}/{name}"
        try:
            descriptor = os.open(path, _READ_FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._failed(path, error)
            return None
        try:
            content = chunk = os.read(descriptor, _CHUNK)
            while len(chunk) == _CHUNK:
                chunk = os.read(descriptor, _CHUNK)
                content += chunk
            return content
        except OSError as error:
            self._failed(path, error)
            return None
        finally:
            os.close(descriptor)

    def names(self, name: str, *, folders: bool = False) -> list[str]:
        """What a folder holds (its folders alone, links to folders included)."""
        path = f"{self.root}/{name}"
        try:
            if not folders:
                return os.listdir(path)
            with os.scandir(path) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._failed(path, error)
            return []

    def _failed(self, path: str, error: OSError) -> None:
        self.problem = self.problem or _unreadable(path, error)


def _kernel_version(files: _Files) -> str | None:
    """The versions that there are modules for; where there is no `kernel-modules`, those beside the
    kernel itself, as systems of old had them."""
    versions = files.names("kernel-modules/lib/modules")
    if not versions:
        kernel = f"{files.root}/kernel"
        if not os.path.islink(kernel):
            return None
        beside = _Files(os.path.dirname(os.path.realpath(kernel)))
        versions = beside.names("lib/modules")
    return ", ".join(sorted(versions)) or None


def _version(content: bytes) -> _Version:
    try:
        return _decode_version(content)
    except msgspec.DecodeError:
        return _Version()


def _label(content: bytes) -> str | None:
    try:
        return _decode_boot(content).boot.label
    except msgspec.DecodeError:
        return None


def _text(content: bytes) -> str | None:
    return os.fsdecode(content.strip()) or None


def _unreadable(path: str, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{path} cannot be read: {reason}."

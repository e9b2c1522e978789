"""Facts about the machine: what runs, what was booted, and what a switch would need."""

from __future__ import annotations

import os
import shlex

import msgspec

from ..machine import Machine
from ..records import Profile
from .versions import parse_name

_COMPARED = ("kernel", "initrd", "kernel-modules", "systemd")
"""Parts of a system that are loaded at boot and that a switch does not replace."""


def running_path(machine: Machine) -> str | None:
    """The store path of the system that runs; None where that is not NixOS."""
    return _link_target(machine.current_system)


def booted_path(machine: Machine) -> str | None:
    """The store path of the system that was booted; None where that is not NixOS."""
    return _link_target(machine.booted_system)


def link_is_relative(profile: Profile) -> bool | None:
    """Whether the profile's link names its generation without a folder, as Nix writes it; None
    where it cannot be read.

    With any other link Nix (profiles.cc, findGenerations) does not know which generation is
    current, and `nix-env --delete-generations old` removes all of them.
    """
    try:
        return "/" not in os.readlink(profile.path)
    except OSError:
        return None


def reboot_reason(booted: str | None, target: str) -> tuple[bool | None, str]:
    """Whether the system at `target` needs a reboot to be wholly in force, and why.

    Compared with the booted system are kernel, initrd, kernel modules, systemd and the switch
    inhibitors. None: a part could not be compared, and no other part is known to differ.
    """
    if booted is None:
        return None, "Not known: no system was booted from Nix."
    changed: dict[str, str] = {}
    unknown = []
    for part in _COMPARED:
        try:
            if _identity(f"{booted}/{part}") != _identity(f"{target}/{part}"):
                changed[part] = _difference(part, booted, target)
        except OSError as error:
            unknown.append(f"{part} ({error.filename}: {error.strerror})")
    inhibitors = changed_inhibitors(booted, target)
    if inhibitors is None:
        unknown.append("switch-inhibitors")
    changed = {**(inhibitors or {}), **changed}
    if changed:
        return True, f"Changed since boot: {', '.join(changed.values())}."
    if unknown:
        return None, f"Not known: {', '.join(unknown)} cannot be compared."
    return False, "Kernel, initrd, modules and systemd are those that were booted."


def changed_inhibitors(running: str, target: str) -> dict[str, str] | None:
    """What NixOS refuses to switch from one system to another for: name -> what changes.

    As NixOS' own check does (nixpkgs, `system.switch.inhibitors`), only what both name counts.
    None where a list cannot be read, or the two are of different formats.
    """
    before, after = read_inhibitors(running), read_inhibitors(target)
    if before is None or after is None:
        return None
    if before and after and _are_paths(before) != _are_paths(after):
        return None
    return {
        name: f"{name} ({os.path.basename(value)} → {os.path.basename(after[name])})"
        for name, value in before.items()
        if name in after and after[name] != value
    }


def read_inhibitors(path: str) -> dict[str, str] | None:
    """The switch inhibitors of the system at `path`: name -> value. Empty where it has none, None
    where they cannot be read or understood.

    Two formats: store paths, one a line (December 2025), here by their package's name; since
    January 2026 a JSON object.
    """
    try:
        with open(f"{path}/switch-inhibitors", "rb") as file:
            content = file.read().strip()
    except FileNotFoundError:
        return {}
    except OSError:
        return None
    if not content.startswith(b"{"):
        lines = os.fsdecode(content).splitlines()
        if not all(line.startswith("/") for line in lines):
            return None
        return {parse_name(os.path.basename(line)[33:])[0]: line for line in lines}
    try:
        return msgspec.json.decode(content, type=dict[str, str])
    except msgspec.DecodeError:
        return None


def own_unit(cgroups: str = "/proc/self/cgroup") -> str | None:
    """The systemd service that this process runs in; None where it runs in none.

    The innermost service of the unified or the named hierarchy (cgroups(7)), so that a user's
    session, user@1000.service, is passed over for a service of its own.
    """
    try:
        with open(cgroups, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "?", "")
        if controllers in ("", "name=systemd"):
            for part in reversed(path.split("/")):
                if part.endswith(".service"):
                    return part
    return None


def free_bytes(path: str) -> int | None:
    """Bytes that an unprivileged user may still write on the file system of `path`; None where it
    cannot be asked."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def boot_folder(machine: Machine) -> str | None:
    """Where kernels and boot entries are put: the boot folder when it is a file system of its own,
    else the EFI system partition below or beside it, else the boot folder; None without one."""
    beside = os.path.join(os.path.dirname(machine.boot_dir), "efi")
    for folder in (machine.boot_dir, f"{machine.boot_dir}/efi", beside):
        if os.path.ismount(folder):
            return folder
    return machine.boot_dir if os.path.isdir(machine.boot_dir) else None


def os_name(machine: Machine) -> str | None:
    """The operating system's name as it wishes to be shown, such as "Debian GNU/Linux 12"."""
    release = _os_release(machine)
    return release.get("PRETTY_NAME") or release.get("NAME")


def is_nixos(machine: Machine) -> bool:
    """Whether the machine runs NixOS, or a system that says it is like it."""
    release = _os_release(machine)
    return "nixos" in (release.get("ID"), *release.get("ID_LIKE", "").split())


def _os_release(machine: Machine) -> dict[str, str]:
    """os-release(5): the running NixOS system's own, else the machine's."""
    places = [f"{machine.current_system}/etc/os-release"]
    if machine.playground is None:
        places += ["/etc/os-release", "/usr/lib/os-release"]
    for place in places:
        try:
            with open(place, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if not line.startswith("#"))
        return {name.strip(): _unquoted(value) for name, equals, value in pairs if equals}
    return {}


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _link_target(link: str) -> str | None:
    try:
        return os.path.join(os.path.dirname(link), os.readlink(link))
    except OSError:
        return None


def _are_paths(inhibitors: dict[str, str]) -> bool:
    return all(value.startswith("/") for value in inhibitors.values())


def _identity(path: str) -> object:
    """What two parts are compared by: a link's target, a file's content, the names below a folder;
    None where there is none."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None
    except OSError:
        if not os.path.isdir(path):
            with open(path, "rb") as file:
                return file.read()
        return sorted(
            os.path.relpath(os.path.join(folder, name), path)
            for folder, folders, files in os.walk(path)
            for name in folders + files
        )


def _difference(part: str, booted: str, target: str) -> str:
    if part == "kernel":
        from .toplevel import read_facts

        old, new = read_facts(booted).kernel_version, read_facts(target).kernel_version
        if old and new and old != new:
            return f"kernel ({old} → {new})"
    if part == "systemd":
        old, new = (_version_of(f"{system}/{part}") for system in (booted, target))
        if old and new and old != new:
            return f"systemd ({old} → {new})"
    return part


def _version_of(link: str) -> str | None:
    target = _link_target(link)
    return None if target is None else parse_name(os.path.basename(target)[33:])[1] or None

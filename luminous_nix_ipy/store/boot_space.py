"""What the boot loader's installation would copy to the boot partition for a system.

NixOS's builder for systemd-boot copies kernel, initrd and device tree to `EFI/nixos`, named
`<store path's name>-<file>.efi`, after it has removed those of no generation (nixpkgs,
systemd-boot-builder.py). The one for GRUB copies to `kernels`, named by the path below the store
with dashes for its slashes, where GRUB does not read the store itself (install-grub.pl). Both copy
nothing that is there already. What others copy is not known.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import Literal

import msgspec

from ..errors import NixError
from ..machine import Machine


class BootCopies(msgspec.Struct, frozen=True, kw_only=True):
    """What of a system is on the boot partition, and what is still to be copied there."""

    loader: Literal["systemd-boot", "GRUB"]
    folder: str
    """Where it is copied to."""
    there: tuple[str, ...]
    """Names in that folder."""
    missing: dict[str, int]
    """Names that it lacks -> bytes, in whole blocks of its file system."""
    free: int
    """Bytes that may still be written."""
    renamed: bool
    """The initrd gets secrets, and with them a name that is not known."""

    @property
    def needed(self) -> int:
        return sum(self.missing.values())


class _SystemdBoot(msgspec.Struct):
    devicetree: str | None = None


class _Spec(msgspec.Struct):
    initrdSecrets: str | None = None


class _BootJson(msgspec.Struct):
    spec: _Spec = msgspec.field(name="org.nixos.bootspec.v1", default_factory=_Spec)
    systemd_boot: _SystemdBoot = msgspec.field(
        name="org.nixos.systemd-boot", default_factory=_SystemdBoot
    )


def boot_copies(machine: Machine, system: str) -> BootCopies | None:
    """What is to be copied for the system and its specialisations; None where the boot loader reads
    the store itself.

    Raises:
        NixError: it is not known what the boot loader copies, or the folder cannot be read.
    """
    try:
        loader, folder = _where(machine)
        if folder is None:
            return None
        files, renamed = _files(system)
        names = _names(machine, loader, files)
        present = {*os.listdir(folder)}
        blocks = os.statvfs(folder)
    except OSError as error:
        raise NixError(f"{error.filename}: {error.strerror}.") from error
    size = blocks.f_frsize
    return BootCopies(
        loader=loader,
        folder=folder,
        there=tuple(name for name in names if name in present),
        missing={
            name: -(-length // size) * size for name, length in names.items() if name not in present
        },
        free=blocks.f_bavail * size,
        renamed=renamed,
    )


def stale_bytes(machine: Machine, copies: BootCopies, systems: Iterable[str]) -> int:
    """Bytes of the copies that none of these systems needs: systemd-boot's builder removes them
    before it copies. Files that are gone meanwhile count nothing."""
    if copies.loader != "systemd-boot":
        return 0
    needed: set[str] = set()
    for system in systems:
        try:
            needed.update(_names(machine, copies.loader, _files(system)[0]))
        except OSError:
            return 0
    total = 0
    with os.scandir(copies.folder) as entries:
        for entry in entries:
            if entry.name not in needed and entry.is_file(follow_symlinks=False):
                total += entry.stat().st_size
    return total


def _where(machine: Machine) -> tuple[Literal["systemd-boot", "GRUB"], str | None]:
    """The boot loader, and the folder that it copies to; None where it reads the store."""
    beside = os.path.join(os.path.dirname(machine.boot_dir), "efi")
    for place in (machine.boot_dir, f"{machine.boot_dir}/efi", beside):
        if any(name.startswith("nixos-") for name in _listed(f"{place}/EFI/Linux")):
            raise NixError(
                f"{place}/EFI/Linux holds whole images, whose sizes are not known before."
            )
        if _is_folder(f"{place}/EFI/nixos"):
            return "systemd-boot", f"{place}/EFI/nixos"
    if _is_folder(f"{machine.boot_dir}/kernels"):
        return "GRUB", f"{machine.boot_dir}/kernels"
    if "grub.cfg" in _listed(f"{machine.boot_dir}/grub"):
        return "GRUB", None
    raise NixError(f"It is not known what a boot loader copies to {machine.boot_dir}.")


def _files(system: str) -> tuple[dict[str, int], bool]:
    """Real paths of what is booted of a system and its specialisations -> bytes, and whether an
    initrd gets secrets."""
    found: dict[str, int] = {}
    renamed = False
    for path in (system, *_specialisations(system)):
        boot = _boot_json(path)
        renamed = renamed or boot.spec.initrdSecrets is not None
        parts = [f"{path}/kernel", f"{path}/initrd"]
        for part in (*parts, *filter(None, [boot.systemd_boot.devicetree])):
            real = os.path.realpath(part)
            # Systems for containers have neither.
            if os.path.lexists(part):
                found[real] = os.stat(real).st_size
    return found, renamed


def _specialisations(system: str) -> list[str]:
    return [f"{system}/specialisation/{name}" for name in _listed(f"{system}/specialisation")]


def _boot_json(system: str) -> _BootJson:
    try:
        with open(f"{system}/boot.json", "rb") as file:
            return msgspec.json.decode(file.read(), type=_BootJson)
    except (FileNotFoundError, msgspec.DecodeError):
        return _BootJson()


def _names(machine: Machine, loader: str, files: dict[str, int]) -> dict[str, int]:
    """The names of the copies -> bytes."""
    store = os.path.realpath(machine.store_dir)
    named = {}
    for path, size in files.items():
        below = os.path.relpath(path, store)
        if loader == "GRUB":
            named[below.replace("/", "-")] = size
        else:
            first, last = below.split("/")[0], os.path.basename(below)
            named[f"{first}.efi" if first == last else f"{first}-{last}.efi"] = size
    return named


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_folder(path: str) -> bool:
    """Raises: OSError: that cannot be told."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False

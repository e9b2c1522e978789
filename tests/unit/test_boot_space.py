"""What would be copied to the boot partition, and how much of it is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.checks_space import space_checks
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check, Generation, Profile
from luminous_nix_ipy.store.boot_space import BootCopies, boot_copies, stale_bytes
from tests.fake_system import add_generation, add_path, make_machine, select
from tests.small_disk import small_disk

KERNEL = 40_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = make_machine(tmp_path)
    os.makedirs(made.boot_dir)
    return made


def system(machine: Machine, version: str, kernel: str = "6.6.30", **more: str) -> str:
    """A system with a kernel of some size and a real initrd."""
    image = add_path(machine, f"linux-{kernel}", {"bzImage": kernel.ljust(KERNEL)})
    initrd = add_path(machine, f"initrd-linux-{kernel}", {"initrd": "i" * 1000})
    files = {"kernel": f"-> {image}/bzImage", "initrd": f"-> {initrd}/initrd", **more}
    return add_path(machine, f"nixos-system-host-{version}", {"nixos-version": version, **files})


def names(machine: Machine, path: str) -> list[str]:
    """As the builder for systemd-boot names its copies."""
    return [
        "-".join(os.path.realpath(f"{path}/{part}").split("/")[-2:]) + ".efi"
        for part in ("kernel", "initrd")
    ]


def copies(machine: Machine, path: str) -> BootCopies:
    found = boot_copies(machine, path)
    assert found is not None
    return found


def unknown(machine: Machine, path: str) -> str:
    with pytest.raises(NixError) as caught:
        boot_copies(machine, path)
    return str(caught.value)


@pytest.mark.parametrize("place", ["boot", "boot/efi", "efi"])
def test_systemd_boot_has_copies_of_what_it_lacks(machine: Machine, place: str) -> None:
    folder = Path(machine.boot_dir).parent / place / "EFI/nixos"
    folder.mkdir(parents=True)
    path = system(machine, "26.05")
    kernel, initrd = names(machine, path)
    found = copies(machine, path)
    assert (found.loader, found.folder, found.there) == ("systemd-boot", str(folder), ())
    assert found.missing.keys() == {kernel, initrd}
    assert KERNEL + 1000 <= found.needed <= KERNEL + 1000 + 2 * 65536
    (folder / kernel).touch()
    found = copies(machine, path)
    assert (found.there, [*found.missing]) == ((kernel,), [initrd])


def test_a_store_path_that_is_a_file_has_its_own_name(machine: Machine) -> None:
    Path(machine.boot_dir, "EFI/nixos").mkdir(parents=True)
    image = Path(machine.store_dir, f"{'0' * 32}-kernel.img")
    image.write_text("k")
    path = add_path(machine, "nixos-system-host-1", {"kernel": f"-> {image}"})
    assert [*copies(machine, path).missing] == [f"{'0' * 32}-kernel.img.efi"]


def test_specialisations_and_device_trees_are_copied_too(machine: Machine) -> None:
    Path(machine.boot_dir, "EFI/nixos").mkdir(parents=True)
    special = system(machine, "26.05-other", "6.18.1")
    tree = add_path(machine, "device-tree", {"board.dtb": "d" * 10})
    spec = json.dumps({"org.nixos.systemd-boot": {"devicetree": f"{tree}/board.dtb"}})
    more = {"specialisation/other": f"-> {special}", "boot.json": spec}
    path = system(machine, "26.05", **more)
    expected = {*names(machine, path), *names(machine, special)}
    expected.add(f"{os.path.basename(tree)}-board.dtb.efi")
    assert copies(machine, path).missing.keys() == expected


def test_grub_copies_where_it_has_a_folder_for_it(machine: Machine) -> None:
    path = system(machine, "26.05")
    Path(machine.boot_dir, "grub").mkdir()
    Path(machine.boot_dir, "grub/grub.cfg").touch()
    assert boot_copies(machine, path) is None, "GRUB reads the store"
    Path(machine.boot_dir, "kernels").mkdir()
    found = copies(machine, path)
    assert found.loader == "GRUB"
    assert found.missing.keys() == {n.removesuffix(".efi") for n in names(machine, path)}
    assert stale_bytes(machine, found, []) == 0


def test_images_of_whole_systems_and_other_boot_loaders_are_not_known(machine: Machine) -> None:
    path = system(machine, "26.05")
    assert "not known what a boot loader copies" in unknown(machine, path)
    linux = Path(machine.boot_dir, "EFI/Linux")
    linux.mkdir(parents=True)
    Path(machine.boot_dir, "EFI/nixos").mkdir()
    (linux / "nixos-generation-5-abc.efi").touch()
    assert "whole images" in unknown(machine, path)


def test_what_cannot_be_read_is_not_known(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`os.stat` is a double: root may read everything."""
    path = system(machine, "26.05")
    ask = os.stat

    def closed(file: str, **how: bool) -> os.stat_result:
        if str(file).startswith(f"{machine.boot_dir}/"):
            raise PermissionError(13, "Permission denied", file)
        return ask(file, **how)

    monkeypatch.setattr(os, "stat", closed)
    assert "Permission denied" in unknown(machine, path)


def test_a_kernel_that_is_gone_is_not_known(machine: Machine) -> None:
    Path(machine.boot_dir, "EFI/nixos").mkdir(parents=True)
    path = add_path(machine, "nixos-system-host-1", {"kernel": "-> /nowhere/bzImage"})
    assert "/nowhere/bzImage" in unknown(machine, path)


def test_a_boot_json_that_is_not_understood_tells_nothing(machine: Machine) -> None:
    Path(machine.boot_dir, "EFI/nixos").mkdir(parents=True)
    path = system(machine, "26.05", **{"boot.json": "[]"})
    assert copies(machine, path).renamed is False


class TestCheck:
    """The row of the plan, on a boot partition of 128 KiB."""

    def check(
        self, machine: Machine, generations: list[str], target: str, *, new: bool = False
    ) -> Check:
        profile = Profile("system", machine.system_profile, "system")
        for number, path in enumerate(generations, 1):
            if not os.path.lexists(f"{profile.path}-{number}-link"):
                add_generation(profile.path, number, path)
        select(profile.path, 1)
        link = "" if new else f"{profile.path}-{generations.index(target) + 1}-link"
        chosen = Generation(number=9, date=None, current=False, path=target, link=link)
        (row,) = [
            row
            for row in space_checks(machine, profile, chosen, "switch")
            if row.name == "boot space"
        ]
        return row

    def test_a_full_partition_does_not_keep_from_what_is_there(self, machine: Machine) -> None:
        with small_disk(Path(machine.boot_dir), 128) as boot:
            folder = boot / "EFI/nixos"
            folder.mkdir(parents=True)
            old = system(machine, "25.11")
            for part, name in zip(("kernel", "initrd"), names(machine, old), strict=True):
                (folder / name).write_bytes(Path(old, part).read_bytes())
            fill(boot)
            row = self.check(machine, [old], old)
            assert (row.verdict, "already" in row.reason) == ("ok", True)

    def test_a_new_kernel_needs_room(self, machine: Machine) -> None:
        with small_disk(Path(machine.boot_dir), 128) as boot:
            (boot / "EFI/nixos").mkdir(parents=True)
            path = system(machine, "26.05", "6.18.1")
            row = self.check(machine, [path], path)
            assert (row.verdict, "there is room" in row.reason) == ("ok", True)
            fill(boot)
            row = self.check(machine, [path], path)
            assert (row.verdict, "too little for" in row.reason) == ("refused", True)
            assert names(machine, path)[0] in row.reason

    def test_what_no_generation_needs_makes_room(self, machine: Machine) -> None:
        with small_disk(Path(machine.boot_dir), 128) as boot:
            (boot / "EFI/nixos").mkdir(parents=True)
            path = system(machine, "26.05", "6.18.1")
            (boot / "EFI/nixos/gone.efi").write_bytes(b"x" * 2 * KERNEL)
            fill(boot)
            row = self.check(machine, [path], path)
            assert (row.verdict, "removed first" in row.reason) == ("warning", True)

    def test_a_menu_with_a_limit_loses_its_oldest(self, machine: Machine) -> None:
        with small_disk(Path(machine.boot_dir), 128) as boot:
            (boot / "EFI/nixos").mkdir(parents=True)
            entries = boot / "loader/entries"
            entries.mkdir(parents=True)
            old = [system(machine, f"25.{n}", f"6.{n}") for n in range(3)]
            new = system(machine, "26.05", "6.18.1")
            (boot / "EFI/nixos" / names(machine, old[1])[0]).write_bytes(b"x" * 2 * KERNEL)
            for number in (1, 2, 3):
                (entries / f"nixos-generation-{number}.conf").write_text("title NixOS\n")
            fill(boot)
            assert self.check(machine, old, new, new=True).verdict == "refused"
            (entries / "nixos-generation-1.conf").unlink()
            assert self.check(machine, old, new, new=True).verdict == "warning"

    def test_an_initrd_with_secrets_has_a_name_that_is_not_known(self, machine: Machine) -> None:
        with small_disk(Path(machine.boot_dir), 128) as boot:
            (boot / "EFI/nixos").mkdir(parents=True)
            spec = json.dumps({"org.nixos.bootspec.v1": {"initrdSecrets": "/x"}})
            path = system(machine, "26.05", **{"boot.json": spec})
            fill(boot)
            row = self.check(machine, [path], path)
            assert (row.verdict, "secrets" in row.reason) == ("unknown", True)

    def test_no_boot_loader_is_no_hindrance(self, machine: Machine) -> None:
        path = system(machine, "26.05")
        assert self.check(machine, [path], path).verdict == "unknown"
        Path(machine.boot_dir, "grub").mkdir()
        Path(machine.boot_dir, "grub/grub.cfg").touch()
        assert self.check(machine, [path], path).verdict == "ok"


def fill(folder: Path) -> None:
    """Leave nothing free but what less than a block takes."""
    disk = os.statvfs(folder)
    (folder / "filler").write_bytes(b"x" * (disk.f_bavail * disk.f_frsize))

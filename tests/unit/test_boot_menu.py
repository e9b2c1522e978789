"""What is read of boot menus: systemd-boot's, GRUB's and extlinux's, and what starts by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.examining_boot import examine_boot_entries
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import BootMenu
from luminous_nix_ipy.store.boot_menu import boot_entry, read_boot_menu
from tests.fake_system import add_generation, add_system, make_machine, select


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Three generations of which the third is current, and no boot menu."""
    made = make_machine(tmp_path)
    for number in (1, 2, 3):
        add_generation(made.system_profile, number, add_system(made, f"26.05.{number}"))
    select(made.system_profile, 3)
    return made


def system(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


def menu_of(machine: Machine) -> BootMenu:
    menu = read_boot_menu(machine)
    assert menu is not None
    return menu


def numbers(machine: Machine) -> list[int | None]:
    return [entry.number for entry in menu_of(machine).entries]


def found(machine: Machine) -> list[tuple[str, str]]:
    return [(f.severity, f.reason) for f in examine_boot_entries(machine)]


def write(machine: Machine, name: str, text: str) -> Path:
    path = Path(machine.boot_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def systemd_entry(machine: Machine, name: str, number: int, more: str = "") -> None:
    """An entry for the generation's system, of the form that NixOS writes."""
    image = write(machine, f"EFI/nixos/linux-{number}.efi", "")
    write(
        machine,
        f"loader/entries/{name}.conf",
        f"title NixOS\n# written by a builder\nversion Generation {number} NixOS, built on a day\n"
        f"linux /EFI/nixos/{image.name}\ninitrd /EFI/nixos/{image.name}\n"
        f"options init={system(machine, number)}/init loglevel=4\n{more}",
    )


def systemd_menu(machine: Machine, default: str) -> None:
    for number in (1, 2, 3):
        systemd_entry(machine, f"nixos-generation-{number}", number)
    write(machine, "loader/loader.conf", f"timeout 5\n#default nothing\n{default}\neditor 0\n")


def test_without_a_menu_nothing_is_known(machine: Machine) -> None:
    assert read_boot_menu(machine) is None
    assert boot_entry(machine) is None
    assert found(machine) == []


def test_systemd_boot_starts_what_loader_conf_names(machine: Machine) -> None:
    systemd_menu(machine, "default\tnixos-generation-2.conf")
    menu = menu_of(machine)
    assert (menu.loader, menu.where) == ("systemd-boot", f"{machine.boot_dir}/loader/entries")
    assert numbers(machine) == [1, 2, 3]
    assert menu.entries[0].files == ("/EFI/nixos/linux-1.efi", "/EFI/nixos/linux-1.efi")
    assert menu.entries[0].system == system(machine, 1)
    assert boot_entry(machine) == system(machine, 2)
    assert found(machine) == [
        ("warning", 'It starts "nixos-generation-2.conf" by itself, not generation 3.')
    ]
    systemd_menu(machine, "default nixos-generation-3.conf")
    assert boot_entry(machine) == system(machine, 3)
    assert found(machine) == [("ok", "Its 3 entries are of generations that are there.")]


@pytest.mark.parametrize(
    ("default", "number"),
    [
        ("default nixos-*", 10),
        ("default NixOS-Generation-[12].conf", 2),
        ("default nixos-generation-?.conf", 3),
        ("default @saved", None),
        ("default nixos-generation-7.conf", None),
        ("default", None),
        ("", None),
    ],
)
def test_a_default_may_be_a_pattern(machine: Machine, default: str, number: int | None) -> None:
    systemd_menu(machine, default)
    add_generation(machine.system_profile, 10, add_system(machine, "26.05.10"))
    systemd_entry(machine, "nixos-generation-10", 10)
    assert boot_entry(machine) == (None if number is None else system(machine, number))


def test_of_entries_that_match_the_first_of_the_menu_starts(machine: Machine) -> None:
    systemd_entry(machine, "nixos-generation-1", 1, "sort-key nixos\n")
    systemd_entry(machine, "nixos-generation-2", 2, "sort-key a\n")
    systemd_entry(machine, "nixos-generation-3+0-3", 3, "sort-key a\n")
    write(machine, "loader/loader.conf", "default *\n")
    assert numbers(machine) == [1, 2, 3]
    assert boot_entry(machine) == system(machine, 2)
    write(machine, "loader/loader.conf", "default nixos-generation-3.conf\n")
    assert boot_entry(machine) == system(machine, 3)


def test_loader_conf_may_be_on_an_efi_partition_of_its_own(machine: Machine) -> None:
    systemd_menu(machine, "")
    os.remove(f"{machine.boot_dir}/loader/loader.conf")
    assert boot_entry(machine) is None
    write(machine, "../efi/loader/loader.conf", "default nixos-generation-1.conf\n")
    assert boot_entry(machine) == system(machine, 1)
    write(machine, "efi/loader/loader.conf", "default nixos-generation-2.conf\n")
    assert boot_entry(machine) == system(machine, 2)


def test_entries_of_other_profiles_and_systems_have_no_number(machine: Machine) -> None:
    systemd_menu(machine, "default other.conf")
    write(machine, "loader/entries/other.conf", "title Other\noptions init=/sbin/init\nlinux /x\n")
    systemd_entry(machine, "nixos-generation-2-specialisation-quiet", 2)
    systemd_entry(machine, "nixos-server-generation-9", 1)
    assert numbers(machine) == [1, 2, 2, 3, None, None]
    assert boot_entry(machine) is None
    assert found(machine) == [("ok", "Its 5 entries are of generations that are there.")]


def test_an_entry_may_name_a_generation_by_its_link(machine: Machine) -> None:
    systemd_menu(machine, "default nixos-generation-3.conf")
    entry = Path(machine.boot_dir, "loader/entries/nixos-generation-3.conf")
    entry.write_text(f"title NixOS\noptions init={machine.system_profile}-3-link/init\n")
    assert boot_entry(machine) == system(machine, 3)
    os.remove(f"{machine.system_profile}-3-link")
    assert boot_entry(machine) is None


GRUB = """\
# Automatically generated.  DO NOT EDIT THIS FILE!
search --set=drive1 --fs-uuid 1234-ABCD
if [ -s $prefix/grubenv ]; then
  load_env
fi
# ‘grub-reboot’ sets a one-time saved entry, which we process here
if [ "${next_entry}" ]; then
  set default="${next_entry}"
  set timeout=1
else
  set default=DEFAULT
  set timeout=5
fi
function savedefault {
    if [ -z "${boot_once}"]; then
        saved_entry="${chosen}"
    fi
}
if [ "${grub_platform}" = "efi" ]; then
  insmod efi_gop
fi

menuentry "NixOS - Default" --class nixos --unrestricted {
search --set=drive1 --fs-uuid 1234-ABCD
  savedefault
  linux ($drive1)//kernels/abc-linux-bzImage init=SYSTEM3/init loglevel=4 root="a b"
  initrd ($drive1)//kernels/abc-initrd
}

menuentry "Memory test" {
  linux16 ($drive1)//memtest.bin
}

submenu "NixOS - All configurations" --class submenu {
menuentry "NixOS - Configuration 3 (2026-03-03 - 26.05.3)" --class nixos {
  linux ($drive1)//kernels/abc-linux-bzImage init=SYSTEM3/init
  initrd ($drive1)//kernels/abc-initrd ($drive1)//extra
}
submenu "> NixOS - Configuration 2 (2026-02-02 - 26.05.2)" --class submenu {
menuentry "NixOS - Configuration 2 - Default" {
  linux ($drive1)//kernels/abc-linux-bzImage init=SYSTEM2/init
}
menuentry "NixOS - Configuration 2 - (quiet - 2026-02-02 - 26.05.2)" --id quiet {
  linux ($drive1)//kernels/abc-linux-bzImage init=SYSTEM2/init quiet
}
}
menuentry "NixOS - Configuration 1 (2026-01-01 - 26.05.1)" --class nixos {
  multiboot ($drive1)//kernels/abc-linux-bzImage dom0
  module ($drive1)//kernels/abc-linux-bzImage init=SYSTEM1/init
}
}
submenu "NixOS - Profile 'server'" --class submenu {
menuentry "NixOS - Configuration 1 (2026-01-01 - 26.05.1)" --class nixos {
  linux ($drive1)//kernels/abc-linux-bzImage init=SYSTEM1/init
}
}
"""


def grub_menu(machine: Machine, default: str = "0", text: str = GRUB) -> None:
    for number in (1, 2, 3):
        text = text.replace(f"SYSTEM{number}", system(machine, number))
    write(machine, "grub/grub.cfg", text.replace("DEFAULT", default))
    for file in ("kernels/abc-linux-bzImage", "kernels/abc-initrd", "memtest.bin", "extra"):
        write(machine, file, "")


def test_grub_offers_the_generations_in_submenus(machine: Machine) -> None:
    grub_menu(machine)
    menu = menu_of(machine)
    assert (menu.loader, menu.where) == ("GRUB", f"{machine.boot_dir}/grub/grub.cfg")
    assert numbers(machine) == [None, None, 3, 2, 2, 1, None]
    assert menu.entries[0].files == ("//kernels/abc-linux-bzImage", "//kernels/abc-initrd")
    assert menu.entries[2].files[2] == "//extra"
    assert menu.entries[5].system == system(machine, 1)
    assert menu.entries[6].name.startswith("NixOS - Profile 'server'>NixOS - Configuration 1")
    assert found(machine) == [("ok", "Its 6 entries are of generations that are there.")]


@pytest.mark.parametrize(
    ("default", "number"),
    [
        ("0", 3),
        ("1", None),
        ("2", 3),
        ("2>1", 2),
        ("2>2", 1),
        ('"2>1>1"', 2),
        ("9", None),
        ("2>9", None),
        ('"NixOS - Default"', 3),
        ('"NixOS - All configurations>2"', 1),
        ("2>1>quiet", 2),
        ('"${saved_entry}"', 1),
        ('"${unknown}"', 3),
    ],
)
def test_grub_starts_its_default(machine: Machine, default: str, number: int | None) -> None:
    grub_menu(machine, default)
    write(machine, "grub/grubenv", "# GRUB Environment Block\nsaved_entry=2>2\n" + "#" * 900)
    assert boot_entry(machine) == (None if number is None else system(machine, number))


def test_grub_without_a_saved_entry_starts_the_first(machine: Machine) -> None:
    grub_menu(machine, '"${saved_entry}"')
    assert boot_entry(machine) == system(machine, 3)


def test_grub_menus_are_compared_with_the_generations(machine: Machine) -> None:
    grub_menu(machine, "2>2")
    os.remove(f"{machine.system_profile}-2-link")
    os.remove(f"{machine.boot_dir}/kernels/abc-initrd")
    add_generation(machine.system_profile, 4, add_system(machine, "26.05.4"))
    above = "NixOS - All configurations>"
    gone = '" offers generation 2, which is gone.'
    lost = '" needs //kernels/abc-initrd, which is not there.'
    name = f"{above}NixOS - Configuration 1 (2026-01-01 - 26.05.1)"
    two = f"{above}> NixOS - Configuration 2 (2026-02-02 - 26.05.2)>NixOS - Configuration 2 - "
    assert found(machine) == [
        ("problem", f'Its entry "NixOS - Default{lost}'),
        ("problem", f'Its entry "{above}NixOS - Configuration 3 (2026-03-03 - 26.05.3){lost}'),
        ("warning", f'Its entry "{two}Default{gone}'),
        ("warning", f'Its entry "{two}(quiet - 2026-02-02 - 26.05.2){gone}'),
        ("problem", "It does not offer generation 4."),
        ("warning", f'It starts "{name}" by itself, not generation 3.'),
    ]
    os.chmod(f"{system(machine, 3)}/bin/switch-to-configuration", 0o755)
    (fixed,) = {str(f.command) for f in examine_boot_entries(machine)}
    assert fixed == f"{system(machine, 3)}/bin/switch-to-configuration boot"


def test_kernels_may_be_read_from_the_store(machine: Machine) -> None:
    kernel = os.path.realpath(f"{system(machine, 3)}/kernel").removeprefix(machine.store_dir)
    linux = f"linux ($drive2)/@nix/store{kernel} init=SYSTEM3/init"
    text = f'menuentry "NixOS - Default" {{\n  {linux}\n}}\n'
    grub_menu(machine, text=text)
    assert found(machine) == [("ok", "Its 1 entries are of generations that are there.")]


@pytest.mark.parametrize("text", ["", "}\n}\n", "menuentry", 'menuentry "x {\n', "submenu x {\n"])
def test_a_grub_menu_that_is_cut_off_has_no_entries(machine: Machine, text: str) -> None:
    grub_menu(machine, text=text)
    assert menu_of(machine).entries == ()
    assert boot_entry(machine) is None
    assert found(machine) == []


def test_a_menu_of_another_distribution_is_not_examined(machine: Machine) -> None:
    grub_menu(machine, text="menuentry 'Debian GNU/Linux' {\n linux /vmlinuz root=/dev/sda1\n}\n")
    assert len(menu_of(machine).entries) == 1
    assert found(machine) == []


EXTLINUX = """\
# Generated file, all changes will be lost on nixos-rebuild!
DEFAULT nixos-default
MENU TITLE ----
TIMEOUT 50

LABEL nixos-default
  MENU LABEL NixOS - Default
  LINUX ../nixos/abc-Image
  INITRD ../nixos/abc-initrd
  APPEND init=SYSTEM3/init loglevel=4
  FDTDIR ../nixos/abc-dtbs

LABEL nixos-9-default
  MENU LABEL NixOS - Configuration 9-default (2026-01-01 00:00 - 26.05)
  LINUX ../nixos/abc-Image
  APPEND init=SYSTEM1/init loglevel=4
"""


def test_extlinux_is_read_too(machine: Machine) -> None:
    text = EXTLINUX.replace("SYSTEM3", system(machine, 3)).replace("SYSTEM1", system(machine, 1))
    where = write(machine, "extlinux/extlinux.conf", text)
    for file in ("nixos/abc-Image", "nixos/abc-initrd", "nixos/abc-dtbs/x.dtb"):
        write(machine, file, "")
    menu = menu_of(machine)
    assert (menu.loader, menu.where) == ("extlinux", str(where))
    assert numbers(machine) == [None, 9]
    assert menu.entries[0].files[0] == f"{machine.boot_dir}/nixos/abc-Image"
    assert boot_entry(machine) == system(machine, 3)
    assert found(machine) == [
        ("warning", 'Its entry "nixos-9-default" offers generation 9, which is gone.')
    ]
    where.write_text(text.replace("DEFAULT nixos-default", "DEFAULT nixos-8"))
    assert boot_entry(machine) is None


def test_of_several_menus_the_one_that_was_written_last_counts(machine: Machine) -> None:
    systemd_menu(machine, "default nixos-generation-2.conf")
    grub_menu(machine)
    os.utime(f"{machine.boot_dir}/loader/loader.conf", (10, 10))
    assert boot_entry(machine) == system(machine, 3)
    os.utime(f"{machine.boot_dir}/grub/grub.cfg", (5, 5))
    assert boot_entry(machine) == system(machine, 2)


def test_a_menu_that_cannot_be_read_is_told(machine: Machine) -> None:
    Path(machine.boot_dir, "loader/entries/nixos-generation-1.conf").mkdir(parents=True)
    with pytest.raises(NixError, match="boot menu cannot be read"):
        read_boot_menu(machine)
    assert boot_entry(machine) is None
    ((severity, reason),) = found(machine)
    assert severity == "note" and "Is a directory" in reason

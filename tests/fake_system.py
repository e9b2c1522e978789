"""A machine made of plain folders and links, shaped as Nix shapes it, for tests without Nix."""

from __future__ import annotations

import json
import os
from pathlib import Path

from luminous_nix_ipy.machine import Machine

_LETTERS = "0123456789abcdfghijklmnpqrsvwxyz"


def make_machine(root: Path, **fields: object) -> Machine:
    """A machine with empty store, profiles, run and boot folders below `root`."""
    machine = Machine(
        **{
            "store_dir": str(root / "store"),
            "state_dir": str(root / "var/nix"),
            "log_dir": str(root / "var/log/nix"),
            "conf_dir": str(root / "etc/nix"),
            "run_dir": str(root / "run"),
            "boot_dir": str(root / "boot"),
            "home": str(root / "home"),
            "user_state_dir": str(root / "home/.local/state/luminous-nix"),
            "system_journal_dir": str(root / "var/lib/luminous-nix"),
            "env": {"USER": "someone", "XDG_STATE_HOME": str(root / "home/.local/state")},
            **fields,
        }
    )
    for folder in (machine.store_dir, machine.profiles_dir, machine.run_dir, machine.home):
        os.makedirs(folder)
    return machine


def store_path(machine: Machine, name: str) -> str:
    """A store path of that name, one for each name; nothing is made."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(name))
    digest = "".join(_LETTERS[(number >> shift) & 31] for shift in range(0, 160, 5))
    return f"{machine.store_dir}/{digest}-{name}"


def add_path(machine: Machine, name: str, files: dict[str, str | None] | None = None) -> str:
    """Make a store path with these files: name -> content, None for a folder, "-> target" for a
    link."""
    path = store_path(machine, name)
    os.makedirs(path, exist_ok=True)
    for file, content in (files or {}).items():
        full = os.path.join(path, file)
        os.makedirs(full if content is None else os.path.dirname(full), exist_ok=True)
        if content is not None and content.startswith("-> "):
            os.symlink(content[3:], full)
        elif content is not None:
            Path(full).write_text(content)
    return path


def add_system(
    machine: Machine, version: str, kernel: str = "6.6.30", /, **more: str | None
) -> str:
    """Make the store path of a NixOS-shaped system; `more`: further files, as in `add_path`."""
    loaded = {
        part: "-> " + add_path(machine, f"{part}-{kernel}", {"lib/modules/" + kernel: None})
        for part in ("initrd", "kernel-modules")
    }
    image = add_path(machine, f"linux-{kernel}", {"bzImage": kernel})
    files = {
        "nixos-version": version,
        "kernel": f"-> {image}/bzImage",
        **loaded,
        "systemd": "-> " + add_path(machine, "systemd-257.8"),
        "bin/switch-to-configuration": "#!/bin/sh",
        "sw/bin/nixos-version": nixos_version_script(version, f"rev-{version}"),
        "boot.json": json.dumps({"org.nixos.bootspec.v1": {"label": f"NixOS {version}"}}),
        **more,
    }
    return add_path(
        machine, f"nixos-system-host-{version}", {k: v for k, v in files.items() if v != "absent"}
    )


def nixos_version_script(version: str, revision: str | None) -> str:
    """A script of the form that nixos-version has had since 2020."""
    values = {"nixosVersion": version, "configurationRevision": revision}
    told = json.dumps({name: value for name, value in values.items() if value is not None})
    return (
        "#! /bin/sh\ncase \"$1\" in\n  --json)\n    cat <<'EOF'\n"
        f'{told}\nEOF\n    ;;\n  *)\n    echo "{version} (Warbler)"\n    ;;\nesac\n'
    )


def add_generation(profile: str, number: int, target: str, *, date: int | None = None) -> str:
    """Make the link of a generation, dated in seconds since 1970."""
    os.makedirs(os.path.dirname(profile), exist_ok=True)
    link = f"{profile}-{number}-link"
    os.symlink(target, link)
    if date is not None:
        os.utime(link, ns=(date * 10**9, date * 10**9 + 700_000_000), follow_symlinks=False)
    return link


def select(profile: str, number: int) -> None:
    """Point the profile's link to that generation, as Nix does."""
    if os.path.lexists(profile):
        os.unlink(profile)
    os.symlink(f"{os.path.basename(profile)}-{number}-link", profile)


def add_program(folder: Path, name: str, script: str) -> None:
    """Make a program of these lines of /bin/sh."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)

"""Systems as NixOS makes them, put together from the catalogue's packages.

The files of a system are those of nixpkgs' nixos/modules/system/activation/top-level.nix, boot.json
is the bootspec of NixOS's RFC 125, and `switch-inhibitors` names what cannot be exchanged under way
(nixpkgs, nixos/modules/system/activation/pre-switch-check.nix).
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from typing import Any

from .catalogue import (
    FAILING_UNIT,
    KERNELS,
    RELEASES,
    Lesson,
    Packages,
    is_selected,
    lesson,
    stage,
    versions,
)
from .description import SELF, Derivation, File, Link, Tree, token
from .scripts import script

# Unit -> the package that it runs, and a line that tells NixOS how to treat a change of it.
UNITS: dict[str, tuple[str, str]] = {
    "docker.service": ("docker", ""),
    "nginx.service": ("nginx", "X-ReloadIfChanged=true\n"),
    "podman.service": ("podman", ""),
    "postgresql.service": ("postgresql", ""),
    "prometheus-node-exporter.service": ("prometheus-node-exporter", ""),
    "sshd.service": ("openssh", ""),
    "systemd-logind.service": ("systemd", "X-RestartIfChanged=false\n"),
}
SPECIALISATION = "on-battery"
PARAMS = "loglevel=4 lsm=landlock,yama,bpf"
BATTERY_PARAMS = f"{PARAMS} cpufreq.default_governor=powersave"

_Bootspec = Callable[[str, str], dict[str, Any]]
"""The bootspec of a toplevel (its token) with kernel parameters."""


def add_system(packages: Packages, number: int, generations: int) -> str:
    """Add the system of one generation and all that it needs; its key."""
    at = stage(number, generations)
    chosen = versions(number, generations)
    keys = {name: packages.add(name, chosen) for name in chosen}
    kernel, initrd = _add_kernel(packages, KERNELS[at], keys["systemd"])
    tree: Tree = {
        "nixos-version": File(nixos_version(number, generations)),
        "kernel": Link(f"{token(kernel)}/bzImage"),
        "initrd": Link(f"{token(initrd)}/initrd"),
        "kernel-modules": Link(token(kernel, "modules")),
        "sw": Link(token(_add_system_path(packages, number, generations, keys))),
        "systemd": Link(token(keys["systemd"])),
        "etc": Link(f"{token(_add_etc(packages, number, generations, keys))}/etc"),
        "init": File(f"#!/bin/sh\nsystemConfig={token(SELF)}\n", executable=True),
        "init-interface-version": File("systemd 2"),
        "system": File(_platform()),
    }
    wrong = lesson(number, generations)
    if inhibitors := _inhibitors(at, wrong):
        tree["switch-inhibitors"] = File(json.dumps(inhibitors))

    def bootspec(toplevel: str, params: str) -> dict[str, Any]:
        return {
            "init": f"{toplevel}/init",
            "initrd": f"{token(initrd)}/initrd",
            "kernel": f"{token(kernel)}/bzImage",
            "kernelParams": params.split(),
            "label": _label(number, generations),
            "system": _platform(),
            "toplevel": toplevel,
        }

    special = {}
    if at >= 3:
        special[SPECIALISATION] = packages.include(
            f"system {number} {SPECIALISATION}",
            _toplevel(number, generations, tree, bootspec, BATTERY_PARAMS, {}),
        )
    return packages.include(
        f"system {number}", _toplevel(number, generations, tree, bootspec, PARAMS, special)
    )


def nixos_version(number: int, generations: int) -> str:
    """What `nixos-version` says, in the forms of a stable channel and of nixos-unstable."""
    release = RELEASES[stage(number, generations)]
    revision = _revision(f"nixpkgs {number}")[:12]
    if release.prerelease:
        return f"{release.number}pre{900000 + number}.{revision}"
    return f"{release.number}.{800000 + number}.{revision}"


def _toplevel(
    number: int,
    generations: int,
    tree: Tree,
    bootspec: _Bootspec,
    params: str,
    specialisations: dict[str, str],
) -> Derivation:
    wrong = lesson(number, generations)
    boot = {
        "org.nixos.bootspec.v1": bootspec(token(SELF), params),
        "org.nixos.specialisation.v1": {
            name: {"org.nixos.bootspec.v1": bootspec(token(key), BATTERY_PARAMS)}
            for name, key in specialisations.items()
        },
    }
    switch = script(
        "switch-to-configuration.sh",
        activation="fails" if wrong is Lesson.ACTIVATION_FAILS else "works",
        failing_units=FAILING_UNIT if wrong is Lesson.UNIT_FAILS else "",
    )
    whole: Tree = {
        **tree,
        "kernel-params": File(params),
        "boot.json": File(json.dumps(boot, indent=2)),
        "bin/switch-to-configuration": File(switch, executable=True),
        "specialisation": None,
        **{f"specialisation/{name}": Link(token(key)) for name, key in specialisations.items()},
    }
    return Derivation("nixos-system-playground", nixos_version(number, generations), {"out": whole})


def _add_kernel(packages: Packages, version: str, systemd: str) -> tuple[str, str]:
    modules = f"lib/modules/{version}"
    kernel = packages.include(
        f"linux-{version}",
        Derivation(
            "linux",
            version,
            {
                "out": {"bzImage": File(f"Linux {version}\n" * 90)},
                "modules": {
                    f"{modules}/modules.order": File("kernel/ext4.ko\n"),
                    f"{modules}/kernel/ext4.ko": File(f"ext4 of {version}\n" * 30),
                },
            },
        ),
    )
    contents = f"{token(kernel, 'modules')}\n{token(systemd)}\n"
    initrd = packages.include(
        f"initrd-linux-{version} {systemd}",
        Derivation("initrd-linux", version, {"out": {"initrd": File(contents)}}),
    )
    return kernel, initrd


def _add_system_path(
    packages: Packages, number: int, generations: int, keys: dict[str, str]
) -> str:
    tree = packages.environment([key for name, key in keys.items() if is_selected(name)])
    version = nixos_version(number, generations)
    codename = RELEASES[stage(number, generations)].codename
    told = {
        "configurationRevision": _revision(f"configuration {number}"),
        "nixosVersion": version,
        "nixpkgsRevision": _revision(f"nixpkgs {number}"),
    }
    tree["bin/nixos-version"] = File(
        script(
            "nixos-version.sh",
            version=f"{version} ({codename})",
            json=json.dumps(told),
            revision=told["nixpkgsRevision"],
            configuration=told["configurationRevision"],
        ),
        executable=True,
    )
    return packages.include(f"system-path {number}", Derivation("system-path", "", {"out": tree}))


def _add_etc(packages: Packages, number: int, generations: int, keys: dict[str, str]) -> str:
    release = RELEASES[stage(number, generations)]
    os_release = {
        "ID": "nixos",
        "NAME": "NixOS",
        "PRETTY_NAME": f'"NixOS {release.number} ({release.codename})"',
        "VERSION_CODENAME": release.codename.lower(),
        "VERSION_ID": f'"{release.number}"',
        "BUILD_ID": f'"{nixos_version(number, generations)}"',
    }
    tree: Tree = {
        "etc/hostname": File("playground\n"),
        "etc/os-release": File("".join(f"{name}={text}\n" for name, text in os_release.items())),
    }
    for unit, (name, treatment) in UNITS.items():
        if name in keys:
            tree[f"etc/systemd/system/{unit}"] = File(
                f"[Unit]\nDescription={name} of the playground\n{treatment}"
                f"[Service]\nExecStart={token(keys[name])}/bin/{name}\n"
            )
    return packages.include(f"etc {number}", Derivation("etc", "", {"out": tree}))


def _inhibitors(at: int, wrong: Lesson | None) -> dict[str, str]:
    """What a live switch must not exchange: NixOS has had them since 25.11."""
    if wrong is Lesson.NEEDS_REBOOT:
        return {"systemd": "257"}
    return {"systemd": "258"} if at >= 2 else {}


def _label(number: int, generations: int) -> str:
    at = stage(number, generations)
    wrong = lesson(number, generations)
    label = (
        f"NixOS {RELEASES[at].codename} {nixos_version(number, generations)} (Linux {KERNELS[at]})"
    )
    return f"{label}: {wrong.value}" if wrong else label


def _revision(what: str) -> str:
    """The forty hexadecimal digits of a commit, always the same for the same words."""
    return hashlib.sha1(what.encode(), usedforsecurity=False).hexdigest()


def _platform() -> str:
    return f"{platform.machine()}-linux"

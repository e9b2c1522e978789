"""Stand-ins for the Python module of nixos-rebuild-ng, one for each era of its signatures.

They are ours: small packages whose functions have the names, arguments and defaults that the real
one had at that time (nixpkgs, pkgs/by-name/ni/nixos-rebuild-ng/src/nixos_rebuild), and, where our
worker calls them, answers of the same shape. Like the real one they print while they are imported,
start nothing, and read no configuration.
"""

from __future__ import annotations

from pathlib import Path

_HEAD = """
import dataclasses, pathlib, sys
print("a stand-in for nixos_rebuild is imported")
"""

_FLAKE = """
@dataclasses.dataclass(frozen=True)
class Flake:
    path: object
    attr: str

    @classmethod
    def from_arg(cls, flake_arg{target_host}):
        if flake_arg is None or flake_arg is False:
            return None
        path, _, attr = ("." if flake_arg is True else flake_arg).partition("#")
        return cls({path}(path), {attr})
"""

_BUILD_ATTR = """
@dataclasses.dataclass(frozen=True)
class BuildAttr:
    path: object
    attr: object

    @classmethod
    def from_arg(cls, attr, file):
        if not (attr or file):
            return cls("<nixpkgs/nixos>", None)
        return cls(pathlib.Path(file or "default.nix"), attr)
"""

_QUOTED = "'nixosConfigurations.\"' + (attr or 'stand-in') + '\"'"
_PLAIN = "'nixosConfigurations.' + (attr or 'stand-in')"


def _models(*, target_host: str, path: str, attr: str, build_attr: bool) -> str:
    flake = _FLAKE.format(target_host=target_host, path=path, attr=attr)
    return _HEAD + flake + (_BUILD_ATTR if build_attr else "")


def _nix(*signatures: str) -> str:
    functions = [f"def {s}:\n    raise NotImplementedError('a stand-in')\n" for s in signatures]
    return "\n".join(
        [
            _HEAD,
            *functions,
            "def get_nixpkgs_rev(nixpkgs_path):\n"
            "    print('it prints')\n"
            "    return f'.git.{nixpkgs_path.name}' if nixpkgs_path.is_dir() else None",
            "def list_generations(profile):\n    return []",
        ]
    )


_TARGET_HOST = _models(target_host=", target_host", path="pathlib.Path", attr=_PLAIN, build_attr=1)
_TEXT = _models(target_host=", target_host", path="str", attr=_QUOTED, build_attr=True)

_DICTIONARIES = (
    "build(attr, build_attr, build_flags=None)",
    "build_flake(attr, flake, flake_build_flags=None)",
    "find_file(file, nix_flags=None)",
)

ERAS: dict[str, dict[str, str]] = {
    "2024-11, without target host": {
        "models": _models(target_host="", path="pathlib.Path", attr=_PLAIN, build_attr=False),
        "nix": _nix(
            "nixos_build(attr, pre_attr, file, nix_flags=None, **kwargs)",
            "nixos_build_flake(attr, flake, nix_flags=None, **kwargs)",
            "find_file(file, nix_flags=None)",
            "get_generations(profile, lock_profile=False)",
            "rollback(profile)",
            "set_profile(profile, path_to_config)",
            "switch_to_configuration(path_to_config, action, install_bootloader=False, "
            "specialisation=None)",
            "upgrade_channels(all=False)",
        ),
    },
    "2024-11": {
        "models": _models(
            target_host=", target_host", path="pathlib.Path", attr=_PLAIN, build_attr=False
        ),
        "nix": _nix(
            "nixos_build(attr, pre_attr, file, **nix_flags)",
            "nixos_build_flake(attr, flake, **nix_flags)",
            "find_file(file, nix_flags=None)",
            "get_generations(profile, target_host=None, using_nix_env=False, sudo=False)",
            "rollback(profile, target_host, sudo)",
            "set_profile(profile, path_to_config, target_host, sudo)",
            "switch_to_configuration(path_to_config, action, target_host, sudo, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all=False)",
        ),
    },
    "2024-12": {
        "models": _TARGET_HOST,
        "nix": _nix(
            "build(attr, build_attr, **build_flags)",
            "build_flake(attr, flake, **flake_build_flags)",
            "find_file(file, **nix_flags)",
            "get_generations(profile, target_host=None, using_nix_env=False, sudo=False)",
            "rollback(profile, target_host, sudo)",
            "set_profile(profile, path_to_config, target_host, sudo)",
            "switch_to_configuration(path_to_config, action, target_host, sudo, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all=False)",
        ),
    },
    "2025": {
        "models": _TEXT,
        "nix": _nix(
            *_DICTIONARIES,
            "get_generations(profile)",
            "rollback(profile, target_host, sudo)",
            "set_profile(profile, path_to_config, target_host, sudo)",
            "switch_to_configuration(path_to_config, action, target_host, sudo, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all_channels=False, sudo=False)",
        ),
    },
    "2026, run0": {
        "models": _TEXT,
        "nix": _nix(
            *_DICTIONARIES,
            "get_generations(profile, target_host=None, using_nix_env=False, sudo=False)",
            "rollback(profile, target_host, sudo, run0)",
            "set_profile(profile, path_to_config, target_host, sudo, run0)",
            "switch_to_configuration(path_to_config, action, target_host, sudo, run0, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all_channels=False, sudo=False, run0=False)",
        ),
    },
    "2026-04, elevate": {
        "models": _TEXT,
        "nix": _nix(
            *_DICTIONARIES,
            "get_generations(profile)",
            "rollback(profile, target_host, elevate)",
            "set_profile(profile, path_to_config, target_host, elevate)",
            "switch_to_configuration(path_to_config, action, target_host, elevate, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all_channels=False, elevate=None)",
        ),
    },
    "2026-09": {
        "models": _TEXT,
        "nix": _nix(
            *_DICTIONARIES,
            "get_generations(profile, target_host=None)",
            "rollback(profile, target_host, elevate)",
            "set_profile(profile, path_to_config, target_host, elevate)",
            "switch_to_configuration(path_to_config, action, target_host, elevate, "
            "install_bootloader=False, specialisation=None)",
            "upgrade_channels(all_channels=False, elevate=None, channels_dir=None)",
        ),
    },
}


def make_module(site_packages: Path, **files: str) -> Path:
    """Make the package of these modules; those not given are empty. Returns its folder."""
    package = site_packages / "nixos_rebuild"
    package.mkdir(parents=True)
    for name, text in {"__init__": _HEAD, "nix": "", "models": "", **files}.items():
        (package / f"{name}.py").write_text(text)
    return package


def make_era(site_packages: Path, era: str) -> Path:
    """Make the stand-in of one era. Returns its folder."""
    return make_module(site_packages, **ERAS[era])


def python_program(interpreter: str, *site_packages: Path) -> str:
    """`.nixos-rebuild-wrapped` as nixpkgs' wrap-python.nix leaves it."""
    folders = ",".join(f"'{folder}'" for folder in site_packages)
    return (
        f"#!{interpreter}\n# -*- coding: utf-8 -*-\nimport sys;import site;import functools;"
        f"functools.reduce(lambda k, p: site.addsitedir(p, k), [{folders}], "
        "site._init_pathinfo());\nfrom nixos_rebuild import main\nmain()\n"
    )


def shell_wrapper(wrapped: Path) -> str:
    """What nixpkgs' make-wrapper.sh writes."""
    return (
        "#! /bin/sh -e\nPATH=${PATH:+':'$PATH':'}\nexport PATH\n"
        f'exec -a "$0" "{wrapped}"  "$@"\n'
    )


def compiled_wrapper(wrapped: Path) -> bytes:
    """The part of a program of nixpkgs' make-binary-wrapper.sh that names what it starts."""
    return (
        b"\x7fELF\x02\x01\x01" + bytes(60) + f"{wrapped}".encode() + b"\0PATH\0"
        b"# makeCWrapper '" + f"{wrapped}".encode() + b"' \\\n    --inherit-argv0\n\0"
    )

"""What a user has of his own: environments as nix-env makes them, and home-manager's generations.

The manifest is the one that nix-env reads back (Nix, src/nix-env/user-env.cc); the files of a
generation of home-manager are those of its modules/home-environment.nix.
"""

from __future__ import annotations

import platform

from .catalogue import RELEASES, Packages
from .description import Derivation, File, Link, Tree, token
from .scripts import script


def add_environment(packages: Packages, names: list[str], versions: dict[str, str]) -> str:
    """Add a user's environment with these packages; its key."""
    keys = [packages.add(name, versions) for name in names]
    manifest = "".join(_manifest_entry(packages.derivations[key], key) for key in keys)
    tree = {**packages.environment(keys), "manifest.nix": File(f"[\n{manifest}]\n")}
    return packages.include(
        f"user-environment {' '.join(names)}", Derivation("user-environment", "", {"out": tree})
    )


def add_home(
    packages: Packages, names: list[str], files: dict[str, str], versions: dict[str, str]
) -> str:
    """Add a generation of home-manager with these packages and files below ~/.config; its key."""
    title = " ".join(names)
    environment = packages.environment([packages.add(name, versions) for name in names])
    path = packages.include(
        f"home-manager-path {title}", Derivation("home-manager-path", "", {"out": environment})
    )
    linked: Tree = {f".config/{name}": File(text) for name, text in files.items()}
    home_files = packages.include(
        f"home-manager-files {title}", Derivation("home-manager-files", "", {"out": linked})
    )
    tree: Tree = {
        "activate": File(script("activate.sh"), executable=True),
        "home-files": Link(token(home_files)),
        "home-path": Link(token(path)),
        "hm-version": File(RELEASES[-1].number),
    }
    return packages.include(
        f"home-manager-generation {title}",
        Derivation("home-manager-generation", "", {"out": tree}),
    )


def _manifest_entry(derivation: Derivation, key: str) -> str:
    outputs = " ".join(f'"{output}"' for output in derivation.outputs)
    paths = " ".join(
        f'{output} = {{ outPath = "{token(key, output)}"; }};' for output in derivation.outputs
    )
    return (
        f'{{ type = "derivation"; name = "{derivation.name}"; '
        f'system = "{platform.machine()}-linux"; outPath = "{token(key)}"; '
        f"outputs = [ {outputs} ]; meta = {{ }}; {paths} }}\n"
    )

"""A nixpkgs of a few small packages, as a folder for <nixpkgs> and as a flake of that name."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from msgspec.structs import replace

from luminous_nix_ipy.machine import Machine

_PACKAGES = """\
{ system ? "SYSTEM", ... }:
let
  package = name: version: script: derivation {
    inherit system version;
    name = "${name}-${version}";
    pname = name;
    builder = "/bin/sh";
    args = [ "-c" "export PATH=/bin:/usr/bin; mkdir -p $out/bin; ${script}" ];
  } // { meta.description = "\\"${name}\\", to test with"; };
  program = file: text:
    "printf '#!/bin/sh\\necho ${text}\\n' > $out/bin/${file}; chmod +x $out/bin/${file}";
  refused = name: what: throw
    "Package ‘${name}’ in /nixpkgs/${name}.nix:3 ${what}, refusing to evaluate.";
in {
  hello = package "hello" "1.0" (program "hello" "hello, world");
  hello_2 = package "hello" "2.0" (program "hello" "hello again");
  tree = package "tree" "2.1" (program "tree" "a tree");
  clash = package "clash" "1.0" (program "hello" "not hello");
  library = package "library" "3.0" "rmdir $out/bin";
  slow = package "slow" "1.0" "touch STARTED; sleep 60";
  failing = package "failing" "1.0" "echo this cannot be built >&2; exit 3";
  unfree = refused "unfree-1.0" "has an unfree license (‘unfree’)";
  insecure = refused "insecure-1.1" "is marked as insecure";
  python3Packages.requests = package "python3-requests" "2.32" (program "requests" "requests");
}
"""
_FLAKE = """\
{ outputs = { self }: { legacyPackages.SYSTEM = import ./. { system = "SYSTEM"; }; }; }
"""


def with_nixpkgs(machine: Machine, folder: Path, *, flakes: bool) -> Machine:
    """The machine with this nixpkgs, written to `folder`; `flakes`: its settings enable them.

    `started(folder)` is there once the builder of the package slow runs.
    """
    system = f"{platform.machine()}-linux"
    source = folder / "nixpkgs"
    source.mkdir(parents=True)
    for name, text in (("default.nix", _PACKAGES), ("flake.nix", _FLAKE)):
        text = text.replace("SYSTEM", system).replace("STARTED", str(started(folder)))
        (source / name).write_text(text)
    registry = folder / "registry.json"
    entry = {
        "from": {"type": "indirect", "id": "nixpkgs"},
        "to": {"type": "path", "path": str(source)},
    }
    registry.write_text(json.dumps({"version": 2, "flakes": [entry]}))
    with open(f"{machine.conf_dir}/nix.conf", "a", encoding="utf-8") as settings:
        settings.write(f"flake-registry = {registry}\n")
        if flakes:
            settings.write("experimental-features = nix-command flakes\n")
    return replace(machine, env={**machine.env, "NIX_PATH": f"nixpkgs={source}"})


def started(folder: Path) -> Path:
    return folder / "started"

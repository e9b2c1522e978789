"""Generations of NixOS's shape on a host, built there by its own Nix (2.8, multi-user).

`system/systems.nix` tells what they are. What goes wrong in them is decided while they run, by
files that a test writes (`faults.py`), so that they are built once.
"""

from __future__ import annotations

from tests.machine.host import PROJECT, Host

PROFILE = "/nix/var/nix/profiles/system"
GENERATIONS = ("amber", "blue", "coral")
"""The systems of the generations 1 to 3; the last is current, runs and was booted."""
SYSTEMS_FILE = f"{PROJECT}/tests/machine/system/systems.nix"
NEW = ("--file", SYSTEMS_FILE, "--attr", "configuration")
"""Names dusk, a system that is in no generation yet, to the verbs that build."""


def install(host: Host) -> None:
    """Build the systems, make them generations, and boot the newest."""
    attributes = [word for name in GENERATIONS for word in ("--attr", name)]
    built = host.run("nix-build", "--no-out-link", SYSTEMS_FILE, *attributes).stdout.split()
    host.run("mkdir", "-p", "/nix/var/nix/gcroots")
    for link in ("current-system", "booted-system"):
        host.run("ln", "-s", f"/run/{link}", f"/nix/var/nix/gcroots/{link}")
    for path in built:
        host.run("nix-env", "--profile", PROFILE, "--set", path)
    host.run("mkdir", "-p", "/var/lib/machine-test/faults")
    host.run("ln", "-s", built[-1], "/run/current-system")
    host.run(f"{built[-1]}/bin/switch-to-configuration", "boot")
    host.reboot()


def name_of(path: str | None) -> str:
    """The name of a system by its store path; "" for anything else."""
    words = (path or "").split("-")
    return words[3] if words[1:3] == ["nixos", "system"] else ""

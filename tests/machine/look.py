"""Run inside a host: everything that a change may touch or leave behind, as one JSON object.

Without arguments; needs root, and our package in PYTHONPATH.
"""

import fcntl
import glob
import json
import os
import re
import subprocess

from luminous_nix_ipy import machine
from luminous_nix_ipy.backend.journal import read_journal

PROFILE = "/nix/var/nix/profiles/system"
LOCKS = (
    "/run/nixos/switch-to-configuration.lock",
    f"{PROFILE}.lock",
    "/var/lib/luminous-nix/change.lock",
)


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def booted_by_default():
    """The system that the boot menu starts, or None."""
    entry = re.search(r"^default (\S+)$", text("/boot/loader/loader.conf"), re.MULTILINE)
    options = text(f"/boot/loader/entries/{entry[1]}") if entry else ""
    init = re.search(r"init=(\S+)/init ", options)
    return init[1] if init else None


def is_held(path):
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def units():
    """Active states of all services that are loaded."""
    told = subprocess.run(
        ["systemctl", "list-units", "--all", "--type=service", "--plain", "--no-legend", "--full"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {line.split()[0]: line.split()[2] for line in told.splitlines()}


def processes():
    """The processes that are not mine, as [unit or "", program and arguments]."""
    mine = {os.getpid(), os.getppid()}
    found = []
    for process in map(int, filter(str.isdigit, os.listdir("/proc"))):
        argv = text(f"/proc/{process}/cmdline").replace("\0", " ").strip()
        if not argv or process in mine:
            continue
        groups = [line.split(":", 2)[2] for line in text(f"/proc/{process}/cgroup").splitlines()]
        named = [
            part
            for group in groups
            for part in group.split("/")
            if part.endswith((".service", ".scope"))
        ]
        found.append([named[0] if named else "", argv])
    return found


def main():
    here = machine.local()
    entries, problems = read_journal(here)
    number = re.compile(re.escape(PROFILE) + r"-(\d+)-link")
    links = {
        m[1]: link(path) for path in glob.glob(f"{PROFILE}-*-link") if (m := number.match(path))
    }
    roots = "/nix/var/nix/gcroots/luminous-nix"
    state = {
        "profile": link(PROFILE),
        "generations": links,
        "running": link("/run/current-system"),
        "booted": link("/run/booted-system"),
        "boot_default": booted_by_default(),
        "units": units(),
        "processes": processes(),
        "held": [path for path in LOCKS if is_held(path)],
        "roots": {name: link(f"{roots}/{name}") for name in os.listdir(roots)}
        if os.path.isdir(roots)
        else {},
        "folders": sorted(glob.glob("/run/luminous-nix/*/")),
        "journal": [
            {
                "id": entry.id,
                "operation": entry.operation,
                "from": entry.from_path,
                "to": entry.to_path,
                "outcome": entry.outcome,
                "error": entry.error,
                "root": entry.backup,
            }
            for entry in entries
        ],
        "problems": problems,
    }
    print(json.dumps(state))


main()

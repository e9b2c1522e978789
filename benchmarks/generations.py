"""Listing generations: the whole table against the bare system calls it needs, and number, date and
current alone against `nix-env --list-generations`.

The systems are folders and links of the shape that NixOS' top-level builder gives them; a hundred
of them are as different as on a machine that is rebuilt every few days.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Generation, Profile
from luminous_nix_ipy.store.generations import list_generations
from luminous_nix_ipy.store.toplevel import forget_facts

from .harness import median_seconds, note, report

_SCRIPT = """#! /bin/sh
case "$1" in
  --configuration-revision)
    echo "{revision}"
    ;;
  --json)
    cat <<'EOF'
{{"configurationRevision":"{revision}","nixosVersion":"{version}"}}
EOF
    ;;
esac
"""
_SIZES = (10, 100, 1_000, 10_000)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as folder:
        _whole_table(_machine(folder, "systems"))
        _bare_lists(folder)


def _whole_table(machine: Machine) -> None:
    from luminous_nix_ipy import frames

    profile = _make_systems(machine, 100)

    def records() -> list[Generation]:
        return list_generations(machine, profile)

    def table() -> object:
        return frames.generations(records(), all_columns=True)

    def anew(work: Callable[[], object]) -> Callable[[], object]:
        def forgetful() -> object:
            forget_facts()
            return work()

        return forgetful

    nix_env = _nix_env(machine, profile)
    calls, listed, first, again, asked = _alternately(
        lambda: _system_calls(machine, profile),
        anew(records),
        anew(table),
        table,
        nix_env or (lambda: None),
    )
    report("100 generations, records of all columns, against system calls", listed, calls)
    report("100 generations, all columns, DataFrame included", first, calls, 2.5)
    report("  again in the same kernel, facts remembered", again, calls, 2.5)
    if nix_env is not None:
        report("  against nix-env's three columns", first, asked, 1.0)
    report("first list in a fresh Python, pandas' import included", _fresh_python(machine))


def _bare_lists(folder: str) -> None:
    work: list[Callable[[], object]] = []
    for size in _SIZES:
        machine = _machine(folder, f"bare-{size}")
        profile = _make_links(machine, size)
        work.append(partial(list_generations, machine, profile, details=False))
        work.append(_nix_env(machine, profile) or (lambda: None))
    took = _alternately(*work)
    for index, size in enumerate(_SIZES):
        ours, asked = took[2 * index : 2 * index + 2]
        other = asked if shutil.which("nix-env") else None
        report(f"{size:,} generations: number, date, current, against nix-env", ours, other, 1.0)
    report("10,000 against ten times 1,000 (linear: about 1)", took[6], took[4] * 10, 1.5)


def _alternately(*work: Callable[[], object], rounds: int = 15) -> list[float]:
    """Median wall seconds of each; they take turns, so that what else the machine does in the
    meantime befalls all of them."""
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(rounds):
        for times, one in zip(taken, work, strict=True):
            times.append(median_seconds(one, 1))
    return [median(times) for times in taken]


def _machine(folder: str, name: str) -> Machine:
    root = f"{folder}/{name}"
    machine = Machine(
        store_dir=f"{root}/store",
        state_dir=f"{root}/var",
        log_dir=f"{root}/log",
        conf_dir=f"{root}/etc",
        run_dir=f"{root}/run",
        home=root,
    )
    for path in (machine.store_dir, machine.profiles_dir, machine.conf_dir, machine.run_dir):
        os.makedirs(path)
    Path(machine.conf_dir, "nix.conf").write_text("build-users-group =\n")
    return machine


def _make_systems(machine: Machine, count: int) -> Profile:
    for number in range(1, count + 1):
        version, kernel = f"26.05.{number}", f"6.12.{number // 4}"
        system = _store_path(machine, number, f"nixos-system-host-{version}")
        modules = _store_path(machine, number, f"linux-{kernel}-modules")
        packages = _store_path(machine, number, "system-path")
        os.makedirs(f"{modules}/lib/modules/{kernel}")
        os.makedirs(f"{packages}/bin")
        os.makedirs(f"{system}/specialisation")
        os.symlink(modules, f"{system}/kernel-modules")
        os.symlink(packages, f"{system}/sw")
        script = _SCRIPT.format(version=version, revision=f"{number:040x}")
        boot = {"label": f"NixOS {version}", "kernelParams": ["quiet"] * 20, "system": "x"}
        _write(f"{packages}/bin/nixos-version", script)
        _write(f"{system}/nixos-version", version)
        _write(f"{system}/boot.json", json.dumps({"org.nixos.bootspec.v1": boot}))
        os.symlink(system, f"{machine.system_profile}-{number}-link")
    os.symlink(f"system-{count}-link", machine.system_profile)
    os.symlink(system, machine.current_system)
    os.symlink(system, machine.booted_system)
    return Profile("system", machine.system_profile, "system")


def _make_links(machine: Machine, count: int) -> Profile:
    for number in range(1, count + 1):
        target = _store_path(machine, number, "user-environment")
        os.symlink(target, f"{machine.system_profile}-{number}-link")
    os.symlink(f"system-{count}-link", machine.system_profile)
    return Profile("system", machine.system_profile, "system")


def _store_path(machine: Machine, number: int, name: str) -> str:
    return f"{machine.store_dir}/{number:032d}-{name}"


def _write(path: str, text: str) -> None:
    Path(path).write_text(text)


def _system_calls(machine: Machine, profile: Profile) -> None:
    """What must be asked of the system for all columns, and nothing else done."""
    for link in (machine.current_system, machine.booted_system, profile.path):
        os.readlink(link)
    folder = os.path.dirname(profile.path)
    for link in os.listdir(folder):
        if not link.endswith("-link"):
            continue
        os.lstat(f"{folder}/{link}")
        system = os.readlink(f"{folder}/{link}")
        os.stat(system)
        for name in ("nixos-version", "boot.json", "sw/bin/nixos-version"):
            descriptor = os.open(f"{system}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            os.read(descriptor, 1 << 16)
            os.close(descriptor)
        os.listdir(f"{system}/kernel-modules/lib/modules")
        os.listdir(f"{system}/specialisation")


def _nix_env(machine: Machine, profile: Profile) -> Callable[[], object] | None:
    """Runs `nix-env --list-generations` on that machine's own folders; None where there is none."""
    program = shutil.which("nix-env")
    if program is None:
        note("nix-env is not installed; there is nothing to compare with")
        return None
    env = {
        **os.environ,
        "NIX_STORE_DIR": machine.store_dir,
        "NIX_STATE_DIR": machine.state_dir,
        "NIX_LOG_DIR": machine.log_dir,
        "NIX_CONF_DIR": machine.conf_dir,
        "HOME": machine.home,
    }
    argv = [program, "--profile", profile.path, "--list-generations"]
    return partial(subprocess.run, argv, env=env, check=True, stdout=subprocess.PIPE)


def _fresh_python(machine: Machine) -> float:
    """Seconds that the first table takes in a Python that has just been started."""
    fields = {name: getattr(machine, name) for name in ("store_dir", "state_dir", "run_dir")}
    code = (
        "import time; start = time.perf_counter()\n"
        "from luminous_nix_ipy import frames\n"
        "from luminous_nix_ipy.machine import Machine\n"
        "from luminous_nix_ipy.store.generations import list_generations\n"
        "from luminous_nix_ipy.store.profiles import find_profile\n"
        f"machine = Machine(**{fields!r})\n"
        "found = list_generations(machine, find_profile(machine, 'system'))\n"
        "frames.generations(found, all_columns=True)\n"
        "print(time.perf_counter() - start)"
    )
    argv = [sys.executable, "-c", code]
    times = [float(subprocess.run(argv, check=True, capture_output=True).stdout) for _ in range(3)]
    return sorted(times)[1]

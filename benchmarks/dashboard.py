"""What a dashboard costs while it is open: processor time of a look that sees no news, of one that
does, and of one that is asked for, on a machine with a store database of real size."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.glance import Lookout
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.widgets.morning import morning

from . import _synthetic_store
from .harness import note, report

_GENERATIONS = (50, 1_500, 60)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="luminous-nix-bench-") as folder:
        asyncio.run(_looks(_machine(folder)))


async def _looks(machine: Machine) -> None:
    lookout = Lookout(NixBackend(machine), clock := _Clock())
    seen = await lookout.look()
    note(f"{len(seen.generations)} generations, {seen.status.store_paths:,} paths")
    clock.now += 3600
    await lookout.look_again()
    assert not lookout.has_changed()
    quiet = _processor_seconds(lookout.has_changed, 101)
    report("a look that sees no news, every 3 s", quiet, limit=0.005)
    report("  that is, seconds of processor an hour", quiet * 1200, limit=6)

    folder = os.path.dirname(machine.system_profile)
    taken = []
    for _ in range(11):
        os.utime(folder)
        assert lookout.has_changed()
        start = time.process_time()
        await lookout.look_again()
        taken.append(time.process_time() - start)
    report("a look that sees another generation", median(taken), limit=0.5)

    taken = []
    for _ in range(3):
        start = time.process_time()
        await lookout.look()
        taken.append(time.process_time() - start)
    report("a look at everything, the database examined too", median(taken))
    page = morning(seen, ())
    report("its words and HTML", _processor_seconds(lambda: (page.text(), page.html()), 11))

    operation = NixOperation(OperationType.VERSIONS, ["package0001"])
    start = time.process_time()
    await NixBackend(machine).execute(operation)
    report("versions of a package over all of them", time.process_time() - start)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _processor_seconds(work: Callable[[], object], repeat: int) -> float:
    taken = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


def _machine(folder: str) -> Machine:
    """A machine whose generations are those of the database; their folders are empty."""
    root = Path(folder)
    machine = Machine(
        store_dir=str(root / "store"),
        state_dir=str(root / "var"),
        conf_dir=str(root / "etc/nix"),
        run_dir=str(root / "run"),
        boot_dir=str(root / "boot"),
        etc_dir=str(root / "etc"),
        home=str(root / "home"),
        user_state_dir=str(root / "state"),
        system_journal_dir=str(root / "journal"),
    )
    for made in (machine.store_dir, machine.profiles_dir, machine.run_dir):
        os.makedirs(made)
    os.makedirs(os.path.dirname(machine.database))
    (roots,) = _synthetic_store.create(machine.database, families=(_GENERATIONS,))
    for number, path in enumerate(roots, 1):
        os.symlink(path, f"{machine.system_profile}-{number}-link")
    os.symlink(f"system-{len(roots)}-link", machine.system_profile)
    os.symlink(roots[-1], machine.current_system)
    os.symlink(roots[-1], machine.booted_system)
    return machine

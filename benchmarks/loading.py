"""What it costs to load the extension, to list for the first time, and to press <tab>."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from .harness import note, report

_RUNS = 9

_LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", EXTENSION)
print(time.perf_counter() - start)
"""

_FIRST_LIST = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "luminous_nix_ipy")
from luminous_nix_ipy.machine import Machine, use
use(Machine(**json.loads(sys.argv[1])))
def listed():
    start = time.perf_counter()
    repr(shell.run_line_magic("nix", "list"))
    return time.perf_counter() - start
print(listed(), listed())
"""

_PANDAS = """
import time
start = time.perf_counter()
import pandas
print(time.perf_counter() - start)
"""

_TAB = """
import json, sys, time
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "luminous_nix_ipy")
from luminous_nix_ipy.machine import Machine, use
use(Machine(**json.loads(sys.argv[1])))
def press(line):
    start = time.perf_counter()
    with provisionalcompleter():
        found = list(shell.Completer.completions(line, len(line)))
    assert found, line
    return time.perf_counter() - start
bare = "some_python_name = 1; some_py"
exec("some_python_name = 1", shell.user_ns)
press(bare)
lines = ("x = %nix ro", "%nix rollback ", "%nix list --profile ")
first = max(press(line) for line in lines)
print(first, max(press(line) for line in lines))
"""


def main() -> None:
    """Load, list, complete; each in fresh processes, medians."""
    with tempfile.TemporaryDirectory() as folder:
        _measure(folder)


def _measure(folder: str) -> None:
    shipped = _seconds(folder, _LOAD.replace("EXTENSION", '"IPython.extensions.storemagic"'))[0]
    ours = _seconds(folder, _LOAD.replace("EXTENSION", '"luminous_nix_ipy"'))[0]
    report("%load_ext, over bare IPython", ours, limit=0.020)
    note(f"%load_ext of storemagic, which IPython ships: {shipped * 1e3:.1f} ms")
    machine = _machine(folder, generations=100)
    first, again = _seconds(folder, _FIRST_LIST, machine)
    pandas = _seconds(folder, _PANDAS)[0]
    report("first %nix list in a fresh kernel, 100 generations", first)
    note(f"of which the import of pandas takes {pandas * 1e3:.0f} ms")
    report("second %nix list, with its text", again)
    cold, warm = _seconds(folder, _TAB, machine)
    report("<tab>, the slowest of three, first time", cold)
    report("<tab>, the slowest of three, again", warm, limit=0.020)


def _seconds(folder: str, code: str, *arguments: str) -> list[float]:
    """Medians of the numbers that a fresh Python prints. A first run, which does not count, writes
    the bytecode that an installed package has."""
    environ = {
        **os.environ,
        "IPYTHONDIR": f"{folder}/ipython",
        "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    rows = []
    for _ in range(1 + _RUNS):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append([float(word) for word in done.stdout.split()])
    return [median(column) for column in zip(*rows[1:], strict=True)]


def _machine(folder: str, generations: int) -> str:
    """A machine with so many generations of its system, as the JSON of its fields."""
    store, profiles = f"{folder}/store", f"{folder}/var/profiles"
    os.makedirs(profiles)
    for number in range(1, generations + 1):
        system = f"{store}/{number:032d}-nixos-system-box-25.11.{number}"
        os.makedirs(f"{system}/kernel-modules/lib/modules/6.12.{number}")
        with open(f"{system}/nixos-version", "w", encoding="utf-8") as file:
            file.write(f"25.11.{number}\n")
        os.symlink(system, f"{profiles}/system-{number}-link")
    os.symlink(f"system-{generations}-link", f"{profiles}/system")
    return json.dumps(
        {
            "store_dir": store,
            "state_dir": f"{folder}/var",
            "run_dir": f"{folder}/run",
            "home": f"{folder}/home",
            "user_state_dir": f"{folder}/state",
            "system_journal_dir": f"{folder}/journal",
        }
    )


if __name__ == "__main__":
    main()

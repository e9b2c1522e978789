"""A stand-in for systemd: programs `systemctl` and `journalctl` that tell of units that a test made
up, with the output of the real ones (systemd 257). They answer only what is asked of them here."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from luminous_nix_ipy.machine import Machine

_PROGRAM = """#!{python} -SE
import json, os, sys
here = {here!r}
told = json.load(open(here + "/told.json"))
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(here + "/asked", "a") as file:
    file.write(" ".join([name, *words]) + "\\n")
if told["failure"]:
    sys.exit(told["failure"])
if name == "journalctl":
    unit, count = words[words.index("-u") + 1], int(words[words.index("-n") + 1])
    assert "cat" in words and "--no-pager" in words
    for line in told["journal"].get(unit, [])[-count:]:
        print(line)
elif words[0] == "list-units":
    assert {{"--all", "--full", "--plain", "--no-legend", "--no-pager"}} <= set(words)
    states = words[-1].partition("--state=")[2].split(",")
    for unit, facts in told["units"].items():
        row = (facts["LoadState"], facts["ActiveState"], facts["SubState"])
        if set(row) & set(states):
            print(unit, *row, "A unit of a test")
elif words[0] == "show":
    nobody = {{"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"}}
    facts = told["units"].get(words[words.index("--") + 1], nobody)
    wanted = next(w for w in words if w.startswith("--property=")).partition("=")[2].split(",")
    print("\\n".join(f"{{name}}={{facts[name]}}" for name in wanted if name in facts))
elif words == ["is-system-running"]:
    print(told["state"])
    sys.exit(told["state"] != "running")
else:
    sys.exit("not answered: " + " ".join(words))
"""


class Systemd:
    """What the stand-ins tell, and a machine on which they are found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "systemd"
        programs = self._folder / "bin"
        programs.mkdir(parents=True)
        for name in ("systemctl", "journalctl"):
            text = _PROGRAM.format(python=sys.executable, here=str(self._folder))
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        run = self._folder / "run"
        (run / "systemd" / "system").mkdir(parents=True)
        path = f"{programs}:{os.environ['PATH']}"
        self.machine = Machine(run_dir=str(run), env={"PATH": path})
        self.units: dict[str, dict[str, str]] = {}
        self.journal: dict[str, list[str]] = {}
        self._failure = ""
        self.state = "running"
        self.tell()

    def unit(self, name: str, active: str, sub: str, **facts: str) -> None:
        """Tell this of a unit from now on."""
        states = {"LoadState": "loaded", "ActiveState": active, "SubState": sub}
        self.units[name] = {**states, "Result": "success", "ExecMainStatus": "0", **facts}
        self.tell()

    def fail(self, sentence: str) -> None:
        """Answer nothing but an error from now on; "" answers again."""
        self._failure = sentence
        self.tell()

    def tell(self) -> None:
        told = {"units": self.units, "journal": self.journal, "failure": self._failure}
        told["state"] = self.state
        new = self._folder / "told.new"
        new.write_text(json.dumps(told))
        new.replace(self._folder / "told.json")

    def asked(self) -> list[str]:
        """The lines that were run, in order."""
        file = self._folder / "asked"
        return file.read_text().splitlines() if file.exists() else []

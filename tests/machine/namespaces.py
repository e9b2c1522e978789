"""Namespaces that end with this process, however it ends, and all that is mounted and runs in them.

The first process of a PID namespace takes all others with it (pid_namespaces(7)); that one is
killed when its parent is (prctl(2), PR_SET_PDEATHSIG). So nothing is left to be cleaned up after a
test run that was killed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.machine.waiting import wait_until


class Namespaces:
    """A mount and a PID namespace of their own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
                *("sleep", "infinity"),
            ],
            stdin=subprocess.DEVNULL,
        )
        self.first = 0
        """The first process in them, as it is numbered here."""
        wait_until("namespaces", self._find_first)

    def run(self, *argv: str | Path) -> None:
        """Run a program in them, such as mount.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        done = subprocess.run(self.enter(*argv), capture_output=True, text=True)
        assert done.returncode == 0, f"{argv} gave {done.returncode}: {done.stderr}"

    def enter(self, *argv: str | Path) -> list[str]:
        """The argv that runs another one in them."""
        return ["nsenter", f"--target={self.first}", "--mount", "--pid", "--", *map(str, argv)]

    def path(self, path: Path) -> Path:
        """How a path in them is reached from here."""
        return Path(f"/proc/{self.first}/root{path}")

    def end(self) -> None:
        """End all that runs in them."""
        self._process.kill()
        self._process.wait()
        wait_until("their end", lambda: not Path(f"/proc/{self.first}").exists())

    def _find_first(self) -> bool:
        process = self._process.pid
        assert self._process.poll() is None, "no namespaces can be made here"
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        if not children or Path(f"/proc/{children[0]}/comm").read_text() != "sleep\n":
            return False
        self.first = int(children[0])
        return True

"""A change that is asked for on a host: by a process of its own, which can be killed."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.machine.host import PROJECT, PYTHONPATH, Host
from tests.machine.waiting import PATIENCE

_numbers = itertools.count(1001)
_PROGRAM = f"{PROJECT}/tests/machine/act.py"


class Change:
    """An operation under way, in a service of its own, as a kernel would be."""

    def __init__(
        self,
        host: Host,
        operation: str,
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Ask for it.

        Args:
            operation: a value of OperationType, such as "rollback".
            env: environment variables for it.
            options: its options.
        """
        self.host = host
        variables = {"PYTHONPATH": PYTHONPATH, **(env or {})}
        name = f"kernel-{next(_numbers)}"
        self.unit = f"{name}.service"
        home = "/root" if user == "root" else f"/home/{user}"
        self._process = subprocess.Popen(
            [
                *host.enter(),
                *("systemd-run", "--quiet", "--collect", "--wait", "--pipe", f"--unit={name}"),
                *(f"--uid={user}", f"--setenv=HOME={home}"),
                *(f"--setenv={name}={value}" for name, value in variables.items()),
                *("/usr/bin/python3", _PROGRAM, operation, json.dumps(options)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> dict[str, Any]:
        """Wait for its end; what became of it, as `act.py` tells it."""
        told, said = self._process.communicate(timeout=2 * PATIENCE)
        assert told.startswith("{"), f"It gave {self._process.returncode}: {told}{said}"
        answer: dict[str, Any] = json.loads(told)
        return answer

    def kill(self) -> None:
        """Kill whoever asked, with SIGKILL."""
        self.host.run("systemctl", "kill", "--kill-who=all", "--signal=KILL", self.unit)
        self._process.wait(PATIENCE)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def abandon(self) -> None:
        """No longer care for it, since its host has died."""
        self._process.kill()
        self._process.communicate()


def change(host: Host, operation: str = "rollback", **options: Any) -> dict[str, Any]:
    """Ask for a change and wait for its end; what became of it."""
    return Change(host, operation, **options).end()

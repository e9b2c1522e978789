"""A real ipykernel on a host, driven from here, as a service of its own that can be killed.

Its sockets are files in the folder that host and test share, so that a link that goes down does not
part them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.kernel.driver import PATIENCE, Kernel
from tests.machine.host import PATH, PYTHONPATH, SHARE, Host
from tests.machine.waiting import wait_until

_numbers = itertools.count(1)
_PORTS = {
    f"{channel}_port": number
    for number, channel in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)
}


class KernelOnHost(Kernel):
    """A kernel and its client."""

    def __init__(self, host: Host, unit: str, client: BlockingKernelClient) -> None:
        super().__init__(Path("/root"), KernelManager(), client)
        self.host, self.unit = host, unit

    def kill(self) -> None:
        """Kill it with SIGKILL, and all that is in its service."""
        self.host.run("systemctl", "kill", "--kill-who=all", "--signal=KILL", self.unit)
        wait_until("the kernel's end", lambda: not self.is_alive())

    def is_alive(self) -> bool:
        told = self.host.run("systemctl", "show", "--property=MainPID", "--value", self.unit)
        return told.stdout.strip() not in ("", "0")


def _is_ready(client: BlockingKernelClient) -> bool:
    """On a busy machine a kernel that does not answer at once counts as dead to its client."""
    try:
        client.wait_for_ready(timeout=PATIENCE)
    except RuntimeError:
        return False
    return True


@contextmanager
def a_kernel_on(host: Host, user: str = "root", **variables: str) -> Iterator[KernelOnHost]:
    """A kernel on a host, with the extension's package at hand."""
    name = f"kernel-{next(_numbers)}"
    connection = {
        **{"transport": "ipc", "key": "secret", "signature_scheme": "hmac-sha256"},
        **_PORTS,
    }
    inside, outside = f"{SHARE}/{name}", host.share / name
    Path(f"{outside}.json").write_text(json.dumps({**connection, "ip": inside}))
    home = "/root" if user == "root" else f"/home/{user}"
    environment = {
        **{"HOME": home, "PATH": PATH, "PYTHONPATH": PYTHONPATH, "LANG": "C.UTF-8"},
        **{"LUMINOUS_NIX_PROGRESS": "none", **variables},
    }
    host.run(
        *("systemd-run", "--quiet", "--collect", f"--unit={name}", f"--uid={user}"),
        f"--working-directory={home}",
        *(f"--setenv={key}={value}" for key, value in environment.items()),
        *("/usr/bin/python3", "-m", "ipykernel_launcher", "-f", f"{inside}.json"),
    )
    client = BlockingKernelClient()
    client.load_connection_info({**connection, "ip": str(outside)})
    client.start_channels()
    try:
        wait_until("the kernel", lambda: _is_ready(client))
        yield KernelOnHost(host, f"{name}.service", client)
    finally:
        client.stop_channels()

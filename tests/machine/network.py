"""Addresses for hosts, each with a network of its own, so that runs at the same time do not meet.

They are of 198.18.0.0/15, which RFC 2544 sets aside for tests of network devices.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import subprocess
import tempfile
from pathlib import Path

_NETWORKS = ipaddress.ip_network("198.18.0.0/15")


class Network:
    """A number that this process alone holds, and the network of four addresses that it means."""

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir(), "luminous-nix-test-networks")
        folder.mkdir(exist_ok=True)
        for number in range(_NETWORKS.num_addresses // 4):
            self._lock = os.open(folder / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                continue
            break
        self.interface = f"lnxt{number}"
        """This end of the link; the other is eth0."""
        first = _NETWORKS.network_address + 4 * number
        self.ours, self.theirs = str(first + 1), str(first + 2)

    def connect(self, leader: int) -> None:
        """Give both ends their addresses and bring them up."""
        run_ip("address", "add", f"{self.ours}/30", "dev", self.interface)
        self.set_link("up")
        inside = ("nsenter", f"--target={leader}", "--net", "--")
        run_ip("address", "add", f"{self.theirs}/30", "dev", "eth0", before=inside)
        run_ip("link", "set", "eth0", "up", before=inside)

    def set_link(self, state: str) -> None:
        """Take this end "up" or "down"."""
        run_ip("link", "set", self.interface, state)

    def release(self) -> None:
        os.close(self._lock)


def run_ip(*argv: str, before: tuple[str, ...] = ()) -> None:
    done = subprocess.run([*before, "ip", *argv], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {argv} gave {done.returncode}: {done.stderr}"

"""A real ipykernel, driven as a notebook drives it, and what it answered, cell by cell."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE = 60.0
"""Seconds to wait for anything; only a test that fails waits so long."""


class Cell:
    """One executed cell: its messages in the order of their arrival, and its reply."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        self.messages: list[dict[str, Any]] = []
        self.reply: dict[str, Any] = {}
        self.idle = False

    def contents(self, kind: str) -> list[dict[str, Any]]:
        """The contents of all messages of one type, such as "display_data"."""
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def printed(self, name: str = "stdout") -> str:
        return "".join(c["text"] for c in self.contents("stream") if c["name"] == name)

    @property
    def status(self) -> str:
        """ "ok" or "error", and for an error its name."""
        return str(self.reply.get("ename") or self.reply["status"])

    @property
    def ended(self) -> bool:
        return self.idle and bool(self.reply)


class Kernel:
    """A kernel and its client."""

    def __init__(self, folder: Path, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.folder = folder
        """Where it runs."""
        self.manager = manager
        self.client = client
        self.cells: dict[str, Cell] = {}

    def send(self, code: str) -> Cell:
        """Ask for a cell without waiting for it, as "Run All" does."""
        ident = self.client.execute(dedent(code), allow_stdin=False)
        self.cells[ident] = cell = Cell(ident)
        return cell

    def run(self, code: str, until: Callable[[Cell], bool] = lambda cell: cell.ended) -> Cell:
        """Run a cell to its end, or until something is true of it."""
        cell = self.send(code)
        self.wait(lambda: until(cell))
        return cell

    def interrupt(self) -> float:
        """Interrupt as the notebook's button does; returns the time on the wall clock."""
        self.manager.interrupt_kernel()
        return time.time()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Take messages until something is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "the kernel did not get there in time"
            self._take(self.client.get_iopub_msg)
            self._take(self.client.get_shell_msg)

    def _take(self, get: Callable[..., dict[str, Any]]) -> None:
        try:
            message = get(timeout=0.02)
        except queue.Empty:
            return
        cell = self.cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        if message["msg_type"] == "execute_reply":
            cell.reply = message["content"]
        cell.messages.append(message)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            cell.idle = True


@contextmanager
def a_kernel(folder: Path, *, before: Sequence[str] = (), **variables: str) -> Iterator[Kernel]:
    """A kernel of this Python, at home in `folder`, with these environment variables besides.

    Args:
        before: comes before its command line, such as what makes it another user's.
    """
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("NIX_", "LUMINOUS_NIX_"))},
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "LUMINOUS_NIX_STATE_DIR": str(folder / "state"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **variables,
    }
    manager = KernelManager(kernel_name="python3")
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv[:1] = [*before, sys.executable]
    manager.start_kernel(env=environment, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(folder, manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

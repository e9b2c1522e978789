"""One running program as asyncio tells about it: its streams, its end, and ending it.

It runs in a session of its own, so that an interrupt of the kernel (SIGINT to the kernel's process
group) reaches it only when we decide. Ending it means signalling its whole group: SIGINT, then
SIGTERM, then SIGKILL, as `kill(2)` and `setsid(2)` define them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

OnLine = Callable[[str, str], None]
"""Called with "stdout" or "stderr" and one line without its end."""
AsRoot = Callable[[signal.Signals, int], Awaitable[None]]
"""Sends a signal to the group of a process."""

_log = logging.getLogger(__name__)

_AFTER_TERM = 0.5
_AFTER_KILL = 0.3
_DRAIN = 1.0
"""Seconds that output is awaited after the exit: something else may hold the pipe open, as the
master connection of ssh's ControlPersist does (ssh_config(5))."""


class Sink(Protocol):
    """Reads a stream as it comes, and may keep less of it."""

    def feed(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def kept(self) -> bytes: ...


class Lines:
    """One stream: what came, and the line that has no end yet."""

    def __init__(self, name: str, emit: OnLine, keep: int | None) -> None:
        self._name = name
        self._emit = emit
        self._keep = keep
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._partial: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        while self._keep is not None and self._size - len(self._chunks[0]) >= self._keep:
            self._size -= len(self._chunks.popleft())
        first, *rest = data.split(b"\n")
        self._partial.append(first)
        for part in rest:
            self._line()
            self._partial = [part]

    def close(self) -> None:
        if any(self._partial):
            self._line()
        self._partial = []

    def kept(self) -> bytes:
        data = b"".join(self._chunks)
        return data if self._keep is None else data[max(0, len(data) - self._keep) :]

    def _line(self) -> None:
        line = b"".join(self._partial).removesuffix(b"\r")
        self._emit(self._name, line.decode("utf-8", "replace"))


class Child(asyncio.SubprocessProtocol):
    """One running program, as asyncio tells about it."""

    def __init__(
        self,
        on_line: OnLine | None,
        keep: int | None,
        stderr: Sink | None,
        *,
        stdout: Sink | None = None,
        forget_stdout: bool = False,
    ) -> None:
        self._on_line = on_line
        self._finished = asyncio.get_running_loop().create_future()
        self.output: dict[str, Sink] = {
            "stdout": stdout or Lines("stdout", self._emit, 1 if forget_stdout else keep),
            "stderr": stderr or Lines("stderr", self._emit, keep),
        }

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.SubprocessTransport = transport
        self._pid = transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._stream(fd).feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != 0:
            self._stream(fd).close()

    def process_exited(self) -> None:
        asyncio.get_running_loop().call_later(_DRAIN, self._finish)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()

    # what `run` asks

    @property
    def returncode(self) -> int:
        code = self._transport.get_returncode()
        return -signal.SIGKILL if code is None else code

    def write(self, data: bytes, *, last: bool) -> None:
        pipe: Any = self._transport.get_pipe_transport(0)
        if data and not pipe.is_closing():
            pipe.write(data)
        if last and pipe.can_write_eof():
            pipe.write_eof()

    async def ended_within(self, seconds: float | None) -> bool:
        await asyncio.wait({self._finished}, timeout=seconds)
        return self._finished.done()

    async def end(self, grace: float, as_root: AsRoot | None = None) -> None:
        """Signal the group, harder each time, until nothing of it is left.

        Args:
            grace: seconds between SIGINT and SIGTERM.
            as_root: sends a signal where this process is not permitted to.
        """
        steps = (
            (signal.SIGINT, grace),
            (signal.SIGTERM, _AFTER_TERM),
            (signal.SIGKILL, _AFTER_KILL),
        )
        for number, patience in steps:
            if not self._alive():
                break
            if not self._signal(number) and as_root is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await as_root(number, self._pid)
            deadline = time.monotonic() + patience
            while self._alive() and time.monotonic() < deadline:
                try:
                    await asyncio.sleep(0.02)
                except asyncio.CancelledError:  # asked again: on to the next signal
                    break

    def release(self) -> None:
        """Close the pipes; kill and reap what no loop will wait for any more."""
        abandoned = self._transport.get_returncode() is None
        if abandoned:
            self._signal(signal.SIGKILL)
        # The loop may be closed, and the program another user's.
        with contextlib.suppress(RuntimeError, PermissionError):
            self._transport.close()
        if abandoned:
            popen: subprocess.Popen[bytes] = self._transport.get_extra_info("subprocess")
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(_AFTER_KILL)

    def _alive(self) -> bool:
        if self._transport.get_returncode() is None:
            return True
        try:
            os.killpg(self._pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it runs as another user
            pass
        return True

    def _signal(self, number: signal.Signals) -> bool:
        """Whether this process was permitted to."""
        try:
            os.killpg(self._pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            _log.warning("not permitted to send %s to process %d", number.name, self._pid)
            return False
        return True

    def _stream(self, fd: int) -> Sink:
        return self.output["stdout" if fd == 1 else "stderr"]

    def _emit(self, stream: str, line: str) -> None:
        if self._on_line is None:
            return
        try:
            self._on_line(stream, line)
        except Exception:
            self._on_line = None
            _log.exception("reading the output line by line failed and was given up")

    def _finish(self) -> None:
        if not self._finished.done():
            for stream in self.output.values():
                stream.close()
            self._finished.set_result(None)

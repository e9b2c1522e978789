"""A network for each process that runs tests.

What one does must not meet what another does. A kernel's ports are looked for before it is started
and may be taken when it binds them (jupyter_client, connect.py). Chromium fails a request that it
is about to send when an address of the machine comes or goes (ERR_NETWORK_CHANGED; pages see
"Failed to fetch"), as those of the hosts of tests/machine do.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and all that it starts, in a network namespace with a loopback and nothing else.

    Who may not make one stays where they are. See unshare(2), setns(2) and netdevice(7).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            _call(libc.unshare, _CLONE_NEWNET)
        except PermissionError:
            yield
            return
        try:
            with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
                up = struct.pack("16sh14x", b"lo", _IFF_UP)
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, up)
            yield
        finally:
            _call(libc.setns, before, _CLONE_NEWNET)
    finally:
        os.close(before)


def _call(function: Callable[..., int], *arguments: int) -> None:
    """Call a function of libc that gives -1 if it fails, which raises `OSError`."""
    if function(*arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))

"""`wait_until`: look again and again, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds to wait for anything; only a test that fails waits so long."""


def wait_until(
    what: str, condition: Callable[[], object], *, limit: float = PATIENCE, pause: float = 0.03
) -> None:
    """Return once `condition()` is true.

    Raises:
        AssertionError: it was not within `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {limit} s"
        time.sleep(pause)

"""`require`: skip a test where the machine lacks something, saying how to provide it."""

from __future__ import annotations

import pytest

from tests.provide import things


def require(name: str) -> None:
    """Skip the running test unless `name` is there: a thing of `tests/provide/things.py`.

    Under LUMINOUS_NIX_TEST_REQUIRE=all the skip is a failure (`tests/strict.py`).
    """
    if not things.is_there(name):
        pytest.skip(things.THINGS[name].sentence)

"""A disposable Nix system to practise on: nothing in it can touch the real one.

`start` makes it below a temporary folder and lets this kernel work on it; `stop` removes every
trace. With Nix it is a real private store; without, the same files and database made by Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lifecycle import Playground, reset, start, status, stop

__all__ = ["Playground", "reset", "start", "status", "stop"]


def __getattr__(name: str) -> Any:
    # At first use: the stand-in for nix-env, a program of its own, needs none of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".lifecycle", __name__), name)

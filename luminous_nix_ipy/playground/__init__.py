"""A disposable Nix system to practise on: nothing in it can touch the real one.

`start` makes it below a temporary folder and lets this kernel work on it; `stop` removes every
trace. With Nix it is a real private store; without, the same files and database made by Python.
"""

from .lifecycle import Playground, reset, start, status, stop

__all__ = ["Playground", "reset", "start", "status", "stop"]

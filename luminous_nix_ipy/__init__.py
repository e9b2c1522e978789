"""The control room of a Nix or NixOS machine, inside a notebook.

`%load_ext luminous_nix_ipy` gives IPython the magic `%nix`; `from luminous_nix_ipy import nix`
gives Python the same verbs as methods; `NixBackend` is the asynchronous API under both.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import nix
    from .backend.backend import EnhancedNativeNixBackend, NativeNixBackend, NixBackend
    from .backend.model import NixOperation, NixResult, OperationType
    from .errors import NixError

__version__ = "0.1.0"

__all__ = [
    "EnhancedNativeNixBackend",
    "NativeNixBackend",
    "NixBackend",
    "NixError",
    "NixOperation",
    "NixResult",
    "OperationType",
    "__version__",
    "load_ipython_extension",
    "nix",
    "unload_ipython_extension",
]

# Name -> module; imported at first use, since loading the extension must cost next to nothing.
_LAZY = {
    "EnhancedNativeNixBackend": "backend.backend",
    "NativeNixBackend": "backend.backend",
    "NixBackend": "backend.backend",
    "NixError": "errors",
    "NixOperation": "backend.model",
    "NixResult": "backend.model",
    "OperationType": "backend.model",
    "nix": "api",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give this IPython `%nix` and its completion."""
    from . import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take them away again, and stop what runs for them."""
    from . import magics

    magics.unload(shell)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))

"""What answers for `nix-env` on a playground without Nix.

The playground registers its stand-in for its own folder when it starts; on every other machine
`nix-env` is Nix's own program. Nothing else is ever stood in for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..machine import Machine

StandIn = Callable[[Machine, Sequence[str]], str]
"""Takes the machine and the argv of nix-env; returns what nix-env would print.

Raises:
    NixError: it refuses, as nix-env would.
"""

_by_playground: dict[str, StandIn] = {}


def register(playground: str, stand_in: StandIn | None) -> None:
    """Let `stand_in` answer for nix-env on the playground of that folder; None: no longer."""
    if stand_in is None:
        _by_playground.pop(playground, None)
    else:
        _by_playground[playground] = stand_in


def find(machine: Machine) -> StandIn | None:
    """The stand-in of this machine; None where Nix itself is to be run."""
    if machine.playground is None or not machine.simulated:
        return None
    return _by_playground.get(machine.playground)

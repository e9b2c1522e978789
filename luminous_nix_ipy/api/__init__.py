"""The verbs of `%nix` as methods of the object `nix`: the same arguments, the same results.

Where `%nix` cannot stand, such as in the middle of an expression, these can:

    from luminous_nix_ipy import nix
    newest = nix.list().iloc[0]
    nix.rollback(41, yes=True)

They wait for their result. To await, use `NixBackend`.
"""

from __future__ import annotations

from ..verbs import overview
from .activating import Activating
from .building import Building
from .care import Care
from .changing import Changing
from .expressions import Expressions
from .kernel import Kernel
from .looking import Looking
from .packages import Packages
from .running import Running
from .searching import Searching


class Nix(
    Looking, Changing, Activating, Building, Searching, Packages, Care, Expressions, Running, Kernel
):
    """Every verb of `%nix` as a method. Each raises a `NixError` when it cannot be done."""

    def __repr__(self) -> str:
        return overview().replace("%nix ", "nix.")


nix = Nix()

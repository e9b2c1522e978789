"""Whether all is well with this machine.

Looked at are the store's database and paths, the profiles, the gc roots, the boot menu, free space,
failed units, the age of what the machine is built from, and Nix's settings. Nothing is changed.
--check also compares every store path with its hash, which reads the whole store and takes long.

Examples:
  %nix doctor
  %nix doctor --check
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame


def arguments(parser: Parser) -> None:
    parser.add_argument("--check", action="store_true", help="compare all paths with their hashes")


def run(session: Session, *, check: bool = False) -> NixFrame:
    from .. import frames
    from ..backend.model import NixOperation, OperationType

    operation = NixOperation(type=OperationType.DOCTOR, options={"check": check})
    found = session.perform(operation)["findings"]
    frame = frames.findings(found, f"Health of {session.host}")
    if any(finding.command is not None for finding in found):
        frame.attrs["notes"] = ["%nix repair repairs what Nix can; it asks before."]
    return session.labelled(frame)

"""Whether all is well with this machine.

Looked at are the store's database and paths, the profiles, the gc roots, the boot menu, free space,
failed units, the age of what the machine is built from, and Nix's settings. Nothing is changed.
--check also compares every store path with its hash, which reads the whole store and takes long.

Examples:
  %nix doctor
  %nix doctor --check --bg
  %nix doctor --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parser import Parser, add_bg
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..jobs import Job
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("--check", action="store_true", help="compare all paths with their hashes")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_bg(parser)


def run(
    session: Session, *, check: bool = False, json: bool = False, bg: bool = False
) -> NixFrame | Text | Job[NixFrame | Text]:
    from .. import frames
    from ..backend.model import NixOperation, OperationType
    from .as_json import as_json

    def show(data: dict[str, Any]) -> NixFrame | Text:
        found = data["findings"]
        if json:
            return as_json(found)
        frame = frames.findings(found, f"Health of {session.host}")
        if any(finding.command is not None for finding in found):
            frame.attrs["notes"] = ["%nix repair repairs what Nix can; it asks before."]
        return session.labelled(frame)

    operation = NixOperation(type=OperationType.DOCTOR, options={"check": check})
    if bg:
        return session.background(operation, show)
    return show(session.perform(operation))

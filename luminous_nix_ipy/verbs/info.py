"""One package in full: what it is, its versions in every index, whether this machine has it.

PKG is an attribute of nixpkgs; the package's own name and its main program do as well.

Examples:
  %nix info ripgrep
  %nix info python3Packages.requests --channel nixos-25.11
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..widgets.entries import PackageView
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("package", metavar="PKG", help="an attribute of nixpkgs")
    parser.add_argument("--channel", metavar="NAME", help="in the index of this name")
    parser.add_argument("--flake", metavar="REF", help="in the index of this flake")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    package: str,
    channel: str | None = None,
    flake: str | None = None,
    json: bool = False,
) -> PackageView | Text:
    from ..backend.model import NixOperation, OperationType

    options = {"channel": channel, "flake": flake}
    found = session.answer(
        NixOperation(type=OperationType.INFO, packages=[package], options=options)
    )
    if json:
        from .as_json import as_json

        return as_json(found["package"])
    from ..widgets.entries import PackageView

    playground = session.machine.playground is not None
    return PackageView(found["package"], found["notes"], playground=playground)

"""One option in full: type, default, description, where it is declared, its value on this machine.

The value is what the configuration gives it, which Nix evaluates; --no-value leaves that out. A
part of the name that stands for any name may be given: services.nginx.virtualHosts.me.forceSSL.

Examples:
  %nix option services.openssh.enable
  %nix option programs.git.userName --kind home-manager
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import KIND
from .parser import Parser
from .session import Session

if TYPE_CHECKING:
    from ..records import Command
    from ..widgets.entries import OptionView
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="OPTION", help="its path")
    parser.add_argument("--kind", metavar="KIND", type=KIND, help="nixos, home-manager or darwin")
    parser.add_argument("--no-value", action="store_true", help="evaluate nothing")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    name: str,
    kind: str | None = None,
    no_value: bool = False,
    json: bool = False,
) -> OptionView | Text:
    from ..backend.model import NixOperation, OperationType

    options = {"name": name, "kind": kind, "value": not no_value}
    operation = NixOperation(type=OperationType.OPTION, options=options)
    found = session.answer(operation) if no_value else session.perform(operation)
    if json:
        from .as_json import as_json

        return as_json(found["option"])
    from ..widgets.entries import OptionView

    playground = session.machine.playground is not None
    return OptionView(found["option"], found["notes"], playground=playground)


def programs(
    session: Session, *, name: str, no_value: bool = False, **others: object
) -> list[Command]:
    """What it runs, for `%nix explain`."""
    from ..backend.option_value import value_command

    return [] if no_value else [session.wait(value_command(session.machine, name))]

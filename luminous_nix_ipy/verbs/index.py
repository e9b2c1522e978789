"""The indexes that are searched: which there are, how old, and getting them, as a DataFrame.

status   which there are (this is the default)
update   bring those of these names up to date; all where none is named
add      a channel (nixos-25.11), the URL or file of a list (packages.json, options.json, packed or
         not), or what Nix evaluates: a flake, a folder, <nixpkgs>
remove   forget those of these names

What this machine is made from is known by itself: its channel or its flake's nixpkgs, and the
options of the running system. An index that is older than the setting index_days is brought up to
date in the background when it is searched.

Examples:
  %nix index
  %nix index update
  %nix index add nixos-25.11
  %nix index add ~/nixpkgs --name mine
  %nix index add https://example.org/options.json --kind home-manager
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .parser import OneOf, Parser, add_bg, usage_error
from .session import Session

if TYPE_CHECKING:
    from ..frames import NixFrame
    from ..jobs import Job
    from ..records import Command
    from ..widgets.show import Text


def arguments(parser: Parser) -> None:
    actions = OneOf("status", "update", "add", "remove")
    parser.add_argument("action", metavar="ACTION", nargs="?", type=actions, help="see above")
    parser.add_argument("names", metavar="NAME", nargs="*", default=[], help="which; what to add")
    parser.add_argument("--name", metavar="NAME", help="what to call what is added")
    kinds = OneOf("packages", "nixos", "home-manager", "darwin", "programs")
    parser.add_argument("--kind", metavar="KIND", type=kinds, help="what it lists")
    parser.add_argument("--sha256", metavar="HEX", help="the checksum of what is fetched")
    add_bg(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(
    session: Session,
    *,
    action: str | None = None,
    names: str | Sequence[str] = (),
    name: str | None = None,
    kind: str | None = None,
    sha256: str | None = None,
    bg: bool = False,
    json: bool = False,
) -> NixFrame | Text | Job[NixFrame | Text]:
    from ..backend.model import NixOperation, OperationType

    given = [names] if isinstance(names, str) else list(names)
    if action == "add" and len(given) != 1:
        usage_error("%nix index: add one source at a time. Its help: %nix index -h")
    options = {
        "action": action or "status",
        "names": [] if action == "add" else given,
        "source": given[0] if action == "add" else None,
        "name": name,
        "kind": kind,
        "sha256": sha256,
    }
    operation = NixOperation(type=OperationType.INDEX, options=options)

    def show(data: dict[str, Any]) -> NixFrame | Text:
        return _shown(session, data, json)

    if bg:
        return session.background(operation, show)
    quick = action in (None, "status", "remove")
    return show(session.answer(operation) if quick else session.perform(operation))


def programs(
    session: Session,
    *,
    action: str | None = None,
    names: str | Sequence[str] = (),
    name: str | None = None,
    kind: str | None = None,
    **others: object,
) -> list[Command]:
    """What it runs, for `%nix explain`."""
    from ..backend.index_evaluation import evaluations
    from ..backend.index_sources import find_sources, parse_source

    given = [names] if isinstance(names, str) else list(names)
    sources = []
    if action == "add" and given:
        sources = parse_source(given[0], name, kind)
    elif action == "update":
        known = find_sources(session.machine)
        sources = [s for s in known if s.name in (given or [s.name]) and kind in (None, s.kind)]
    return session.wait(evaluations(session.machine, sources))


def _shown(session: Session, data: dict[str, Any], json: bool) -> NixFrame | Text:
    if json:
        from .as_json import as_json

        return as_json(data)
    from ..frames import search as search_frames

    frame = search_frames.indexes(data["indexes"])
    told = [f"{u.source.name} ({u.source.kind}): {u.message}" for u in data["updated"]]
    frame.attrs["notes"] = [*told, *frame.attrs.get("notes", ())]
    return session.labelled(frame)

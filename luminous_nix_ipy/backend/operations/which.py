"""WHICH: the packages that have a command."""

from __future__ import annotations

import asyncio
import os

from ...errors import IndexUnusable, NotFound, Refused, did_you_mean
from ...machine import Machine
from ...search_records import PackageEntry
from ...store.holders import installed_packages
from ...store.programs import close_commands, packages_with
from ..context import Context
from ..index_model import Source
from ..index_sources import find_sources
from ..indexes import package_indexes
from ..indexing import index_path
from ..model import NixOperation, NixResult
from ..search_model import Provider
from ..searching import prepare
from ..validation import Options

OPTIONS: Options = {"command": str}

_SPELLINGS = 3


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """Options: `command`.

    data: `results` (list of Provider: those whose main program it is first), `command` (str).
    """
    command = (operation.options.get("command") or "").strip()
    if not command or "/" in command or not command.isprintable():
        raise Refused(
            "A command is asked for by its name.",
            f"{command!r} is none." if command else "",
            ["%nix which rg"],
        )
    await prepare(context)
    found = await asyncio.to_thread(_providers, context.machine, command)
    if not found:
        raise await asyncio.to_thread(_unknown, context.machine, command)
    return NixResult(
        success=True,
        message=f"{command} is in {len(found)} package{'' if len(found) == 1 else 's'}",
        data={"results": found, "command": command},
    )


def _providers(machine: Machine, command: str) -> list[Provider]:
    databases, indexes = _databases(machine), package_indexes(machine)[:1]
    if not databases and not indexes:
        raise NotFound(
            "There is no list of commands yet.",
            "It is made of the lists that the machine's channel publishes.",
            ["Get them: %nix index update"],
        )
    found: dict[str, tuple[PackageEntry | None, str]] = {}
    index = indexes[0][1] if indexes else None
    for entry in index.with_program(command) if index else ():
        found[entry.attribute] = (entry, "main program")
    for database in databases:
        for attribute in packages_with(database, command):
            entry_of = index.find(attribute) if index else None
            found.setdefault(attribute, (entry_of, "programs"))
    installed = installed_packages(machine)
    return [
        Provider(
            attribute=attribute,
            version=entry.version if entry else "",
            description=entry.description if entry else "",
            source=source,
            installed=installed.holders(attribute, entry.pname if entry else attribute),
        )
        for attribute, (entry, source) in found.items()
    ]


def _unknown(machine: Machine, command: str) -> NotFound:
    """No package has it; which commands are called nearly so, and who has them."""
    todo = []
    for database in _databases(machine):
        try:
            near = close_commands(database, command, _SPELLINGS)
        except IndexUnusable:
            continue
        owners = [f"{name} (of {packages_with(database, name)[0]})" for name in near]
        todo += did_you_mean(owners)
        break
    return NotFound(
        f"No package that is known here has a command {command!r}.",
        "",
        [*todo, f"Search for it: %nix search {command}"],
    )


def _databases(machine: Machine) -> list[str]:
    """The databases of programs that there are, the machine's own first."""
    sources: list[Source] = [s for s in find_sources(machine) if s.kind == "programs"]
    paths = [index_path(machine, source) for source in sources]
    return [path for path in paths if os.path.exists(path)]

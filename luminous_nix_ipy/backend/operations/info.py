"""INFO: one package in full, its versions in every index, and whether this machine has it."""

from __future__ import annotations

import asyncio

from ...errors import NotFound, Refused, did_you_mean
from ...machine import Machine
from ...search_records import PackageEntry
from ...store.holders import installed_packages
from ..context import Context
from ..index_model import Source
from ..indexes import package_index, package_indexes
from ..indexing import index_states
from ..model import NixOperation, NixResult
from ..search_model import PackageFacts, PackageVersion
from ..searching import close_packages, prepare, told_of
from ..validation import Options

OPTIONS: Options = {"channel": str, "flake": str}


async def run(context: Context, operation: NixOperation, plan: None = None) -> NixResult:
    """`packages`: one, by its attribute, its own name or its main program. Options: `channel`,
    `flake`: in the index of it.

    data: `package` (PackageFacts), `notes` (tuple of str: how old the index is).
    """
    if len(operation.packages) != 1:
        raise Refused("One package is shown at a time.", "", ["%nix info hello"])
    await prepare(context)
    source, facts = await asyncio.to_thread(_facts, context.machine, operation)
    return NixResult(
        success=True,
        message=f"{facts.entry.attribute} {facts.entry.version}".strip(),
        data={"package": facts, "notes": await told_of(context, [source])},
    )


def _facts(machine: Machine, operation: NixOperation) -> tuple[Source, PackageFacts]:
    options = operation.options
    name = operation.packages[0].removeprefix("nixpkgs#").removeprefix("nixpkgs.")
    source, index = package_index(machine, options.get("channel"), options.get("flake"))
    entry = index.find(name)
    if entry is None:
        exact = index.search(name, 1, exact=True)
        if not exact:
            raise NotFound(
                f"There is no package {name!r} in {source.name}.",
                "",
                [*did_you_mean(close_packages(machine, name)), f"%nix search {name}"],
            )
        entry = exact[0].entry
    return source, PackageFacts(
        entry=entry,
        index=source.name,
        versions=tuple(_versions(machine, entry)),
        installed=installed_packages(machine).holders(entry.attribute, entry.pname),
    )


def _versions(machine: Machine, entry: PackageEntry) -> list[PackageVersion]:
    """What every index says of the package, the machine's own first."""
    ages = {(s.source.name, s.source.kind): s.age_days for s in index_states(machine)}
    found = []
    for source, index in package_indexes(machine):
        there = index.find(entry.attribute)
        if there is not None:
            found.append(
                PackageVersion(
                    index=source.name,
                    attribute=there.attribute,
                    version=there.version,
                    age_days=ages.get((source.name, source.kind)),
                )
            )
    return found

"""VERSIONS: which versions of packages the generations of a profile have."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from ...errors import NotFound
from ...store.reader import paths_of
from ...store.versions import NameVersionOutput, version_key
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..past_model import HeldVersion
from ..validation import Options

OPTIONS: Options = {"profile": str, "last": int}

_NAMED = 6


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Packages: their names, as they stand in store paths. Options: `profile`; `last`: only so many
    of the newest generations.

    data: `versions` (list of HeldVersion, the oldest generation first), `generations` (list of
    Generation, newest first), `profile`.

    Raises:
        NotFound: there is no generation, or none of them has such a package.
    """
    profile = context.profile(operation.options.get("profile"))
    found = (await context.generations(profile))[: operation.options.get("last")]
    if not found:
        raise NotFound(
            f"{profile.name} has no generation yet.", f"There is none of {profile.path}."
        )
    wanted = dict.fromkeys(operation.packages)
    packages = await context.read(lambda reader: reader.packages(paths_of(found), wanted))
    held = [
        HeldVersion(number=generation.number, date=generation.date, name=name, version=version)
        for generation in reversed(found)
        for name, version in _ordered(packages.held.get(generation.path or "", frozenset()), wanted)
    ]
    there = {each.name for each in held}
    for name in wanted:
        if name not in there:
            raise _none(name, profile.name, packages.names)
    message = f"{len(held)} versions in {len(found)} generations of {profile.name}"
    return NixResult(True, message, {"versions": held, "generations": found, "profile": profile})


def _ordered(parts: Iterable[NameVersionOutput], wanted: Iterable[str]) -> list[tuple[str, str]]:
    """(name, version), in the order in which they are wanted, and oldest first."""
    place = {name: number for number, name in enumerate(wanted)}
    return sorted(
        {(part.name, part.version) for part in parts},
        key=lambda held: (place[held[0]], version_key(held[1]), held[1]),
    )


def _none(name: str, profile: str, names: Collection[str]) -> NotFound:
    ordered = sorted(names, key=lambda each: (len(each), each))
    containing = [each for each in ordered if name.lower() in each.lower()]
    near = [*containing[:3], *difflib.get_close_matches(name, ordered, n=_NAMED)]
    close = ", ".join(list(dict.fromkeys(near))[:_NAMED])
    return NotFound(
        f"None of these generations of {profile} has {name}.",
        f"They have {close}." if close else "",
        ["See the packages of one: %nix diff 1 2", "Find its name: %nix search WORDS"],
    )

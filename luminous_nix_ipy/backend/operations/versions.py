"""VERSIONS: which versions of packages the generations of a profile have."""

from __future__ import annotations

import difflib

from ...errors import NotFound
from ...records import Closure, Generation
from ...store.versions import split, version_key
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
    wanted = {name: place for place, name in enumerate(dict.fromkeys(operation.packages))}
    held: list[HeldVersion] = []
    seen: dict[str, None] = {}
    for generation in reversed(found):
        closure = await _closure(context, generation)
        versions, names = _versions(closure, wanted)
        seen.update(names)
        held += [
            HeldVersion(number=generation.number, date=generation.date, name=name, version=version)
            for name, version in versions
        ]
    there = {each.name for each in held}
    for name in wanted:
        if name not in there:
            raise _none(name, profile.name, list(seen))
    message = f"{len(held)} versions in {len(found)} generations of {profile.name}"
    return NixResult(True, message, {"versions": held, "generations": found, "profile": profile})


async def _closure(context: Context, generation: Generation) -> Closure | None:
    """None for a generation whose path is gone."""
    path = generation.path
    if path is None:
        return None
    try:
        return await context.read(lambda reader: reader.closure(path))
    except NotFound:
        return None


def _versions(
    closure: Closure | None, wanted: dict[str, int]
) -> tuple[list[tuple[str, str]], dict[str, None]]:
    """(name, version) of what is wanted, in the order given and oldest first; and all names."""
    if closure is None:
        return [], {}
    parts = [split(path, closure.outputs.get(path)) for path in closure.sizes]
    found = sorted(
        {(part.name, part.version) for part in parts if part.name in wanted},
        key=lambda held: (wanted[held[0]], version_key(held[1]), held[1]),
    )
    return found, dict.fromkeys(part.name for part in parts)


def _none(name: str, profile: str, names: list[str]) -> NotFound:
    containing = sorted((n for n in names if name.lower() in n.lower()), key=len)
    near = [*containing[:3], *difflib.get_close_matches(name, names, n=_NAMED)]
    close = ", ".join(list(dict.fromkeys(near))[:_NAMED])
    return NotFound(
        f"None of these generations of {profile} has {name}.",
        f"They have {close}." if close else "",
        ["See the packages of one: %nix diff 1 2", "Find its name: %nix search WORDS"],
    )

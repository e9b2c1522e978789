"""DIFF: which packages differ between two generations or store paths."""

from __future__ import annotations

import os

from ...errors import NotFound
from ...records import Generation
from ...store import closures
from ...store.system import booted_path, running_path
from ..context import Context
from ..model import NixOperation, NixResult, Plan
from ..targets import choose
from ..validation import Options

OPTIONS: Options = {"profile": str, "before": (str, int), "after": (str, int)}
_WORDS = ("booted", "running", "current", "previous")


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `before` and `after` are generation numbers, booted, running, current, previous,
    store paths or links to them (./result); previous → current where they are not given, and
    `before` → current where only that is.

    data: `diff` (ClosureDiff), `before` and `after` (store paths).
    """
    options = operation.options
    before, after = options.get("before"), options.get("after")
    sides = ("previous" if before is None else before, "current" if after is None else after)
    generations = None
    if any(names_a_generation(side) for side in sides):
        generations = await context.generations(context.profile(options.get("profile")))
    old, new = (_resolve(context, side, generations) for side in sides)
    changes = closures.diff(
        await context.read(lambda r: r.closure(old)), await context.read(lambda r: r.closure(new))
    )
    return NixResult(
        success=True,
        message=f"{len(changes.changes)} package changes",
        data={"diff": changes, "before": old, "after": new},
    )


async def store_path(context: Context, side: str | int, profile: str | None = None) -> str:
    """The store path that a generation, a word, a path or a link means.

    Raises:
        NotFound: there is no such thing.
    """
    generations = None
    if names_a_generation(side):
        generations = await context.generations(context.profile(profile))
    return _resolve(context, side, generations)


def names_a_generation(side: str | int) -> bool:
    """Whether it is one of a profile: a number, current or previous."""
    return str(side) in ("current", "previous") or str(side).isdecimal()


def _resolve(context: Context, side: str | int, generations: list[Generation] | None) -> str:
    """The store path that one side of a diff means."""
    word = str(side)
    machine = context.machine
    if generations is not None and names_a_generation(side):
        if word == "previous":
            chosen = choose(generations)
        elif word == "current":
            chosen = _current(generations)
        else:
            chosen = choose(generations, number=int(word))
        return chosen.path or ""
    if word in ("booted", "running"):
        path = booted_path(machine) if word == "booted" else running_path(machine)
        if path is None:
            raise NotFound(
                f"There is no {word} system here.",
                f"{machine.run_dir}/{'booted' if word == 'booted' else 'current'}-system is not "
                "there; only NixOS has it.",
                ["Compare generations by their numbers: %nix list shows them."],
            )
        return path
    return _store_path(machine.store_dir, word)


def _store_path(store_dir: str, text: str) -> str:
    """The store path that a path or link means, itself or the one that it lies in."""
    full = os.path.realpath(os.path.expanduser(text))
    if full.startswith(store_dir + "/"):
        return store_dir + "/" + full.removeprefix(store_dir + "/").split("/", 1)[0]
    if os.path.lexists(os.path.expanduser(text)):
        raise NotFound(
            f"{text} is not in the store.",
            f"It is {full}, which is outside {store_dir}.",
            ["Give a store path, or a link to one such as ./result."],
        )
    raise NotFound(
        f"There is no generation or path “{text}”.",
        "",
        [f"Give a number, one of {', '.join(_WORDS)}, a store path, or a link such as ./result."],
    )


def _current(generations: list[Generation]) -> Generation:
    for generation in generations:
        if generation.current and generation.path is not None:
            return generation
    raise NotFound(
        "The profile has no current generation.",
        "Its link points to none of its generations.",
        ["See them with %nix list, and compare by number."],
    )

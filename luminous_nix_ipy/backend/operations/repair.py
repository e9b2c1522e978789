"""REPAIR: repair through Nix what an examination finds broken."""

from __future__ import annotations

import os

from ...errors import NotFound, Refused
from ...machine import Machine
from ...store.roots import store_path_of
from ..context import Context
from ..model import NixOperation, NixResult
from ..repair_model import RepairPlan
from ..repairing import carry_out, plan_repair
from ..validation import Options

OPTIONS: Options = {"paths": (list, tuple), "check": bool}


async def plan(context: Context, operation: NixOperation) -> RepairPlan:
    """The plan of a repair.

    Options: `paths` (store paths, or links to them: these alone), `check` (compare every store path
    with its hash, which takes long).
    """
    given = list(operation.options.get("paths") or ())
    check = bool(operation.options.get("check"))
    if given and check:
        raise Refused(
            "Either some paths are checked, or all.",
            "Paths and check contradict one another.",
            ["Leave one of them out."],
        )
    paths = list(dict.fromkeys(_meant(context.machine, text) for text in given))
    return await plan_repair(context, paths, contents=check)


async def run(context: Context, operation: NixOperation, made: RepairPlan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it).

    data: `plan` (RepairPlan), and once carried out `report` (RepairReport).
    """
    made = made or await plan(context, operation)
    if operation.dry_run:
        count = len(made.commands)
        what = f"{count} repair{'' if count == 1 else 's'} would be made" if count else "no repair"
        return NixResult(True, f"Dry run: {what}. Nothing was changed.", {"plan": made})
    report = await carry_out(context, made)
    return NixResult(True, report.message, {"plan": made, "report": report})


def _meant(machine: Machine, text: object) -> str:
    """The store path that was meant, by its spelling first: it may be gone."""
    if not isinstance(text, str) or not text:
        raise Refused(f"{text!r} is no path.")
    full = os.path.abspath(os.path.expanduser(text))
    found = store_path_of(machine, full) or store_path_of(machine, os.path.realpath(full))
    if found is None:
        raise NotFound(
            f"{text} is not in the store.",
            f"It is neither below {machine.store_dir} nor a link that leads there.",
            ["Give a store path, or a link to one such as ./result."],
        )
    return found

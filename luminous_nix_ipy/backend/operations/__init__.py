"""The operations that the backend serves: one file each, with the options it takes.

Each module has `OPTIONS` (name → type of the value) and `run(context, operation, plan)`; those that
change something also have `plan(context, operation)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from ..context import Context
from ..model import NixOperation, NixResult, OperationType
from ..searching import token
from ..validation import Options
from . import (
    build,
    build_log,
    build_times,
    check,
    collect,
    delete,
    diff,
    doctor,
    evaluate,
    index,
    info,
    inputs,
    installed,
    listing,
    note,
    optimise,
    option,
    packages,
    rebuild,
    recover,
    repair,
    require,
    rollback,
    roots,
    search,
    search_options,
    shell,
    status,
    undo,
    update,
    versions,
    which,
    why,
)


class Served(NamedTuple):
    """How one operation is served."""

    options: Options
    run: Callable[[Context, NixOperation, Any], Awaitable[NixResult]]
    """Its third argument is the plan that was agreed to, of the type that `plan` makes, or None."""
    plan: Callable[[Context, NixOperation], Awaitable[Any]] | None = None
    builds: bool = False
    """Making its plan builds what is to be activated, and so tells its progress."""
    token: Callable[[Context, NixOperation], Hashable] | None = None
    """What its answer rests on: it is remembered while that is the same. None: never."""


SERVED: dict[OperationType, Served] = {
    OperationType.LIST_GENERATIONS: Served(listing.OPTIONS, listing.run, token=listing.token),
    OperationType.DIFF: Served(diff.OPTIONS, diff.run),
    OperationType.STATUS: Served(status.OPTIONS, status.run),
    OperationType.VERSIONS: Served(versions.OPTIONS, versions.run),
    OperationType.BUILD_TIMES: Served(build_times.OPTIONS, build_times.run),
    OperationType.NOTE: Served(note.OPTIONS, note.run),
    OperationType.EVALUATE: Served(evaluate.OPTIONS, evaluate.run),
    OperationType.LOG: Served(build_log.OPTIONS, build_log.run),
    OperationType.WHY: Served(why.OPTIONS, why.run),
    OperationType.ROLLBACK: Served(rollback.OPTIONS, rollback.run, rollback.plan),
    OperationType.UNDO: Served(undo.OPTIONS, undo.run, undo.plan),
    OperationType.RECOVER: Served(recover.OPTIONS, recover.run, recover.plan),
    OperationType.INSTALL: Served(
        packages.INSTALL_OPTIONS, packages.run, packages.plan, builds=True
    ),
    OperationType.REMOVE: Served(packages.OPTIONS, packages.run, packages.plan, builds=True),
    OperationType.INSTALLED: Served(installed.OPTIONS, installed.run),
    OperationType.SEARCH: Served(search.OPTIONS, search.run, token=token),
    OperationType.INFO: Served(info.OPTIONS, info.run, token=token),
    OperationType.SEARCH_OPTIONS: Served(search_options.OPTIONS, search_options.run, token=token),
    OperationType.OPTION: Served(option.OPTIONS, option.run),
    OperationType.WHICH: Served(which.OPTIONS, which.run, token=token),
    OperationType.INDEX: Served(index.OPTIONS, index.run),
    OperationType.SHELL: Served(shell.OPTIONS, shell.run),
    OperationType.GARBAGE_COLLECT: Served(collect.OPTIONS, collect.run, collect.plan),
    OperationType.DELETE_GENERATIONS: Served(delete.OPTIONS, delete.run, delete.plan),
    OperationType.OPTIMISE: Served(optimise.OPTIONS, optimise.run, optimise.plan),
    OperationType.DOCTOR: Served(doctor.OPTIONS, doctor.run),
    OperationType.REPAIR: Served(repair.OPTIONS, repair.run, repair.plan),
    OperationType.ROOTS: Served(roots.OPTIONS, roots.run),
    OperationType.BUILD: Served(build.OPTIONS, build.run),
    OperationType.SWITCH: Served(rebuild.OPTIONS, rebuild.run, rebuild.plan, builds=True),
    OperationType.BOOT: Served(rebuild.OPTIONS, rebuild.run, rebuild.plan, builds=True),
    OperationType.TEST: Served(rebuild.OPTIONS, rebuild.run, rebuild.plan, builds=True),
    OperationType.REQUIRE: Served(require.OPTIONS, require.run),
    OperationType.CHECK: Served(check.OPTIONS, check.run),
    OperationType.INPUTS: Served(inputs.OPTIONS, inputs.run),
    OperationType.UPDATE: Served(update.OPTIONS, update.run, update.plan),
}

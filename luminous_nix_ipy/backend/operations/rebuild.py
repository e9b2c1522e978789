"""SWITCH, BOOT, TEST: build a configuration and make it the system that runs, that is booted next,
or that runs until the next boot."""

from __future__ import annotations

from ...errors import Refused
from ...records import Generation
from ...store.toplevel import read_facts
from ..building import OPTIONS as BUILDING
from ..building import asked_for, build, dry_build, release
from ..checks_system import NEED_A_BOOT
from ..context import Context
from ..model import Mode, NixOperation, NixResult, OperationType, Plan
from ..planning import make_plan
from ..safety import SAFETY, safety_of
from ..specialising import refuse_at_boot
from ..validation import Options
from .rollback import perform

OPTIONS: Options = {**BUILDING, "specialisation": str, "install_bootloader": bool, **SAFETY}
_MODES: dict[OperationType, Mode] = {
    OperationType.SWITCH: "switch",
    OperationType.BOOT: "boot",
    OperationType.TEST: "test",
    OperationType.UPDATE: "switch",
}


async def plan(context: Context, operation: NixOperation) -> Plan:
    """Build the system, and plan its activation. The build is held until it is carried out.

    Options: `flake` or `file` and `attr` (neither: as nixos-rebuild finds it); `specialisation`,
    the one that is to run ("": the system itself, None: the one that runs now);
    `install_bootloader`; `build_host`, the machine that builds it; flags of Nix; how it is watched
    (`SAFETY`).
    """
    options, mode = operation.options, _MODES[operation.type]
    safety = safety_of(context.machine, options)
    specialisation = options.get("specialisation")
    refuse_at_boot(mode, specialisation)
    asked = asked_for(context, options)
    profile = context.profile("system")
    built = await build(context, asked)
    try:
        context.progress.update("planning")
        generations = await context.generations(profile)
        target = _target(generations, built.path)
        return await make_plan(
            context,
            operation="rebuild",
            profile=profile,
            generations=generations,
            target=target,
            mode=mode,
            specialisation=specialisation,
            install_bootloader=bool(options.get("install_bootloader")),
            prepared=built.commands,
            safety=safety,
        )
    except BaseException:
        release(context, built.path)
        raise


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """Carry the plan out. `dry_run`: where all is built, only show it; else tell what would be
    built, since what it would change is known only then.

    data: as ROLLBACK's; of such a dry run `build` (BuildReport) alone.
    """
    if operation.dry_run and made is None:
        safety_of(context.machine, operation.options)  # what is refused is refused in any case
        asked = asked_for(context, operation.options)
        report = await dry_build(context, asked)
        if report.builds or report.fetches:
            return NixResult(
                True,
                "Dry run: it is not built yet, so what it would change is not known.",
                {"build": report},
            )
    made = made or await plan(context, operation)
    try:
        return await perform(context, operation, made)
    except Refused as error:
        if made.mode == "switch" and {c.name for c in made.refused} & NEED_A_BOOT:
            error.todo += ("Make it what the next boot starts: %nix boot",)
        raise
    finally:
        release(context, made.target.path)


def _target(generations: list[Generation], path: str) -> Generation:
    """The generation that it is to become: the current or the newest one where that is it already
    (nix-env --set would make no other), else the next."""
    newest = max(generations, key=lambda g: g.number, default=None)
    for generation in generations:
        if generation.path == path and (generation.current or generation is newest):
            return generation
    facts = read_facts(path)
    return Generation(
        number=1 if newest is None else newest.number + 1,
        date=None,
        current=False,
        nixos_version=facts.nixos_version,
        kernel_version=facts.kernel_version,
        configuration_revision=facts.configuration_revision,
        specialisations=facts.specialisations,
        description=facts.description,
        path=path,
    )

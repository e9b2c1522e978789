"""BUILD: build a configuration, and activate nothing."""

from __future__ import annotations

import os

from ...records import Profile
from ...store.generations import list_generations
from ...store.system import running_path
from ..building import OPTIONS as BUILDING
from ..building import asked_for, build, dry_build
from ..context import Context
from ..model import BuildReport, NixOperation, NixResult, Plan
from ..planning import compare
from ..validation import Options

OPTIONS: Options = {**BUILDING, "link": str}


async def run(context: Context, operation: NixOperation, plan: Plan | None = None) -> NixResult:
    """Options: `flake` or `file` and `attr` (neither: as nixos-rebuild finds it); `link`, where the
    out-link shall be (./result); `build_host`, the machine that builds it; flags of Nix. `dry_run`:
    tell what would be built and fetched.

    data: `build` (BuildReport).
    """
    asked = asked_for(context, operation.options)
    if operation.dry_run:
        report = await dry_build(context, asked)
        return NixResult(True, "Dry run: nothing was built.", {"build": report})
    link = _absolute(operation.options.get("link") or "result")
    built = await build(context, asked, link)
    context.progress.update("comparing packages")
    diff, problem = await compare(context, _running(context), built.path)
    report = BuildReport(
        configuration=str(asked.configuration),
        host=asked.host,
        path=built.path,
        link=link,
        builds=tuple(built.planned.builds),
        fetches=tuple(built.planned.fetches),
        download_bytes=built.planned.download_bytes,
        unpacked_bytes=built.planned.unpacked_bytes,
        diff=diff,
        diff_problem=problem,
        commands=built.commands,
        duration=built.duration,
    )
    return NixResult(True, f"Built {built.path}.", {"build": report})


def _absolute(link: str) -> str:
    return os.path.abspath(os.path.expanduser(link))


def _running(context: Context) -> str | None:
    """What runs now, else what is current; None on a machine that has no system."""
    machine = context.machine
    running = running_path(machine)
    if running is not None or not os.path.lexists(machine.system_profile):
        return running
    profile = Profile("system", machine.system_profile, "system")
    return next((g.path for g in list_generations(machine, profile) if g.current), None)

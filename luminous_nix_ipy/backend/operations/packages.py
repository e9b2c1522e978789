"""INSTALL and REMOVE: change which packages are in a user's profile."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec.structs import replace

from ...errors import NotFound, Refused
from ...machine import Machine
from ...records import Check, Command, Generation, Manifest, PackageStep, Profile
from ...store.manifests import read_manifest
from ...store.profiles import find_profile
from ...store.versions import split
from ...tools import packages as programs
from ...tools.commands import set_profile
from ...tools.messages import Planned
from ...tools.packages import PackageTool
from ..aside import ASIDE, build_aside
from ..building import release
from ..context import Context
from ..model import NixOperation, NixResult, OperationType, Plan
from ..package_tool import tool_of
from ..packages import choose_installed, look_ahead, requests, resolve, selectors
from ..planning import fingerprint, make_plan
from ..validation import Options
from .rollback import perform

OPTIONS: Options = {"profile": str}
INSTALL_OPTIONS: Options = {**OPTIONS, "priority": int}

_NEWER_HOMES = (2, 14)
"""Since this Nix, users' own profiles are in their state folders."""


async def plan(context: Context, operation: NixOperation) -> Plan:
    """Build the profile as it will be, aside, and plan to make it the next generation.

    `packages`: attributes of nixpkgs, installables or store paths; to remove, names as INSTALLED
    has them. Options: `profile`, by default the user's own; `priority` of what is installed: of two
    packages with the same file the one with the lower number wins, 5 is usual. A dry run builds
    nothing, so that its plan tells no differences of closures.
    """
    if not operation.packages:
        raise Refused(f"Which packages to {operation.type.value} is not said.")
    manifest = read_manifest_of(context, operation.options.get("profile"))
    tool = await tool_of(context.machine, manifest)
    profile = _profile(context.machine, operation.options.get("profile"), tool)
    generations = await context.generations(profile)
    current = next((g for g in generations if g.current), None)
    if operation.type is OperationType.INSTALL:
        steps, change, notices = await _install(context, operation, profile, tool, manifest)
    else:
        steps, change, notices = _remove(operation, tool, manifest)
    nothing = all(step.action == "keep" for step in steps)
    if nothing or operation.dry_run:
        return _unbuilt(context, operation, profile, generations, steps, change, notices)
    path, prepared = await build_aside(context, tool, current.path if current else None, change)
    try:
        context.progress.update("planning")
        made = await make_plan(
            context,
            operation=operation.type.value,
            profile=profile,
            generations=generations,
            target=_target(generations, path),
            prepared=prepared,
        )
        return replace(
            made,
            packages=tuple(steps),
            notices=(*notices, *made.notices),
            checks=(*made.checks, _check(steps, read_manifest(path))),
            commands=(*_first_profile(profile, tool), *made.commands),
        )
    except BaseException:
        release(context, path)
        raise


async def run(context: Context, operation: NixOperation, made: Plan | None) -> NixResult:
    """Carry the plan out (`dry_run`: only show it); data as ROLLBACK's."""
    context.progress.update("planning", 0.0)
    made = made or await plan(context, operation)
    try:
        return await perform(context, operation, made)
    finally:
        release(context, made.target.path)


def read_manifest_of(context: Context, name: str | None) -> Manifest:
    """The manifest of a profile, by default the user's own; an empty one where that is not there.

    Raises:
        NotFound: there is no such profile.
        Refused: it is not one that packages are installed into.
        ManifestUnreadable: what is installed cannot be told.
    """
    try:
        profile = context.profile(name or "profile")
    except NotFound:
        if name not in (None, "profile"):
            raise
        return Manifest(tool=None, version=None, packages=())
    if profile.kind != "user":
        raise Refused(
            f"Packages are not installed into {profile.name}: it is made from a configuration.",
            "The next build of that would take them away again.",
            ["See what to write into it: %nix install --declare PKG"],
        )
    return read_manifest(profile.path)


async def _install(
    context: Context,
    operation: NixOperation,
    profile: Profile,
    tool: PackageTool,
    manifest: Manifest,
) -> tuple[list[PackageStep], Command, list[str]]:
    priority = operation.options.get("priority")
    asked = requests(context.machine, tool.kind, operation.packages)
    if priority is not None and tool.kind == "nix-env":
        _check_named(asked)
    found, notices = await resolve(context, tool, asked)
    steps = [package.step(manifest) for package in found]
    new = [
        package.request
        for package, step in zip(found, steps, strict=True)
        if step.action == "install"
    ]
    kept = [step.name for step in steps if step.action == "keep"]
    if priority is not None and kept:
        notices.append(f"Installed already, so its priority stays: {', '.join(kept)}.")
    if operation.dry_run and new:
        ahead = await look_ahead(context, tool, profile.path, new, priority)
        notices += _announced(ahead)
    if tool.kind == "nix-env":
        steps = [*_replaced(steps, manifest), *steps]
    argv = programs.install(tool, ASIDE, new, priority)
    return steps, Command(argv, "build the profile with them, aside"), notices


def _check_named(asked: Sequence[str]) -> None:
    """Raises: Refused: nix-env cannot give a store path another priority."""
    if any(name.startswith("/") for name in asked):
        raise Refused(
            "nix-env gives no priority to a store path.",
            "It is what the package itself says.",
            ["Install it, then: nix-env --set-flag priority N NAME"],
        )


def _replaced(steps: Sequence[PackageStep], manifest: Manifest) -> list[PackageStep]:
    """What nix-env takes away for packages of the same name (nix-env(1), --install)."""
    names = {step.name for step in steps if step.action == "install"}
    kept = {path for step in steps for path in step.paths}
    return [
        PackageStep(
            name=package.name, version=package.version, action="remove", paths=package.paths
        )
        for package in manifest.packages
        if split(package.paths[0]).name in names and kept.isdisjoint(package.paths)
    ]


def _remove(
    operation: NixOperation, tool: PackageTool, manifest: Manifest
) -> tuple[list[PackageStep], Command, list[str]]:
    chosen = choose_installed(manifest, operation.packages)
    steps = [
        PackageStep(name=p.name, version=p.version, action="remove", paths=p.paths) for p in chosen
    ]
    argv = programs.remove(tool, ASIDE, selectors(tool, manifest, chosen))
    notices = []
    if any(package.name == "home-manager-path" for package in chosen):
        notices.append("home-manager-path is home-manager's, which puts it back when it is used.")
    return steps, Command(argv, "build the profile without them, aside"), notices


def _unbuilt(
    context: Context,
    operation: NixOperation,
    profile: Profile,
    generations: Sequence[Generation],
    steps: Sequence[PackageStep],
    change: Command,
    notices: Sequence[str],
) -> Plan:
    """The plan of what is not built: nothing is to be done, or only a dry run was asked for."""
    current = next((g for g in generations if g.current), None)
    nothing = current is not None and all(step.action == "keep" for step in steps)
    newest = max((g.number for g in generations), default=0)
    target = Generation(number=newest + 1, date=None, current=False)
    if nothing and current is not None:
        target = current
    move = Command(
        set_profile(profile.path, ASIDE), f"make what was built generation {target.number}"
    )
    return Plan(
        operation=operation.type.value,
        mode="switch",
        profile=profile,
        before=current,
        target=target,
        diff=None,
        diff_problem="nothing is built in a dry run" if not nothing else "nothing changes",
        units=(),
        units_reason="only a system has units.",
        reboot_needed=False,
        reboot_reason="a user's profile never needs one.",
        checks=(),
        commands=() if nothing else (change, move),
        notices=tuple(notices),
        packages=tuple(steps),
        nothing_to_do=nothing,
        playground=context.machine.playground is not None,
        fingerprint=fingerprint(context.machine, profile, target),
    )


def _target(generations: Sequence[Generation], path: str) -> Generation:
    """What it is to become: the next generation, but for a newest one that is it already (nix-env
    --set would make no other)."""
    newest = max(generations, key=lambda g: g.number, default=None)
    if newest is not None and newest.path == path:
        return newest
    number = 1 if newest is None else newest.number + 1
    return Generation(number=number, date=None, current=False, path=path)


def _check(steps: Sequence[PackageStep], made: Manifest) -> Check:
    """Whether the profile that was built holds what was asked for."""
    there = {path for package in made.packages for path in package.paths}
    wrong = [
        step.name for step in steps if there.issuperset(step.paths) != (step.action != "remove")
    ]
    if wrong:
        return Check("packages", "refused", f"the new profile is not right about {wrong[0]}.")
    return Check("packages", "ok", "the new profile holds what was asked for.")


def _announced(planned: Planned) -> list[str]:
    """What would be built and fetched, in sentences."""
    told = []
    if planned.builds:
        names = ", ".join(_name(path) for path in list(planned.builds)[:5])
        more = "" if len(planned.builds) <= 5 else " and others"
        told.append(f"To be built: {len(planned.builds)} ({names}{more}).")
    if planned.fetches:
        size = f", {planned.download_bytes:,} bytes" if planned.download_bytes else ""
        told.append(f"To be fetched: {len(planned.fetches)} paths{size}.")
    return told or ["Everything is in the store already."]


def _name(derivation: str) -> str:
    name, version, _ = split(derivation.removesuffix(".drv"))
    return f"{name}-{version}" if version else name


def _profile(machine: Machine, name: str | None, tool: PackageTool) -> Profile:
    """The profile that is meant; where the user has none yet, the one that Nix would make."""
    try:
        return find_profile(machine, name or "profile")
    except NotFound:
        return Profile("profile", _own_profile(machine, tool), "user")


def _own_profile(machine: Machine, tool: PackageTool) -> str:
    """Where ~/.nix-profile leads, or will (Nix, src/libstore/profiles.cc, `getDefaultProfile`)."""
    link = os.path.join(machine.home, ".nix-profile")
    if os.path.islink(link):
        return os.path.normpath(os.path.join(machine.home, os.readlink(link)))
    env = machine.child_environment()
    old = tool.nix.release.version < _NEWER_HOMES
    if os.geteuid() == 0:
        return f"{machine.profiles_dir}/{'default' if old else 'per-user/root/profile'}"
    if old:
        return f"{machine.profiles_dir}/per-user/{env.get('USER', '')}/profile"
    state = env.get("XDG_STATE_HOME") or os.path.join(machine.home, ".local/state")
    return f"{state}/nix/profiles/profile"


def _first_profile(profile: Profile, tool: PackageTool) -> tuple[Command, ...]:
    """What lets Nix make the place of a profile that is the user's first."""
    if os.path.lexists(profile.path):
        return ()
    argv = (tool.nix.program("nix-env"), "--query")
    return (Command(argv, "let Nix link ~/.nix-profile to your first profile"),)

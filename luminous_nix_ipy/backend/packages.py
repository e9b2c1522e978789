"""What a request for packages means: store paths, found without building them."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ..errors import NotFound, Refused
from ..machine import Machine
from ..records import Command, InstalledPackage, Manifest, PackageStep
from ..store.versions import split
from ..tools import packages as programs
from ..tools.messages import Messages, Planned
from ..tools.packages import Installation, PackageTool
from ..tools.process import run
from .context import Context
from .package_tool import ask_nix, flakes_enabled, nixes

_CHANNELS = ("nixpkgs.", "nixos.", "nixpkgs#")
"""How people name what is in nixpkgs: by channel, by flake."""
_SHOWN = 12


class Asked(NamedTuple):
    """One package that was asked for, as its tool names it, and the store paths that it is."""

    request: str
    paths: tuple[str, ...]

    def step(self, installed: Manifest) -> PackageStep:
        name, version, _ = split(self.paths[0])
        there = {path for package in installed.packages for path in package.paths}
        return PackageStep(
            name=name,
            version=version,
            action="keep" if there.issuperset(self.paths) else "install",
            paths=self.paths,
        )


def requests(machine: Machine, kind: programs.Kind, packages: Sequence[str]) -> list[str]:
    """The packages as a tool names them: `hello` is nixpkgs' for both.

    Raises:
        Refused: nix-env was asked for something of a flake.
    """
    found = []
    for package in packages:
        attribute = next(
            (package.removeprefix(c) for c in _CHANNELS if package.startswith(c)), package
        )
        if package.startswith(f"{machine.store_dir}/"):
            found.append(package)
        elif kind == "nix-env" and any(letter in attribute for letter in "#:/"):
            raise Refused(
                f"{package} is of a flake, and this profile is kept by nix-env.",
                "nix-env knows attributes of nixpkgs and store paths only.",
                [
                    "Give an attribute of nixpkgs, such as hello.",
                    "Use it without installing it: %nix shell " + package,
                ],
            )
        elif kind == "nix profile" and not any(letter in attribute for letter in "#:/"):
            found.append(f"nixpkgs#{attribute}")
        else:
            found.append(attribute if kind == "nix-env" else package)
    return list(dict.fromkeys(found))


async def resolve(
    context: Context, tool: PackageTool, asked: Sequence[str]
) -> tuple[list[Asked], list[str]]:
    """The store paths of packages, without building them; and sentences: where they come from.

    Raises:
        NotFound: there is no such package; says which are called nearly so.
        CommandFailed: it cannot be evaluated.
    """
    if tool.kind == "nix profile":
        return await _resolve_installables(context, tool.nix, asked)
    paths = [name for name in asked if name.startswith("/")]
    names = [name for name in asked if name not in paths]
    if paths and names:
        raise Refused(
            "nix-env installs either store paths or packages of nixpkgs at once.",
            "Both were given.",
            ["Install them one after the other."],
        )
    if paths:
        return [Asked(path, (path,)) for path in paths], []
    source = await nixpkgs(context, tool.nix)
    command = Command(
        programs.describe(tool.nix, source, names), "find the packages and their store paths"
    )
    answers = json.loads((await ask_nix(context, command)).strip())
    for answer in answers:
        if "missing" in answer:
            raise _no_such(answer["attribute"], answer["missing"], answer["among"], source)
    told = [f"From the nixpkgs in {source}, which <nixpkgs> stands for."]
    return [Asked(a["attribute"], tuple(a["paths"])) for a in answers], told


async def nixpkgs(context: Context, nix: Installation) -> str:
    """The folder that <nixpkgs> stands for.

    Raises:
        NotFound: it stands for nothing.
    """
    command = Command(programs.find_nixpkgs(nix), "find nixpkgs")
    done = await run(command.argv, machine=context.machine, check=False)
    found = done.stdout.strip()
    if done.returncode == 0 and found:
        return found
    raise NotFound(
        "There is no nixpkgs to take packages from.",
        "No channel and no entry of NIX_PATH is called nixpkgs.",
        [
            "Add the channel: nix-channel --add https://nixos.org/channels/nixpkgs-unstable "
            "nixpkgs && nix-channel --update",
            "Or enable flakes: experimental-features = nix-command flakes, in nix.conf.",
        ],
    )


async def look_ahead(
    context: Context,
    tool: PackageTool,
    profile: str,
    asked: Sequence[str],
    priority: int | None = None,
) -> Planned:
    """What would be built and fetched to install these."""
    command = Command(
        programs.dry_install(tool, profile, asked, priority), "see what would be built and fetched"
    )
    messages = Messages()
    await ask_nix(context, command, messages)
    return messages.planned


def choose_installed(installed: Manifest, wanted: Sequence[str]) -> list[InstalledPackage]:
    """The installed packages of these names, as `%nix installed` shows them, or store paths.

    Raises:
        NotFound: there is no such one; says which are called nearly so.
    """
    names = {package.name: package for package in installed.packages}
    whole = {f"{p.name}-{p.version}": p for p in installed.packages if p.version}
    paths = {path: package for package in installed.packages for path in package.paths}
    chosen: dict[str, InstalledPackage] = {}
    for name in wanted:
        package = names.get(name) or whole.get(name) or paths.get(name)
        if package is None:
            raise _not_installed(name, list(names))
        chosen[package.name] = package
    return list(chosen.values())


def selectors(
    tool: PackageTool, installed: Manifest, chosen: Sequence[InstalledPackage]
) -> list[str]:
    """What makes the tool remove these and nothing else."""
    if tool.kind == "nix profile" and (installed.version or 0) >= 3:
        return [package.name for package in chosen]
    return [package.paths[0] for package in chosen]


async def build_for_shell(
    context: Context, packages: Sequence[str], link: str | None = None
) -> tuple[list[str], list[Command]]:
    """Build packages for use in this kernel: their store paths, and what was run.

    Args:
        link: links of this name, and of those that Nix makes of it, keep them; None: nothing does.

    Raises:
        NixError: there is no Nix, no such package, or it cannot be built.
    """
    nix = (await nixes(context.machine))[0]
    of_flakes = flakes_enabled(context.machine) or any("#" in package for package in packages)
    tool = PackageTool("nix profile" if of_flakes else "nix-env", nix)
    asked = requests(context.machine, tool.kind, packages)
    kept = "linking nothing" if link is None else "and keep them while they are in PATH"
    commands = []
    if of_flakes:
        argv = programs.build(nix, asked, link=link)
        commands.append(Command(argv, f"build them, {kept}"))
    else:
        paths = [name for name in asked if name.startswith("/")]
        names = [name for name in asked if name not in paths]
        if names:
            await resolve(context, tool, names)
            argv = programs.build_attributes(nix, names, link)
            commands.append(Command(argv, f"build them, {kept}"))
        if paths:
            argv = programs.realise(nix, paths, link and f"{link}-fetched")
            commands.append(Command(argv, f"fetch them, {kept}"))
    found: list[str] = []
    for command in commands:
        printed = await ask_nix(context, command)
        if of_flakes:
            found += [path for paths in programs.built_paths(printed) for path in paths]
        else:
            found += map(os.path.realpath, printed.splitlines())
    return found, commands


async def _resolve_installables(
    context: Context, nix: Installation, asked: Sequence[str]
) -> tuple[list[Asked], list[str]]:
    flakes = dict.fromkeys(name.partition("#")[0] for name in asked if not name.startswith("/"))
    told = [await _origin(context, nix, flake) for flake in flakes]
    command = Command(
        programs.build(nix, asked, dry_run=True), "find the packages and their store paths"
    )
    paths = programs.built_paths(await ask_nix(context, command))
    return [Asked(name, found) for name, found in zip(asked, paths, strict=True)], told


async def _origin(context: Context, nix: Installation, flake: str) -> str:
    command = Command(programs.flake_metadata(nix, flake), "see which revision is meant")
    found = json.loads(await ask_nix(context, command))
    modified = found.get("lastModified")
    when = f", last changed {datetime.fromtimestamp(modified):%Y-%m-%d}" if modified else ""
    return f"From {flake}, which is {found.get('url', 'unknown')}{when}."


def _no_such(attribute: str, part: str, among: Sequence[str], source: str) -> NotFound:
    close = difflib.get_close_matches(part, among, n=3, cutoff=0.6)
    folder = attribute[: -len(part)] if attribute.endswith(part) else ""
    named = [name if "." in name else f"{folder}{name}" for name in close]
    if attribute == part and len(among) > 0 and all("." in name for name in among):
        named = list(among[:_SHOWN])
        why = f"{attribute} is a set of packages."
    else:
        why = f"There is no {part} in {source}."
    todo = [f"Did you mean {', '.join(named)}?"] if named else []
    return NotFound(f"There is no package {attribute!r}.", why, todo)


def _not_installed(name: str, names: Sequence[str]) -> NotFound:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        todo = [f"Did you mean {', '.join(close)}?"]
    elif names:
        todo = [f"There is {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}."]
    else:
        todo = []
    return NotFound(
        f"{name!r} is not installed in this profile.", "", [*todo, "See what is: %nix installed"]
    )

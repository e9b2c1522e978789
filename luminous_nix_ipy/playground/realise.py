"""Real Nix builds a description, in one run of nix-build in the playground's own store."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import CommandFailed
from ..machine import Machine
from ..tools import commands
from ..tools.process import run
from .description import SELF, Derivation, Description, File, Link, Tree, named_in

EXPRESSION = str(Path(__file__).with_name("expression.nix"))
# An empty `build-hook` spares Nix its helper for remote builders. Older ones take it for a path and
# refuse an empty one.
_EMPTY_BUILD_HOOK = (2, 19)


def has_nix() -> bool:
    """Whether PATH has the programs of Nix that a playground is made with."""
    return all(shutil.which(program) for program in ("nix", "nix-build", "nix-env"))


def configure(machine: Machine) -> None:
    """Write the nix.conf of a playground: nothing is fetched, and no other user builds."""
    Path(machine.conf_dir, "nix.conf").write_text(
        "sandbox = false\n"
        "substituters =\n"
        "builders =\n"
        "build-users-group =\n"
        "experimental-features = nix-command\n"
        "max-jobs = 4\n"
        "fsync-metadata = false\n",
        encoding="utf-8",
    )


async def needed_config(machine: Machine) -> str:
    """What NIX_CONFIG must say to the Nix that PATH has, which another Nix may not understand."""
    version = await commands.nix_version(machine)
    return "build-hook =" if version is not None and version >= _EMPTY_BUILD_HOOK else ""


async def build(
    machine: Machine, description: Description, on_built: Callable[[str], None]
) -> dict[str, str]:
    """Build everything; the store paths of the description's roots, by key.

    Args:
        on_built: called with the name of each derivation when its build begins.

    Raises:
        CommandFailed: nix-build failed.
    """
    file = os.path.join(machine.conf_dir, "description.json")
    await asyncio.to_thread(write_description, file, description)

    def on_line(stream: str, line: str) -> None:
        if found := re.match(r"building '.*/[a-z0-9]{32}-(.*)\.drv'", line):
            on_built(found[1])

    argv = ["nix-build", EXPRESSION, "--no-out-link"]
    argv += ["--argstr", "description", file, "--argstr", "path", tools()]
    done = await run(argv, machine=machine, on_line=on_line)
    os.unlink(file)
    built = done.stdout.split()
    if len(built) != len(description.roots):
        raise CommandFailed(
            "Nix did not build the whole playground.",
            f"Of {len(description.roots)} paths it gave {len(built)}.",
            argv=done.argv,
            returncode=done.returncode,
        )
    return dict(zip(description.roots, built, strict=True))


def write_description(file: str, description: Description) -> None:
    """Write the JSON that `EXPRESSION` reads."""
    whole = {
        "roots": description.roots,
        "derivations": {
            key: {
                "name": derivation.name,
                "pname": derivation.pname,
                "version": derivation.version,
                "outputs": list(derivation.outputs),
                "references": _references(derivation),
                "script": _script(derivation.outputs),
            }
            for key, derivation in description.derivations.items()
        },
    }
    with open(file, "w", encoding="utf-8") as stream:
        json.dump(whole, stream)


def _references(derivation: Derivation) -> list[dict[str, str]]:
    named = set().union(*map(named_in, derivation.outputs.values()))
    return [{"key": key, "output": output} for key, output in sorted(named) if key != SELF]


def _script(outputs: dict[str, Tree]) -> str:
    """The builder's script: few processes, since each costs more than what it writes."""
    folders, lines, executables = [], [], []
    links: dict[str, list[str]] = {}
    for output, tree in outputs.items():
        folders.append(f'"${output}"')
        for path, entry in tree.items():
            place = f'"${output}"/{shlex.quote(path)}'
            parent = os.path.dirname(place)
            folders.append(place if entry is None else parent)
            match entry:
                case File():
                    lines.append(f"printf %s {shlex.quote(entry.text)} >{place}")
                    if entry.executable:
                        executables.append(place)
                case Link():
                    if os.path.basename(entry.target) == os.path.basename(path):
                        links.setdefault(parent, []).append(shlex.quote(entry.target))
                    else:
                        lines.append(f"ln -s {shlex.quote(entry.target)} {place}")
    lines += [f"ln -s {' '.join(targets)} {folder}/" for folder, targets in links.items()]
    if executables:
        lines.append(f"chmod +x {' '.join(executables)}")
    return "\n".join([f"mkdir -p {' '.join(dict.fromkeys(folders))}", *lines])


def tools() -> str:
    """PATH for the builders: the folders of the few programs that their scripts run."""
    found = (shutil.which(program) for program in ("mkdir", "ln", "chmod"))
    return ":".join(dict.fromkeys(os.path.dirname(program) for program in found if program))

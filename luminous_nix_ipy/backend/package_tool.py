"""Which of Nix's tools keeps a user's profile, and of which Nix; and how it is asked."""

from __future__ import annotations

from ..errors import CommandFailed, NotFound
from ..machine import Machine
from ..records import Command, Manifest
from ..store.nix_conf import read_settings
from ..tools import packages as programs
from ..tools.messages import Messages
from ..tools.packages import Installation, PackageTool
from . import recovery
from .context import Context
from .nix_run import run_nix


async def nixes(machine: Machine) -> list[Installation]:
    """Every Nix of the machine, the newest first.

    Raises:
        NotFound: it has none.
    """
    found = [] if machine.simulated else await programs.installations(machine)
    if found:
        return found
    if machine.playground is not None:
        raise NotFound(
            "This needs Nix, and the playground was made without one.",
            "It can list, compare and roll back.",
            ["Install Nix (https://nixos.org/download), then: %nix playground reset"],
        )
    raise NotFound(
        "This needs Nix, and there is none in the folders of PATH.",
        "",
        ["Install Nix: https://nixos.org/download"],
    )


async def tool_of(machine: Machine, manifest: Manifest) -> PackageTool:
    """The tool that keeps a profile with such a manifest, of the newest Nix that reads it.

    Raises:
        NotFound: there is no Nix, or none that reads it.
    """
    found = await nixes(machine)
    kind = manifest.tool or ("nix profile" if flakes_enabled(machine) else "nix-env")
    for nix in found:
        if programs.reads(nix, manifest):
            return PackageTool(kind, nix)
    versions = ", ".join(".".join(map(str, nix.release.version)) for nix in found)
    raise NotFound(
        "No Nix that is here reads this profile.",
        f"Its manifest.json is of version {manifest.version}; there is Nix {versions}.",
        ["Put a newer Nix into PATH: version 3 of the manifest needs Nix 2.20 or later."],
    )


def flakes_enabled(machine: Machine) -> bool:
    """Whether Nix's settings enable the command `nix profile` and flakes."""
    settings = read_settings(machine)
    names = ("experimental-features", "extra-experimental-features")
    return {"nix-command", "flakes"} <= {
        word for name in names for word in settings.get(name, "").split()
    }


async def ask_nix(context: Context, command: Command, messages: Messages | None = None) -> str:
    """Run a program of Nix; what it printed.

    Args:
        messages: where what it says is added, such as what it is about to build.

    Raises:
        CommandFailed: it failed; its `todo` holds what helps.
    """
    kept = messages or Messages()
    try:
        done = await run_nix(context, command, on_message=kept.add, on_retry=kept.clear)
    except CommandFailed as error:
        error.todo = tuple(recovery.suggestions(error))
        raise
    return done.stdout

"""Build a configuration on another machine, as nixos-rebuild's `--build-host` does (nixpkgs,
nixos-rebuild-ng, nix.py).

It is evaluated here; what describes the build is copied there; it is built there by whoever ssh
logs in as; what was built is copied here. Nothing but the two stores changes.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable

from ..errors import CommandFailed, NixError
from ..records import Command, Message
from ..store.derivations import read_derivation
from ..store.links import read_link
from ..tools import commands, ssh
from ..tools.configuration import Configuration, Flags
from ..tools.messages import Messages, Planned
from .context import Context
from .nix_run import run_nix

_STORE_PATH = re.compile(r"/[^\s]*/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+")
_LOG_LINES = 10
"""Of a failed build's log that are told: the log itself is there."""
_TRUST = (
    "It is built, and stays there for a while. Who is named in trusted-users may copy what nobody "
    "has signed: let root add you, in nix.conf (on NixOS nix.settings.trusted-users). Whoever is "
    "there may do what root may."
)
_UNCHANGED = "Nothing was changed here but the store."


class Elsewhere:
    """One build on another machine.

    Attributes:
        commands: what was run for it, in order.
    """

    def __init__(
        self, context: Context, host: str, configuration: Configuration, flags: Flags, folder: str
    ) -> None:
        """
        Args:
            folder: where links may be made that are gone afterwards.

        Raises:
            Refused: as of `ssh.options`.
        """
        self.commands: list[Command] = []
        self._context = context
        self._machine = context.machine
        self._host = host
        self._configuration = configuration
        self._flags = flags
        self._link = f"{folder}/derivation"
        words = ("nix-store", "--version")
        self._reach = Command(
            ssh.on_host(self._machine, host, words), f"see whether {host} answers and has Nix"
        )

    async def build(self, link: str) -> Planned:
        """Build it there and copy it here; what Nix announced to do. Where it is here already,
        nothing of that is done.

        Args:
            link: where the link to it, its gc root, shall be.

        Raises:
            CommandFailed: it cannot be evaluated, reached, built or copied.
            asyncio.CancelledError: the build has ended there too, or is about to.
        """
        messages = Messages()
        derivation, path = await self._evaluate()
        if not await self._is_here(path):
            await self._run(self._copy_there(derivation), (0.1, 0.2))
            command, argv = self._realise(derivation)
            there = ssh.held(self._machine, self._host, argv)
            printed = await self._run(command, (0.2, 0.75), messages, there)
            path = self._checked(printed)
            await self._run(self._copy_here(path), (0.75, 0.9))
        await self._run(self._keep(link, path), (0.9, 0.9))
        return messages.planned

    async def dry_build(self) -> tuple[Planned, tuple[Command, ...]]:
        """What is not here and would be built or fetched, and the commands that would do it.

        Raises:
            CommandFailed: it cannot be reached or evaluated.
        """
        messages = Messages()
        derivation, path = await self._evaluate(dry=True)
        argv = commands.dry_realise(derivation)
        await self._run(Command(argv, "see what is not here"), (0.1, 0.9), messages, record=False)
        named = path or f"{derivation}!out"
        steps = [self._realise(derivation)[0], self._copy_here(named), self._keep("result", named)]
        if await self._is_here(path):
            return messages.planned, (*self.commands, steps[-1])
        return messages.planned, (*self.commands, self._copy_there(derivation), *steps)

    # steps

    async def _evaluate(self, dry: bool = False) -> tuple[str, str]:
        """The derivation, and its output where that is known before it is built."""
        await self._run(self._reach, (0.0, 0.0))
        argv = self._configuration.instantiate(self._flags, self._link, dry=dry)
        printed = await self._run(Command(argv, f"evaluate {self._configuration} here"), (0.0, 0.1))
        # Of a file, it printed the link.
        derivation = read_link(self._link) or printed.strip()
        found = await asyncio.to_thread(read_derivation, derivation)
        return derivation, found.outputs.get("out", "")

    def _copy_there(self, derivation: str) -> Command:
        return Command(
            ssh.copy_to(self._machine, self._host, derivation),
            f"copy what describes the build to {self._host}",
        )

    def _realise(self, derivation: str) -> tuple[Command, commands.Argv]:
        """As it is shown, and as it is run there."""
        argv = ("nix-store", "--realise", derivation, *self._flags.building())
        shown = ssh.on_host(self._machine, self._host, argv)
        return Command(shown, f"build {self._configuration} on {self._host}"), argv

    def _copy_here(self, path: str) -> Command:
        return Command(
            ssh.copy_from(self._machine, self._host, path),
            f"copy what was built from {self._host}",
        )

    def _keep(self, link: str, path: str) -> Command:
        return Command(commands.add_indirect_root(link, path), "keep it from the garbage collector")

    async def _is_here(self, path: str) -> bool:
        return bool(path) and await self._context.read(lambda reader: reader.is_valid(path))

    def _checked(self, printed: str) -> str:
        """The store path that it printed last; what a login prints there comes before."""
        path = (printed.split() or [""])[-1]
        folder = os.path.dirname(path)
        if _STORE_PATH.fullmatch(path) is None or folder != self._machine.store_dir:
            raise NixError(
                f"{self._host} did not say what it built.",
                f"It printed {printed[-200:]!r}, which is no path in {self._machine.store_dir}. "
                f"{_UNCHANGED}",
                [f"See what a login there prints of its own: ssh {self._host} true"],
            )
        return path

    async def _run(
        self,
        command: Command,
        share: tuple[float, float],
        messages: Messages | None = None,
        there: ssh.There | None = None,
        *,
        record: bool = True,
    ) -> str:
        """Run a step; what it printed."""
        if record:
            self.commands.append(command)
        add: Callable[[Message], None] | None = messages.add if messages is not None else None
        clear = messages.clear if messages is not None else None
        try:
            done = await run_nix(
                self._context, command, share=share, on_message=add, on_retry=clear, there=there
            )
        except CommandFailed as error:
            raise self._explained(error, command, there) from None
        return done.stdout

    def _explained(
        self, error: CommandFailed, command: Command, there: ssh.There | None
    ) -> CommandFailed:
        """The error of a step, with what it means."""
        if error.returncode is None:
            return error
        if command.argv[0] == "ssh" or "--to" in command.argv:
            error.host = self._host
        error.what = f"Nix could not {command.purpose}."
        if command is self._reach:
            error.what = f"Nix does not work on {self._host}."
        if "--from" in command.argv and "lacks a" in error.stderr:
            error.todo += (_TRUST,)
        for failed in error.failed_builds:
            error.why += "".join(f"\n  {line}" for line in failed.log[-_LOG_LINES:])
        if command.argv[0] in ("ssh", "env"):
            found = ssh.trouble(self._host, error.stderr, error.returncode)
            if found is not None:
                error.what, error.todo = found.what, found.todo
                error.why = f"{found.why}\n{_UNCHANGED}"
        return error

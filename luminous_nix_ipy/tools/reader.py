"""The command reader: the records of the direct reader, asked from Nix's own programs.

Formats: `nix-env --list-generations` (nix-env(1)); `nix path-info --json`, a list of objects until
Nix 2.18 and in Lix, an object of them by path since 2.19 (nix3-path-info(1)); the outputs at the
head of a `.drv` file (Nix, derivations.cc).
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from ..errors import CommandFailed, NotFound
from ..machine import Machine
from ..records import Closure, Generation, Profile
from ..store.generations import Dated, current_number, describe, local_date, scan
from ..store.reader import paths_of, with_sizes
from ..store.versions import Packages, split
from . import commands
from .process import run

_log = logging.getLogger(__name__)

_ROW = re.compile(r"^\s*(\d+)\s+(\d+-\d\d-\d\d \d\d:\d\d:\d\d)(\s+\(current\))?", re.MULTILINE)
_OUTPUT = re.compile(r'\("([^"]+)","([^"]+)"')


class _Info(msgspec.Struct):
    """What the store knows of one path; `valid` is false, in lists, where it knows nothing."""

    path: str = ""
    narSize: int = 0
    references: list[str] = []
    deriver: str | None = None
    valid: bool = True


_decode_list = msgspec.json.Decoder(list[_Info]).decode
_decode_object = msgspec.json.Decoder(dict[str, _Info | None]).decode


class CommandReader:
    """Asks `nix-env`, `nix-store` and `nix path-info`. Details come from the generations' files,
    since no program tells them."""

    name = "command"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.fallbacks: list[str] = []
        """Sentences: what was read from the links since the program refused, and why."""

    async def generations(
        self,
        profile: Profile,
        *,
        details: bool = True,
        sizes: bool = False,
        kept: Collection[str] = frozenset(),
    ) -> list[Generation]:
        """See ReaderProtocol. nix-env locks the profile even to list it; where it may not, the
        links are read instead, and `fallbacks` says so."""
        try:
            # In UTC, for the hour that a clock set back repeats.
            utc = msgspec.structs.replace(self.machine, env={**self.machine.env, "TZ": "UTC0"})
            done = await run(commands.list_generations(profile.path), machine=utc)
            dated = parse_generations(done.stdout, current_number(profile))
        except CommandFailed as failed:
            self._fell_back(profile, failed)
            dated = await asyncio.to_thread(scan, profile)
        found = await asyncio.to_thread(
            describe, self.machine, profile, dated, details=details, kept=kept
        )
        return with_sizes(found, await self.sizes(paths_of(found))) if sizes else found

    async def closure(self, path: str) -> Closure:
        """See ReaderProtocol. `outputs` are named after the deriver that each path was registered
        with, while that is in the store; the database may know others for the same path."""
        if not await self.is_valid(path):
            raise NotFound(f"{path} is not in the store.")
        infos = await self._infos([path])
        return await asyncio.to_thread(_closure, path, infos)

    async def sizes(self, paths: Sequence[str]) -> dict[str, tuple[int, int]]:
        valid = await self._valid(paths)
        if not valid:
            return {}
        infos = await self._infos(valid)
        return await asyncio.to_thread(_sizes, valid, infos)

    async def packages(self, paths: Sequence[str], names: Collection[str]) -> Packages:
        """See ReaderProtocol; outputs are those that `closure` tells."""
        valid = await self._valid(paths)
        infos = await self._infos(valid) if valid else {}
        return await asyncio.to_thread(_packages, valid, infos, names)

    async def is_valid(self, path: str) -> bool:
        return bool(await self._valid([path]))

    async def missing(self, path: str) -> list[str]:
        if not await self.is_valid(path):
            return [path]
        infos = await self._infos([path])
        return await asyncio.to_thread(_not_on_disk, infos)

    async def totals(self) -> tuple[int, int]:
        release = await commands.nix_release(self.machine)
        done = await run(commands.path_info_of_all(release), machine=self.machine)
        infos = await asyncio.to_thread(parse_path_info, done.stdout)
        return len(infos), sum(info.narSize for info in infos.values())

    async def _valid(self, paths: Sequence[str]) -> list[str]:
        """Those of the paths that are valid, in their order. What is no store path is not asked
        for, since nix-store would refuse the question as a whole."""
        inside = [path for path in paths if os.path.dirname(path) == self.machine.store_dir]
        if not inside:
            return []
        done = await run(commands.print_invalid(inside), machine=self.machine)
        invalid = set(done.stdout.splitlines())
        return [path for path in inside if path not in invalid]

    async def _infos(self, paths: Sequence[str]) -> dict[str, _Info]:
        release = await commands.nix_release(self.machine)
        done = await run(commands.path_info(release, paths), machine=self.machine)
        return await asyncio.to_thread(parse_path_info, done.stdout)

    def _fell_back(self, profile: Profile, failed: CommandFailed) -> None:
        reason = f"{profile.path} was listed from its links: {failed}"
        _log.warning("%s", reason)
        if reason not in self.fallbacks:
            self.fallbacks.append(reason)


def parse_generations(text: str, current: int | None = None) -> list[Dated]:
    """What `nix-env --list-generations` printed, its dates in UTC; where it marks none as current,
    `current` is (it does not know an absolute link's)."""
    rows = {int(row[1]): row for row in _ROW.finditer(text)}
    marked = next((number for number, row in rows.items() if row[3]), current)
    return [(number, _utc_date(row[2]), number == marked) for number, row in rows.items()]


def _utc_date(text: str) -> datetime | None:
    try:
        return local_date(int(datetime.fromisoformat(f"{text}+00:00").timestamp()))
    except ValueError:
        return None


def parse_path_info(text: str) -> dict[str, _Info]:
    """What `nix path-info --json` printed: path -> info, in either format.

    Raises:
        CommandFailed: it is in neither.
    """
    try:
        if text.lstrip().startswith("["):
            return {info.path: info for info in _decode_list(text) if info.valid}
        return {path: info for path, info in _decode_object(text).items() if info is not None}
    except msgspec.DecodeError as error:
        raise CommandFailed(
            "What `nix path-info --json` printed is not understood.", f"{error}."
        ) from error


def outputs_of(derivation: str) -> dict[str, str]:
    """Path -> output name, from a `.drv` file; empty where there is none.

    The outputs are the first list in it, and neither names nor paths hold brackets or quotes.
    """
    try:
        with open(derivation, encoding="ascii", errors="replace") as file:
            head = file.read()
    except OSError:
        return {}
    return {path: name for name, path in _OUTPUT.findall(head[: head.find("]")])}


def _not_on_disk(paths: Iterable[str]) -> list[str]:
    return sorted(path for path in paths if not os.path.lexists(path))


def _closure(root: str, infos: dict[str, _Info]) -> Closure:
    try:
        chosen = infos.get(os.readlink(f"{root}/sw"), infos[root])
    except OSError:
        chosen = infos[root]
    return Closure(
        root=root,
        sizes={path: info.narSize for path, info in infos.items()},
        outputs=_outputs(infos),
        selected=frozenset(chosen.references),
        source="commands",
    )


def _sizes(roots: Sequence[str], infos: dict[str, _Info]) -> dict[str, tuple[int, int]]:
    closures = {root: _reached(root, infos) for root in roots}
    holders = Counter(path for closure in closures.values() for path in closure)
    return {
        root: (
            _sum(closure, infos),
            _sum((path for path in closure if holders[path] == 1), infos),
        )
        for root, closure in closures.items()
    }


def _outputs(infos: dict[str, _Info]) -> dict[str, str]:
    derivers = {info.deriver for info in infos.values() if info.deriver}
    return {
        path: name
        for deriver in derivers
        for path, name in outputs_of(deriver).items()
        if path in infos
    }


def _packages(roots: Sequence[str], infos: dict[str, _Info], names: Collection[str]) -> Packages:
    outputs = _outputs(infos)
    parts = {path: split(path, outputs.get(path)) for path in infos}
    named = {path: part for path, part in parts.items() if part.name in names}
    held = {
        root: frozenset(named[path] for path in named.keys() & _reached(root, infos))
        for root in roots
    }
    return Packages(held, frozenset(part.name for part in parts.values()))


def _reached(root: str, infos: dict[str, _Info]) -> set[str]:
    reached, ahead = {root}, [root]
    while ahead:
        new = set(infos[ahead.pop()].references) - reached
        reached |= new
        ahead += new
    return reached


def _sum(paths: Iterable[str], infos: dict[str, _Info]) -> int:
    return sum(infos[path].narSize for path in paths)

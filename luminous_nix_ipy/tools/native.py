"""The Python module of nixos-rebuild, asked in its own interpreter.

The module is never imported into this process: it needs Python 3.12, registers exit handlers and
makes a temporary folder. A worker (`native_worker.py`) runs in the interpreter that nixos-rebuild
itself is run with, answers one question, and ends, so that nothing is left behind and nothing is
bound to an event loop.

What it is used for is what only nixos-rebuild knows: which configuration it would take for some
arguments, and which revision of nixpkgs it would record. Building, switching and rolling back are
done better by our own commands: the module runs the same programs of Nix, but shows no plan, tells
no progress and puts nothing back; its lists of generations start a program for each generation.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any, Literal, TypeVar

import msgspec

from ..errors import CommandFailed, NixError, NotFound, NotServed, Refused
from ..machine import Machine
from .native_search import NativeModule, locate
from .process import run

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

TIME_LIMIT = 30.0
"""Seconds that one question may take; the module's own programs are git and Nix's evaluator."""

_WORKER = os.path.join(os.path.dirname(__file__), "native_worker.py")


class Function(msgspec.Struct, frozen=True):
    """Something that nixos-rebuild's module may be able to do."""

    name: str
    form: str
    """The function and its arguments in this module; empty where `reason` says what is missing."""
    reason: str

    @property
    def usable(self) -> bool:
        """It is there, with arguments that are known here."""
        return not self.reason


class Capabilities(msgspec.Struct, frozen=True):
    """What one module can do."""

    python: str
    """Version of the interpreter."""
    package: str
    functions: tuple[Function, ...]


class Configuration(msgspec.Struct, frozen=True):
    """A configuration as nixos-rebuild names it."""

    kind: Literal["flake", "file"]
    path: str
    """Path or reference of the flake; path of the file, or a lookup path such as
    `<nixpkgs/nixos>`."""
    attr: str | None
    """Attribute path of the configuration in it; None: the file is the configuration."""


class NativeWorker:
    """Asks the module. Every method starts the worker once and may raise

    - NotFound: the module or its interpreter cannot be used, and why;
    - NotServed: this version of the module has no such function, or another form of it;
    - CommandFailed: the module's function failed, or the worker died, hung or spoke nonsense.
    """

    def __init__(
        self, machine: Machine, module: NativeModule, time_limit: float = TIME_LIMIT
    ) -> None:
        self.machine = machine
        self.module = module
        self.time_limit = time_limit

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.module.package}>"

    async def capabilities(self) -> Capabilities:
        """Which functions the module has, in which form, and what is missing."""
        return await self._ask(Capabilities, "capabilities")

    async def configuration(
        self,
        *,
        flake: str | bool | None = None,
        file: str | None = None,
        attr: str | None = None,
    ) -> Configuration:
        """The configuration that nixos-rebuild would take.

        Args:
            flake: reference of a flake; True for the folder's own; False for none; None for the
                system's, where it has one.
            file, attr: a file and an attribute of it instead.

        Raises:
            Refused: both a flake and a file or attribute.
        """
        if flake and (file is not None or attr is not None):
            raise Refused("A configuration is either a flake's or a file's, not both.")
        return await self._ask(Configuration, "configuration", flake=flake, file=file, attr=attr)

    async def nixpkgs_revision(self, path: str) -> str | None:
        """The suffix of nixpkgs' version in a git checkout, such as `.git.0123abc` (with an M at
        its end where it has changes); None where that is not known."""
        return await self._ask(str | None, "nixpkgs_revision", path=path)  # type: ignore[arg-type]

    async def _ask(self, kind: type[_T], question: str, **arguments: Any) -> _T:
        # -I: neither the user's modules and variables nor the worker's own folder; -B: no files.
        argv = (self.module.interpreter, "-I", "-B", _WORKER, *self.module.search_path)
        completed = await run(
            argv,
            machine=self.machine,
            stdin=json.dumps({"ask": question, **arguments}) + "\n",
            timeout=self.time_limit,
            check=False,
        )
        for line in completed.stdout.splitlines():
            answer = _answer(line)
            if answer is not None:
                break
        else:
            raise CommandFailed(
                "The worker for nixos-rebuild's module gave no answer.",
                (completed.stderr or completed.stdout).strip()[-2000:]
                or f"It ended with exit status {completed.returncode} and printed nothing.",
                argv=argv,
                returncode=completed.returncode,
                stderr=completed.stderr,
            )
        if "error" in answer:
            raise _error(answer["error"], argv)
        try:
            return msgspec.convert(answer["answer"], kind)
        except (msgspec.ValidationError, KeyError) as error:
            raise CommandFailed(
                "The answer of nixos-rebuild's module was not understood.", str(error), argv=argv
            ) from None


def find(machine: Machine) -> NativeWorker | None:
    """The worker for the machine's nixos-rebuild; None where it has no module that can be used.
    Looks at files only."""
    try:
        return NativeWorker(machine, locate(machine))
    except NixError as error:
        _log.debug("no module of nixos-rebuild: %s", error)
        return None


def describe(machine: Machine) -> str:
    """In words, the module that is used and its interpreter, or why there is none."""
    try:
        module = locate(machine)
    except NixError as error:
        return f"none: {error}"
    return f"{module.package}, run by {module.interpreter}"


def _answer(line: str) -> dict[str, Any] | None:
    """One line of the worker; None for what an interpreter printed of its own accord."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    told = isinstance(answer, dict) and ("answer" in answer or "error" in answer)
    return answer if told else None


class _Problem(msgspec.Struct, frozen=True):
    kind: Literal["missing", "python", "import", "form", "failed", "request"]
    what: str
    why: str


def _error(told: Any, argv: tuple[str, ...]) -> NixError:
    try:
        problem = msgspec.convert(told, _Problem)
    except msgspec.ValidationError as error:
        return CommandFailed(
            "The answer of nixos-rebuild's module was not understood.", str(error), argv=argv
        )
    if problem.kind in ("missing", "python", "import"):
        return NotFound(problem.what, problem.why)
    if problem.kind == "form":
        return NotServed(problem.what, problem.why)
    return CommandFailed(problem.what, problem.why, argv=argv)

"""What a supervisor is charged with: one change, as the script knows it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..machine import Machine
from ..records import JournalEntry, ProfileKind
from . import journal
from .lock import lock_file
from .model import Mode, Safety
from .roots import old_roots
from .supervisor import private_folder, program, runs_as_unit, script, seconds

_UNITS_HAVE_TO_SETTLE = 5.0
"""Seconds at the least that the supervisor watches units alone, when the kernel is gone."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One change, or what is left of one that was cut off. Its words are those of `supervisor.sh`.

    `None` is what there is not: no generation before, no system that runs, no root to make.
    """

    id: str
    intent: JournalEntry
    kind: ProfileKind
    mode: Mode
    profile: str
    before_link: str | None
    """The text of the profile's link."""
    before_number: int | None
    before_path: str | None
    running: str | None
    """The system that runs."""
    target_path: str
    target_number: int | None
    """None where it is to become a new generation."""
    newest: int
    """The greatest number of a generation before the change."""
    activated: str
    root: str | None
    """The gc root that keeps `before_path`."""
    root_is_direct: bool
    activation_words: tuple[str, ...] = ()
    """NAME=VALUE each, for the environment of the activation."""
    boot_words: tuple[str, ...] = ()
    own_unit_stops: bool = False
    """The activation stops the unit that this kernel runs in."""
    safety: Safety = Safety()
    first_profile: str | None = None
    """The nix-env that makes the place of a user's first profile; None where there is one."""
    recover: Literal["finish", "undo"] | None = None
    """What is to become of a change that was cut off; its intent is in the journal already."""

    @property
    def name(self) -> str:
        """What its supervisor is called: another than that of the change which it is to recover."""
        return self.id if self.recover is None else f"{self.id}-recover"

    def variables(self, machine: Machine, token: str) -> dict[str, str]:
        """What the script is told, by the names that it has there.

        Raises:
            CommandFailed: one of Nix's programs is not there.
        """
        safety = self.safety
        activates = self.mode != "boot" and self.kind != "user"
        watched = self.mode != "boot" and bool(safety.expectations)
        values: dict[str, str | int | bool | None] = {
            "script": script(),
            "token": token,
            "id": self.id,
            "folder": private_folder(machine, self.kind, self.name),
            "lock": lock_file(machine, self.kind),
            "journal": journal.journal_file(machine, self.kind),
            "intent": journal.encode(self.intent).decode(),
            "mode": self.mode,
            "kind": self.kind,
            "profile": self.profile,
            "before_link": self.before_link,
            "before_number": self.before_number,
            "before_path": self.before_path,
            "running": self.running,
            "target_path": self.target_path,
            "target_number": self.target_number,
            "newest": self.newest,
            "activated": self.activated,
            "nix_env": program(machine, "nix-env"),
            "nix_store": None if self.root_is_direct else program(machine, "nix-store"),
            "root": self.root,
            "root_is_direct": self.root_is_direct,
            "old_roots": "\n".join(old_roots(machine, self.profile)),
            "restore": safety.restore,
            "confirm": "activate" if activates else "move" if watched else None,
            "confirm_timeout": seconds(safety.confirm_timeout),
            "settle": seconds(max(safety.settle, _UNITS_HAVE_TO_SETTLE)),
            "activation_timeout": seconds(safety.activation_timeout),
            "own_unit_stops": self.own_unit_stops,
            "activation_words": " ".join(self.activation_words),
            "boot_words": " ".join(self.boot_words),
            "boot_dir": machine.boot_dir,
            "current_system": machine.current_system,
            "systemd": runs_as_unit(machine, self.kind),
            "has_boot": self.kind == "system",
            "first_profile": self.first_profile,
            "recover": self.recover,
        }
        return {name: _word(value) for name, value in values.items()}


def _word(value: str | int | bool | None) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case _:
            return str(value)

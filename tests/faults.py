"""Faults for changes on a playground: programs that fail, hang or kill, and a kernel that goes.

The programs that a change runs (nix-env, and the switch-to-configuration of both systems) are
replaced by ones that look into a folder for what is to happen to them, and are the real ones else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from luminous_nix_ipy.backend import supervisor
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.boot_menu import boot_entry
from luminous_nix_ipy.tools.process import Conversation

STEPS = ("intent", "keep", "activate", "health", "move", "boot", "verify", "outcome")
"""The supervisor's steps, in order."""
PROGRAMS = {"activate": "test", "move": "nix-env", "boot": "boot"}
"""What is run in a step, as the faults' folder calls it."""

_FAULTY = """#!/bin/sh
# Does what the first line of the file of its name in the folder of faults says, and takes it away.
# The caller is `timeout`, whose caller is the supervisor's process for the steps, and so on.
faults=@faults@
action=@action@
parent() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; }
fault=
if [ -s "$faults/$action" ]; then
    read -r fault <"$faults/$action"
    sed -i 1d "$faults/$action"
fi
caller=$PPID
worker=$(parent "$caller")
strike() {
    case $1 in
        caller) kill -KILL "$caller"; sleep 30 ;;
        worker) kill -KILL "$worker"; sleep 30 ;;
        # All of it, as when the power goes, ourselves the last. While everything is put back there
        # is one process less above us.
        supervisor)
            above=$(parent "$worker")
            case $(cat "/proc/$above/comm") in *sh) kill -KILL "$above" ;; esac
            kill -KILL "$worker" "$caller"
            kill -KILL $$
            ;;
        hang) sleep 600 ;;
        [0-9]*) exit "$1" ;;
    esac
}
case $fault in
    before:*) strike "${fault#before:}" ;;
    after:*) @real@ "$@"; strike "${fault#after:}" ;;
esac
exec @real@ "$@"
"""


@dataclass(frozen=True)
class State:
    """What a change may move."""

    profile: str
    running: str
    boot: str | None
    generations: tuple[str, ...]


class Faults:
    """The faults of one playground."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._folder = Path(machine.playground or "", "faults")
        self._folder.mkdir(exist_ok=True)

    def set(self, action: str, fault: str) -> None:
        """What is to happen when that program is run next, or after those that were set before:
        `before:1`, `after:caller`, `` for nothing."""
        with (self._folder / action).open("a") as file:
            file.write(f"{fault}\n")

    def clear(self) -> None:
        for path in self._folder.iterdir():
            path.unlink()

    def prepare(self) -> Machine:
        """Replace the programs; the machine that has them."""
        machine = self.machine
        programs = Path(machine.playground or "", "faulty")
        programs.mkdir()
        real = shutil.which("nix-env", path=machine.child_environment()["PATH"])
        assert real is not None
        self._write(programs / "nix-env", "nix-env", shlex.quote(real))
        folder = Path(machine.profiles_dir)
        for link in folder.glob("system-*-link"):
            self._replace(Path(os.path.realpath(link)))
        return msgspec.structs.replace(machine, programs_dir=str(programs))

    def _replace(self, system: Path) -> None:
        script = system / "bin/switch-to-configuration"
        for path in (script.parent, script):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        original = script.with_name("switch-to-configuration.real")
        script.rename(original)
        self._write(script, "$1", shlex.quote(str(original)))

    def _write(self, path: Path, action: str, real: str) -> None:
        text = _FAULTY.replace("@faults@", shlex.quote(str(self._folder)))
        path.write_text(text.replace("@action@", action).replace("@real@", real))
        path.chmod(0o755)


def state(machine: Machine) -> State:
    """The machine now."""
    default = boot_entry(machine)
    return State(
        profile=os.readlink(machine.system_profile),
        running=os.path.realpath(machine.current_system),
        boot=None if default is None else os.path.realpath(default),
        generations=tuple(
            sorted(n for n in os.listdir(machine.profiles_dir) if n.startswith("system-"))
        ),
    )


class Kernel:
    """The kernel's part in a change, which can vanish at a step as if it were killed: both pipes
    close, and it does nothing any more."""

    def __init__(self, monkeypatch: Any) -> None:
        self.dies_at: str | None = None
        self.dead = asyncio.Event()
        monkeypatch.setattr(supervisor, "converse", self._converse)

    async def _converse(self, argv: Any, *, env: Any, on_line: Any, elevated: Any) -> Conversation:
        from luminous_nix_ipy.tools.process import converse

        def hear(talk: Conversation, stream: str, line: str) -> None:
            if self.dead.is_set():
                return
            words = line.split(" ")
            if self.dies_at is not None and words[1:] == ["step", self.dies_at]:
                self.dead.set()
                transport = talk._child._transport
                for fd in (0, 1, 2):
                    transport.get_pipe_transport(fd).abort() if fd == 0 else (
                        transport.get_pipe_transport(fd).close()
                    )
                return
            on_line(talk, stream, line)

        return await converse(argv, env=env, on_line=hear, elevated=elevated)


def processes_of(machine: Machine) -> list[str]:
    """Command lines of processes that belong to the playground."""
    wanted = f"LUMINOUS_PLAYGROUND_ROOT={machine.playground}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def end_processes_of(machine: Machine) -> None:
    """What a power cut ends too: all that still runs for the playground."""
    wanted = f"LUMINOUS_PLAYGROUND_ROOT={machine.playground}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def nothing_left(machine: Machine, seconds: float = 10) -> None:
    """No process, private folder or root that the journal does not name."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(machine)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []
    folder = f"{machine.run_dir}/luminous-nix"
    assert not os.path.isdir(folder) or os.listdir(folder) == []
    named = {entry.backup for entry in read_journal(machine)[0]}
    roots = Path(machine.gcroots_dir, "luminous-nix")
    found = {str(path) for path in roots.iterdir()} if roots.is_dir() else set()
    assert found <= named


def profile_is_sound(machine: Machine) -> None:
    """The profile's link is relative, and leads to a generation whose system is there."""
    link = os.readlink(machine.system_profile)
    assert "/" not in link
    assert os.path.isdir(os.path.join(machine.profiles_dir, link, "bin"))

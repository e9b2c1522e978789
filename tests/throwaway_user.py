"""A user who is there only in a mount namespace: real sudo and doas, and nothing of the machine's.

/etc is a copy there, with one user more and rules of its own, and /run is empty. The user may read
every file (CAP_DAC_READ_SEARCH), since Python may be where only root may look, and write none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from luminous_nix_ipy.machine import Machine
from tests.private_nix import add_generation, build, make_machine, package
from tests.provide.nix import NixPrograms
from tests.require import require

NAME = "throwaway"
UID = 54321
PASSWORD = 'correct horse "$(id)" ö'
_HASH = (
    "$6$luminous$VKy9gO7YxrPdGIwb8QZTiiLHDUf4QcgBwY6Id92Ing1JhbsbjszSX8w9EQ7FCXOhq0PHYh08fgqOmcX6"
    "NmOue0"
)
"""Of the password, by `openssl passwd -6`."""

WITH_PASSWORD = f"Defaults timestamp_timeout=0\n{NAME} ALL=(ALL) ALL\n"
WITHOUT_PASSWORD = f"{NAME} ALL=(ALL) NOPASSWD: ALL\n"

_SYSTEM = """
mkdir $out/bin
cat > $out/bin/switch-to-configuration <<'END'
#!/bin/sh
echo "$1 by $(id -u)" >> BOOT/asked
[ "$1" != test ] || ln -sfn "${0%/bin/*}" RUN/current-system
END
chmod +x $out/bin/switch-to-configuration
"""

_ENTER = """
set -e
mount --bind "$1" /etc
mount -t tmpfs tmpfs /run
shift
exec "$@"
"""


@contextmanager
def throwaway_user(sudoers: str = "", doas: str = "") -> Iterator[ThrowawayUser]:
    """Such a user, with these rules in /etc/sudoers and /etc/doas.conf."""
    require("sudo")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield ThrowawayUser(Path(folder), sudoers, doas)


class ThrowawayUser:
    """The user, at home below `folder`, which every user may enter."""

    def __init__(self, folder: Path, sudoers: str, doas: str) -> None:
        self.folder = folder
        """Holds all that is this user's."""
        self.home = folder / "home"
        self._etc = folder / "etc"
        subprocess.run(["cp", "-a", "/etc", self._etc], check=True)
        for name, line in {
            "passwd": f"{NAME}:x:{UID}:{UID}::{self.home}:/bin/sh\n",
            "group": f"{NAME}:x:{UID}:\n",
            "shadow": f"{NAME}:{_HASH}:19000:0:99999:7:::\n",
        }.items():
            with (self._etc / name).open("a") as file:
                file.write(line)
        shutil.rmtree(self._etc / "sudoers.d", ignore_errors=True)
        for name, rules in (("sudoers", sudoers), ("doas.conf", doas)):
            path = self._etc / name
            path.unlink(missing_ok=True)
            path.write_text(rules)
            path.chmod(0o440)
        self.home.mkdir()
        os.chown(self.home, UID, UID)

    def argv(self, *command: str) -> list[str]:
        """What runs a command as this user."""
        rights = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
        ids = (f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
        return [
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", _ENTER, "sh", str(self._etc)),
            *("setpriv", *ids, *rights, *command),
        ]

    @property
    def env(self) -> dict[str, str]:
        """The user's environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "USER": NAME,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def machine(self, machine: Machine) -> str:
        """A machine as this user has it, as JSON."""
        own = msgspec.structs.replace(machine, user_state_dir=f"{self.home}/state")
        return msgspec.json.encode(own).decode()

    def python(
        self, code: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code as this user."""
        return subprocess.run(
            self.argv(sys.executable, "-c", code),
            env={**self.env, **variables},
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )


@contextmanager
def system_of_root(programs: NixPrograms) -> Iterator[Machine]:
    """A machine of root's that every user may look at: a system of three generations, the last one
    current and running, whose activation tells in the boot folder's `asked` who ran it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        machine = make_machine(Path(folder, "machine"), programs)
        script = _SYSTEM.replace("BOOT", machine.boot_dir).replace("RUN", machine.run_dir)
        for text in ("one", "two", "three"):
            path = build(machine, package("nixos-system-it-1.0", text, script=script))
            add_generation(machine, "system", path)
        os.symlink(path, machine.current_system)
        yield machine


def numbers(machine: Machine) -> list[int]:
    """The generations of the machine's system."""
    links = Path(machine.profiles_dir).glob("system-*-link")
    return sorted(int(link.name.split("-")[1]) for link in links)

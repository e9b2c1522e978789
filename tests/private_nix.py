"""A real Nix with a store, profiles and home of its own under a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from luminous_nix_ipy.machine import Machine
from tests.provide.nix import NixPrograms

_NIX_CONF = """\
sandbox = false
substituters =
build-users-group =
"""


def make_machine(root: Path, programs: NixPrograms) -> Machine:
    """A machine below `root` that has nothing yet; its children find `programs` first.

    Its `env` holds the four folders of Nix, HOME, PATH and what these programs need.
    """
    folders = {
        "store_dir": root / "store",
        "state_dir": root / "var/nix",
        "log_dir": root / "var/log/nix",
        "conf_dir": root / "etc/nix",
        "etc_dir": root / "etc",
        "run_dir": root / "run",
        "boot_dir": root / "boot",
        "home": root / "home",
        "user_state_dir": root / "home/.local/state/luminous-nix",
        "system_journal_dir": root / "var/lib/luminous-nix",
    }
    for name, folder in folders.items():
        if name not in ("user_state_dir", "system_journal_dir"):
            folder.mkdir(parents=True, exist_ok=True)
    (root / "etc/nix/nix.conf").write_text(_NIX_CONF)
    (root / "var/nix/profiles").mkdir()
    return Machine(
        **{name: str(folder) for name, folder in folders.items()},
        env={
            "NIX_STORE_DIR": str(folders["store_dir"]),
            "NIX_STATE_DIR": str(folders["state_dir"]),
            "NIX_LOG_DIR": str(folders["log_dir"]),
            "NIX_CONF_DIR": str(folders["conf_dir"]),
            "HOME": str(folders["home"]),
            "PATH": f"{programs.bin_dir}:{os.environ['PATH']}",
            **programs.env,
        },
    )


def run(machine: Machine, *argv: str) -> str:
    """Run a program of the machine's Nix; what it printed, without the last newline.

    Raises:
        AssertionError: it failed; the message is what it said.
    """
    done = subprocess.run(
        argv,
        env=machine.child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        executable=_executable(machine, argv[0]),
    )
    assert done.returncode == 0, f"{argv} gave {done.returncode}:\n{done.stderr}"
    return done.stdout.rstrip("\n")


def build(machine: Machine, expression: str) -> str:
    """Realise the derivation of a Nix expression in the machine's store; its store path.

    `package("hello-1.0", "hi")` gives such an expression.
    """
    return run(machine, "nix-build", "--no-out-link", "-E", expression).splitlines()[-1]


def package(name: str, text: str = "", *, needs: tuple[str, ...] = (), script: str = "") -> str:
    """A Nix expression: a derivation whose output is a folder with the file `content`.

    Args:
        name: name and version, as in "hello-2.12".
        text: what `content` says.
        needs: expressions of derivations that it shall reference.
        script: further lines of /bin/sh, with $out and what is built into sh.
    """
    lines = (
        f'export PATH=/bin:/usr/bin\nmkdir -p $out\necho "$text $needs" > $out/content\n{script}'
    )
    return (
        f"(derivation {{ name = {_string(name)}; system = builtins.currentSystem; "
        f'builder = "/bin/sh"; args = [ "-c" {_string(lines)} ]; '
        f"text = {_string(text)}; needs = [ {' '.join(needs)} ]; }})"
    )


def add_generation(machine: Machine, profile: str, path: str) -> int:
    """Make `path` the next generation of a profile with nix-env; its number.

    Args:
        profile: the profile's link, absolute, or its name below the machine's profiles folder.
    """
    link = os.path.join(machine.profiles_dir, profile)
    run(machine, "nix-env", "--profile", link, "--set", path)
    return int(os.readlink(link).split("-")[-2])


def _string(text: str) -> str:
    """The text as a string of the Nix language."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("${", "\\${")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def _executable(machine: Machine, program: str) -> str:
    found = shutil.which(program, path=machine.child_environment()["PATH"])
    assert found, f"{program} is not in the machine's PATH"
    return found

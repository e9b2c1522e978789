"""A Debian with systemd, sshd and Nix, and what our package needs of Python, both in the cache.

`tests/machine` boots copies of it. It is bookworm wherever the tests run, so that what is tested is
the same everywhere; only what its package source may be is looked up here. Each of the two folders
is named after its recipe: another recipe is another folder. One that was not used for a week is
removed when another is made.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from . import apt
from .apt import CannotProvide
from .cache import cache_dir, locked
from .cgroups import why_no_cgroup
from .sid import choose_mirror

PROGRAMS = {
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "systemd-nspawn": "systemd-container",
}
"""What runs the machines, and Debian's package of it."""
PASSWORD = "correct horse"
"""Of the user alice, who needs it for sudo."""
_KEPT = 7 * 24 * 3600
"""Seconds that a folder is kept without being used."""
_SUITE, _PYTHON = "bookworm", "3.11"
_PACKAGES = (
    # libdbi-perl provides what Nix's libdbd-sqlite3-perl needs, which debootstrap cannot know.
    *("libdbi-perl", "nix-bin", "nix-setup-systemd"),
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "procps", "iproute2"),
    *("sudo", "opendoas", "python3", "libfaketime"),
)
_FURNISH = f"""\
set -eu
useradd --create-home --shell /bin/bash alice
useradd --create-home --shell /bin/bash bob
useradd --create-home --shell /bin/bash carol
useradd --create-home --shell /bin/bash dave
echo 'alice:{PASSWORD}' | chpasswd
printf '%s\\n' 'alice ALL=(ALL) ALL' 'bob ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/users
chmod 0440 /etc/sudoers.d/users
echo 'permit nopass carol' > /etc/doas.conf
chmod 0600 /etc/doas.conf
printf '%s\\n' 'sandbox = false' 'substituters =' 'build-users-group = nixbld' \\
    'experimental-features = nix-command flakes' > /etc/nix/nix.conf
mkdir -p /etc/nixos /boot
systemctl --quiet enable nix-daemon.socket ssh.service
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \\
    e2scrub_all.timer fstrim.timer systemd-tmpfiles-clean.timer console-getty.service \\
    getty.target systemd-hwdb-update.service systemd-update-utmp.service \\
    systemd-update-utmp-runlevel.service
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/locale /usr/share/man /var/log/*.log
: > /etc/machine-id
"""


def template(cache: Path | None = None) -> Path:
    """Where Debian's root folder is, once it was provided."""
    return (cache or cache_dir()) / f"debian-{_digest(_SUITE, _PACKAGES, _FURNISH)}"


def modules(cache: Path | None = None) -> Path:
    """Where the Python modules for it are, once they were provided."""
    return (cache or cache_dir()) / f"modules-{_digest(_PYTHON, _requirements())}"


def mark_used() -> None:
    """Keep both folders for another while."""
    for folder in (template(), modules()):
        os.utime(folder)


def there() -> bool:
    """Whether machines can be started here."""
    return not why_not() and template().is_dir() and modules().is_dir()


def why_not() -> str:
    """Why no machine can be started here even when all is installed; empty where it can."""
    if os.geteuid() != 0:
        return "Only root can start machines."
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"There are no Python modules for a Debian on {platform.machine()}."
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"These programs are missing: {', '.join(missing)}."
    return why_no_cgroup()


def provide() -> None:
    """Make both folders, unless they are there.

    Raises:
        CannotProvide: this machine cannot; the sentence says why.
    """
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        apt.install(missing)
    if reason := why_not():
        raise CannotProvide(reason)
    with locked(cache_dir(), "debian"):
        _keep(modules(), _install_modules)
        _keep(template(), _bootstrap)


def _keep(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder beside its place, then give it its name."""
    if folder.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as work:
        made = Path(work, "root")
        made.mkdir()
        make(made)
        made.rename(folder)
    for other in folder.parent.glob(f"{folder.name.split('-')[0]}-*"):
        if time.time() - other.stat().st_mtime > _KEPT:
            shutil.rmtree(other)


def _bootstrap(root: Path) -> None:
    uri, keyring = choose_mirror(apt.read_sources(), dict(os.environ))
    # In a mount namespace of its own, so that a bootstrap that is killed leaves no /proc mounted.
    alone = ("unshare", "--mount", "--propagation", "private")
    include = f"--include={','.join(_PACKAGES)}"
    bootstrap = ("debootstrap", "--variant=minbase", f"--keyring={keyring}", include)
    _run(*alone, *bootstrap, _SUITE, str(root), uri)
    _run(*alone, "chroot", str(root), "/bin/sh", "-c", _FURNISH)
    root.chmod(0o755)


def _install_modules(folder: Path) -> None:
    """Wheels for Debian's Python, whichever Python these tests run on."""
    tags = [f"manylinux_2_{n}_{platform.machine()}" for n in (36, 35, 34, 31, 28, 27, 24, 17)]
    platforms = [word for tag in tags for word in ("--platform", tag)]
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)),
        *("--python-version", _PYTHON, "--implementation", "cp", "--only-binary=:all:"),
        *("--platform", f"manylinux2014_{platform.machine()}", *platforms),
        *_requirements(),
    )
    folder.chmod(0o755)


def _requirements() -> list[str]:
    """What pyproject.toml says that our package, and a kernel for it, need."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    tests = project["optional-dependencies"]["test"]
    return [*project["dependencies"], *(r for r in tests if r.startswith("ipykernel"))]


def _run(*argv: str) -> None:
    done = subprocess.run(
        argv,
        env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = " ".join(done.stdout.splitlines()[-5:])
        raise CannotProvide(f"{_name(argv)} gave {done.returncode}: {said}")


def _name(argv: Sequence[str]) -> str:
    """The program that really did it."""
    return next(word for word in argv if word in ("debootstrap", "chroot", "pip"))


def _digest(*recipe: object) -> str:
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:12]

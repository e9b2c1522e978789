"""A machine of its own: Debian with systemd, sshd and Nix, an address, and a disk that is kept.

Booted with systemd-nspawn in namespaces that end with this process (`namespaces.py`). Its disk is
an overlay on the template that `tests/provide/debian.py` made, and on what another host wrote to
its own before, if wanted. It is written to a tmpfs, so that it is the same again after a reboot and
gone with the host.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.machine.namespaces import Namespaces
from tests.machine.network import Network
from tests.machine.waiting import wait_until
from tests.provide import cgroups, debian

REPOSITORY = Path(__file__).parents[2]
USERS = ("alice", "bob", "carol", "dave")
"""alice needs her password for sudo, bob none, carol none for doas; dave has neither."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROJECT, _MODULES = "/opt/luminous-nix/project", "/opt/luminous-nix/modules"
"""Where the host sees this repository, and the Python modules that it needs."""
PYTHONPATH = f"{PROJECT}:{_MODULES}"
SHARE = "/mnt/share"
"""Where the host sees the folder `Host.share`."""


class Laboratory:
    """Room for hosts: the namespaces and the tmpfs that their disks are in."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: an empty folder of a short name, since sockets are made below it.
        """
        self.folder = folder
        self.namespaces = Namespaces()
        self.disks = folder / "disks"
        self.disks.mkdir()
        self.namespaces.run("mount", "-t", "tmpfs", "-o", "size=8g,mode=755", "tmpfs", self.disks)
        debian.mark_used()
        cgroups.remove_abandoned()

    def close(self) -> None:
        """End all hosts and their disks."""
        self.namespaces.end()


class Host:
    """One host. `start` boots it, `close` removes all traces of it."""

    def __init__(self, laboratory: Laboratory, name: str, base: Host | None = None) -> None:
        """Make its disk.

        Args:
            name: its host name, of which the laboratory has no other.
            base: a host that is off, whose disk this one's begins as.
        """
        self.name = name
        self.folder = laboratory.folder / name
        self.share = self.folder / "share"
        """A folder that the host sees too, as SHARE; every user there may write to it."""
        self.share.mkdir(parents=True)
        self.share.chmod(0o1777)
        self.leader = 0
        """Its first process, as it is numbered here; 0 while it is off."""
        self.network = Network()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._groups: list[Path] = []
        self._namespaces = laboratory.namespaces
        self._layers = laboratory.disks / name
        below = f"{base._layers}/upper:{debian.template()}" if base else f"{debian.template()}"
        at = self._layers
        self._namespaces.run("mkdir", at, at / "upper", at / "work", at / "root")
        layers = f"lowerdir={below},upperdir={at}/upper,workdir={at}/work"
        self._namespaces.run("mount", "-t", "overlay", "-o", layers, "overlay", at / "root")
        self.disk = self._namespaces.path(at / "root")
        """Its root folder, seen from here; what it has mounted besides is not seen."""
        self._write("etc/machine-id", uuid.uuid4().hex)
        self._write("etc/hostname", name)
        self._write("etc/hosts", f"127.0.0.1 localhost {name}")
        self._write("usr/local/sbin/boot", Path(__file__).parent.joinpath("system/boot.sh"))
        self._make_key()

    # Power.

    def start(self) -> None:
        """Boot, and wait until systemd says that it runs."""
        self._groups = cgroups.make_groups(self.name)
        join = 'for group in $1; do echo $$ > "$group/cgroup.procs" || exit; done; shift; exec "$@"'
        groups = " ".join(map(str, self._groups))
        with open(self.folder / "console", "ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", join, "sh", groups, *self._namespaces.enter(*self._nspawn_argv())],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._wait_for("its first process", self._find_leader)
        self.network.connect(self.leader)
        self._wait_for("the boot", self._is_up)

    def stop(self) -> None:
        """Shut down in good order."""
        self.run("systemctl", "poweroff", "--no-block")
        assert self._nspawn is not None
        self._nspawn.wait(60)
        self._off()

    def kill(self) -> None:
        """Let it die at once; nothing to do where it is off."""
        if self._nspawn is None:
            return
        # Its first process takes all others with it; before there is one, systemd-nspawn does.
        for process in [self.leader] if self.leader else self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._nspawn.wait(60)
        self._off()

    def reboot(self) -> None:
        """Shut down and boot again: the same disk, /run anew."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and all that was made for it."""
        self.kill()
        self._namespaces.run("umount", "--lazy", self._layers / "root")
        self._namespaces.run("rm", "-rf", "--one-file-system", self._layers)
        self.network.release()

    # The network.

    def link_down(self) -> None:
        self.network.set_link("down")

    def link_up(self) -> None:
        self.network.set_link("up")

    # Programs.

    def run(
        self,
        *argv: str,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        check: bool = True,
        input: str | None = None,
        timeout: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as a user, with PATH, HOME and `env` for an environment.

        Raises:
            AssertionError: it failed, and `check` is true; the message is what it said.
        """
        done = subprocess.run(
            [*self.enter(user, env or {}), *argv],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        assert not check or done.returncode == 0, _told(argv, done)
        return done

    def enter(self, user: str = "root", env: Mapping[str, str] | None = None) -> list[str]:
        """The beginning of an argv that runs inside."""
        home = "/root" if user == "root" else f"/home/{user}"
        variables = {"PATH": PATH, "HOME": home, "USER": user, "LANG": "C.UTF-8", **(env or {})}
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        return [
            *("nsenter", f"--target={self.leader}", "--mount", "--pid", "--ipc", "--uts"),
            *("--cgroup", "--net", "--", "env", "-i", f"--chdir={home}"),
            *(f"{name}={value}" for name, value in variables.items()),
            *(become if user != "root" else ()),
        ]

    def python(self, code: str, *argv: str, user: str = "root", check: bool = True) -> str:
        """Run Python code inside, where our package can be imported; what it printed."""
        done = self.run(
            *("python3", "-c", code, *argv), user=user, env={"PYTHONPATH": PYTHONPATH}, check=check
        )
        return done.stdout

    def ssh(
        self, *argv: str, user: str = "root", check: bool = True, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program through a new connection, with the key that was made for it."""
        done = subprocess.run(
            [*self.ssh_argv(user), shlex.join(argv)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, _told(argv, done)
        return done

    def ssh_argv(self, user: str = "root") -> list[str]:
        """The argv that a command's words, as one string for a shell, are added to."""
        options = {
            "IdentityFile": self.folder / "key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 5,
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", *words, f"{user}@{self.network.theirs}", "--"]

    def read(self, path: str) -> str:
        """The text of a file inside; "" where there is none."""
        return self.run("cat", path, check=False).stdout

    # What is inside.

    def _nspawn_argv(self) -> Sequence[str | Path]:
        return (
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
            f"--directory={self._layers}/root",
            f"--machine={self.name}",
            f"--network-veth-extra={self.network.interface}:eth0",
            f"--bind-ro={REPOSITORY}:{PROJECT}",
            f"--bind-ro={debian.modules()}:{_MODULES}",
            f"--bind={self.share}:{SHARE}",
            *("--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe"),
            "/usr/local/sbin/boot",
        )

    def _make_key(self) -> None:
        key = self.folder / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True
        )
        public = key.with_suffix(".pub").read_text()
        for home in ("root", *(f"home/{user}" for user in USERS)):
            folder = self.disk / home / ".ssh"
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / "authorized_keys").write_text(public)
            owner = folder.parent.stat()
            for path in (folder, folder / "authorized_keys"):
                os.chown(path, owner.st_uid, owner.st_gid)
        host_key = (self.disk / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"{self.network.theirs} {host_key}")

    def _write(self, path: str, content: str | Path) -> None:
        file = self.disk / path
        file.unlink(missing_ok=True)
        if isinstance(content, Path):
            file.write_text(content.read_text())
            file.chmod(0o755)
        else:
            file.write_text(content + "\n")

    # Whether it runs.

    def _find_leader(self) -> bool:
        """systemd's first process, once it has sorted itself into its own control group, where its
        children begin too: as it sees itself it is number 1 (proc_pid_status(5), NSpid)."""
        processes = self._groups[0] / "payload/init.scope/cgroup.procs"
        try:
            for process in map(int, processes.read_text().split()):
                numbers = re.search(r"^NSpid:.*", _status(process), re.MULTILINE)
                if numbers and numbers[0].split()[-1] == "1":
                    self.leader = process
        except OSError:
            return False
        return self.leader != 0

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def _processes(self) -> list[int]:
        """All of its processes, and systemd-nspawn's own: those in its control group."""
        files = self._groups[0].glob("**/cgroup.procs")
        return [int(process) for file in files for process in file.read_text().split()]

    def _wait_for(self, what: str, condition: object) -> None:
        assert callable(condition) and self._nspawn is not None
        nspawn = self._nspawn

        def there() -> bool:
            assert nspawn.poll() is None, f"{self.name} ended: {self._console()}"
            return bool(condition())

        try:
            wait_until(what, there)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._console()}") from None

    def _console(self) -> str:
        return (self.folder / "console").read_text(errors="replace")[-3000:]

    def _off(self) -> None:
        wait_until("the end of its processes", lambda: not self._processes())
        self._nspawn, self.leader = None, 0
        for group in self._groups:
            cgroups.remove_group(group)
        self._groups = []


def _status(process: int) -> str:
    """What the kernel tells of a process; "" once it has ended."""
    try:
        return Path(f"/proc/{process}/status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _told(argv: Sequence[str], done: subprocess.CompletedProcess[str]) -> str:
    said = f"{done.stdout}\n{done.stderr}".strip()
    return f"{shlex.join(argv)} gave {done.returncode}:\n{said}"

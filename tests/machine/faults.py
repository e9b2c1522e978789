"""What goes wrong on a host: what a system's scripts and units do, and gates to stop them at."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.machine.change import Change
from tests.machine.host import SHARE, Host
from tests.machine.waiting import wait_until

_FAULTS = "/var/lib/machine-test/faults"
_WAIT = 'touch "{at}.reached"\nwhile [ ! -e "{at}.open" ]; do sleep 0.03; done\n'
# The supervisor writes the name of each step to a file, then runs `wc`: its first program.
_STEP_GATE = """\
#!/bin/sh
for file in /run/luminous-nix/*/step; do
    step=$(cat "$file" 2>/dev/null)
    at={share}/step-$step
    if [ -n "$step" ] && [ -e "$at" ]; then
        rm -f "$at"
        touch "$at.reached"
        while [ ! -e "$at.open" ]; do sleep 0.03; done
    fi
done
exec /usr/bin/{program} "$@"
"""
_numbers = itertools.count(1)


class Gate:
    """A place where something on the host waits until the test lets it go on."""

    def __init__(self, host: Host, name: str) -> None:
        self._name = name
        self._file = Path(host.share, name)

    def wait(self, asked: Change) -> None:
        """Return once the change waits there.

        Raises:
            AssertionError: it never did; the message is what became of the change.
        """

        def is_reached() -> bool:
            assert self.is_reached() or not asked.has_ended(), f"not at the gate: {asked.end()}"
            return self.is_reached()

        wait_until(f"the gate {self._name}", is_reached)

    def is_reached(self) -> bool:
        return self._file.with_name(f"{self._name}.reached").exists()

    def open(self) -> None:
        self._file.with_name(f"{self._name}.open").touch()


def script(host: Host, system: str, action: str, when: str, lines: str) -> None:
    """Let a system's switch-to-configuration run lines of sh.

    Args:
        system: its name, such as "blue".
        action: "check", "switch", "boot", "test" or "dry-activate".
        when: "before" (nothing was done), "during" (units were stopped, the system is said to run)
            or "after" (all is done).
    """
    file = f"{_FAULTS}/{system}.{action}.{when}"
    host.run("sh", "-c", f"cat >> {shlex.quote(file)}", input=f"{lines}\n")


def gate(host: Host, system: str, action: str, when: str = "before") -> Gate:
    """Let a system's switch-to-configuration wait."""
    name = f"gate-{next(_numbers)}"
    script(host, system, action, when, _WAIT.format(at=f"{SHARE}/{name}"))
    return Gate(host, name)


def gate_at_step(host: Host, step: str, program: str = "wc") -> Gate:
    """Let the supervisor of a change wait at the beginning of a step."""
    wrapper = _STEP_GATE.format(share=SHARE, program=program)
    place = f"/usr/local/bin/{program}"
    host.run("sh", "-c", f"cat > {place}.new && chmod 755 {place}.new", input=wrapper)
    host.run("mv", f"{place}.new", place)
    Path(host.share, f"step-{step}").touch()
    return Gate(host, f"step-{step}")


def fail_unit(host: Host, system: str, after: float | None = None) -> None:
    """Let a system's fragile.service fail: at once, or seconds after it was started."""
    if after is None:
        host.run("touch", f"{_FAULTS}/{system}.fails-at-once")
    else:
        host.run("sh", "-c", f"echo {after} > {_FAULTS}/{system}.fails-after")


def silence_web(host: Host) -> None:
    """Let every web server take requests and answer none."""
    host.run("touch", "/var/lib/machine-test/web-is-silent")


def use_small_disk(host: Host, folder: str, spare: int) -> None:
    """Put a file system of its own under a folder, with its contents and so many bytes to spare.

    It is gone after a reboot, and what was written to it too.
    """
    lines = (
        'set -eu; mkdir -p "$1" /mnt/small; used=$(du --summarize --bytes "$1" | cut -f 1); '
        'files=$(find "$1" | wc -l); size=$((used + 4096 * files + $2)); '
        'mount -t tmpfs -o "size=$size,nr_inodes=$((files + 500)),mode=755" tmpfs /mnt/small; '
        'cp -a "$1/." /mnt/small; mount --bind /mnt/small "$1"'
    )
    host.run("sh", "-c", lines, "sh", folder, str(spare))


def fill_disk(host: Host, folder: str) -> None:
    """Leave no room on the file system of a folder, neither for bytes nor for files or links."""
    lines = 'cd "$1"; cat /dev/zero > filler; seq --format=filler-%g 1000 | xargs touch'
    host.run("sh", "-c", lines, "sh", folder, check=False)


def free_disk(host: Host, folder: str) -> None:
    host.run("sh", "-c", 'rm "$1"/filler*', "sh", folder)


def make_read_only(host: Host, folder: str) -> None:
    """Let nothing be written below a folder."""
    host.run("mount", "--bind", folder, folder)
    host.run("mount", "-o", "remount,bind,ro", folder)


def let_clock_jump(host: Host) -> Callable[[str], None]:
    """Give all services that start from now on a clock that can jump; the function that lets it.

    It takes how far it is then from the real one, such as "-400d" (libfaketime). Monotonic clocks
    do not jump, as they would not; systemd-run is left alone, since it waits by real time.
    """
    library = host.run("sh", "-c", "echo /usr/lib/*/faketime/libfaketime.so.1").stdout.strip()
    clock = "/var/lib/machine-test/clock"
    host.run("sh", "-c", f"echo +0 > {clock}")
    host.run(
        *("systemctl", "set-environment", f"LD_PRELOAD={library}", "FAKETIME_NO_CACHE=1"),
        *(f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_DONT_FAKE_MONOTONIC=1"),
    )
    wrapper = '#!/bin/sh\nunset LD_PRELOAD\nexec /usr/bin/systemd-run "$@"\n'
    place = "/usr/local/bin/systemd-run"
    host.run("sh", "-c", f"cat > {place} && chmod 755 {place}", input=wrapper)

    def jump(distance: str) -> None:
        host.run("sh", "-c", f"echo {distance} > {clock}")

    return jump

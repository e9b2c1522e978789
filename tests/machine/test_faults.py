"""Whatever happens to the kernel, the activation, the units, the network or the disks: the machine
is in the new state and well, or as it was, and the journal says which."""

from __future__ import annotations

import http.server
import subprocess
import threading

import pytest

from tests.machine import faults
from tests.machine.change import Change, change
from tests.machine.host import PROJECT, PYTHONPATH, Host
from tests.machine.state import assert_told, assert_whole, look, settled
from tests.machine.table import Record
from tests.machine.waiting import wait_until

pytestmark = pytest.mark.xdist_group("machine-faults")

TIMEOUT = {"LUMINOUS_NIX_ACTIVATION_TIMEOUT": "4"}


@pytest.mark.parametrize(
    ("step", "machine"),
    [
        ("intent", "old"),
        ("keep", "old"),
        ("activate", "old"),
        ("health", "old"),
        ("move", "new"),
        ("boot", "new"),
        ("verify", "new"),
        ("outcome", "new"),
    ],
)
def test_the_kernel_is_killed_at_a_step(
    host: Host, record: Record, step: str, machine: str
) -> None:
    """Until it has confirmed, that puts everything back; from then on the change goes on."""
    before = look(host)
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    asked.kill()
    gate.open()
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == machine
    assert_told(None, state, machine, before.journal)
    record(f"kernel killed with SIGKILL at the step {step}", machine)


@pytest.mark.parametrize(
    "step", ["restore-profile", "restore-generations", "restore-running", "restore-boot"]
)
def test_the_kernel_is_killed_while_everything_is_put_back(
    host: Host, record: Record, step: str
) -> None:
    before = look(host)
    faults.script(host, "blue", "boot", "after", "finish 1")
    gate = faults.gate_at_step(host, step)
    asked = Change(host, "rollback")
    gate.wait(asked)
    asked.kill()
    gate.open()
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(None, state, "old", before.journal)
    record(f"kernel killed with SIGKILL at the step {step}", "old")


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_an_activation_that_hangs(host: Host, record: Record, when: str) -> None:
    before = look(host)
    faults.script(host, "blue", "test", when, "sleep 1000")
    told = change(host, env=TIMEOUT)
    assert not told["success"] and "took too long" in told["why"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    record("activation hangs", "old")


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_an_activation_that_kills_its_caller(host: Host, record: Record, when: str) -> None:
    before = look(host)
    faults.script(host, "blue", "test", when, "kill -KILL $PPID")
    told = change(host)
    state = settled(host, before)
    machine = assert_whole(state, before, before.path_of("blue"))
    assert_told(told["outcome"], state, machine, before.journal)
    record("activation kills its caller", machine)


def test_an_activation_that_kills_the_kernel(host: Host, record: Record) -> None:
    before = look(host)
    lines = "systemctl kill --kill-who=all --signal=KILL 'kernel-*.service'"
    faults.script(host, "blue", "test", "during", lines)
    asked = Change(host, "rollback")
    wait_until("the kernel's end", asked.has_ended)
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(None, state, "old", before.journal)
    record("activation kills the kernel", "old")


def test_a_unit_that_fails_five_seconds_after_the_activation(host: Host, record: Record) -> None:
    before = look(host)
    faults.fail_unit(host, "blue", after=5)
    told = change(host, settle=10)
    assert not told["success"] and "fragile.service" in told["why"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    record("a unit fails 5 s after the activation, watched for 10 s", "old")


def test_a_url_that_stops_answering(host: Host, record: Record) -> None:
    before = look(host)
    faults.script(host, "blue", "test", "after", "touch /var/lib/machine-test/web-is-silent")
    told = change(host, expect_url="http://localhost/")
    assert not told["success"] and "http://localhost/" in told["why"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    record("a URL stops answering", "old")


def test_the_network_link_goes_down_during_the_activation(host: Host, record: Record) -> None:
    """A page beyond the link is expected, so that a machine that is cut off puts itself back."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    before = look(host)
    gate = faults.gate(host, "blue", "test", "during")
    with http.server.ThreadingHTTPServer((host.network.ours, 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://{host.network.ours}:{server.server_port}/"
        asked = Change(host, "rollback", expect_url=url)
        gate.wait(asked)
        host.link_down()
        gate.open()
        told = asked.end()
        server.shutdown()
    host.link_up()
    assert not told["success"] and url in told["why"], told
    state = settled(host, before)
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(told["outcome"], state, "old", before.journal)
    record("network link down during the activation, a page beyond it expected", "old")


def test_the_ssh_connection_of_the_kernel_is_lost(host: Host, record: Record) -> None:
    """The terminal hangs up, and the kernel ends with it; the supervisor does not."""
    before = look(host)
    gate = faults.gate(host, "blue", "test", "during")
    kernel = f"env PYTHONPATH={PYTHONPATH} python3 {PROJECT}/tests/machine/act.py rollback '{{}}'"
    ssh = host.ssh_argv()
    with subprocess.Popen(
        [*ssh[:1], "-tt", *ssh[1:], kernel],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as connection:
        wait_until("the gate", gate.is_reached)
        host.link_down()
        host.run("pkill", "--signal=KILL", "--full", "sshd: root")
        connection.kill()
    gate.open()
    state = settled(host, before)
    host.link_up()
    assert assert_whole(state, before, before.path_of("blue")) == "old"
    assert_told(None, state, "old", before.journal)
    record("the kernel's SSH connection is lost during the activation", "old")


@pytest.mark.parametrize("well", [True, False])
def test_the_switch_restarts_the_kernels_own_unit(host: Host, record: Record, well: bool) -> None:
    """Nobody is left to confirm it: whether units have failed decides."""
    before = look(host)
    if not well:
        faults.fail_unit(host, "blue", after=2)
    ask = f"PYTHONPATH={PYTHONPATH} python3 {PROJECT}/tests/machine/act.py rollback '{{}}'"
    host.run("sh", "-c", "cat > /var/lib/machine-test/in-notebook", input=f"{ask}\n")
    host.run("systemctl", "restart", "notebook.service")
    wait_until("the change", lambda: look(host).folders)
    state = settled(host, before)
    machine = "new" if well else "old"
    assert assert_whole(state, before, before.path_of("blue")) == machine
    assert_told(None, state, machine, before.journal)
    units = "units are well" if well else "a unit fails"
    record(f"the switch restarts the kernel's own unit, {units}", machine)

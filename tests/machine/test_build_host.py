"""Builds on another machine, over a real network: what comes of them, and of all that can fail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import faults
from tests.machine.change import Change, change
from tests.machine.host import PROJECT, Host, Laboratory
from tests.machine.network import run_ip
from tests.machine.state import look
from tests.machine.systems import NEW, name_of
from tests.machine.waiting import wait_until

pytestmark = pytest.mark.xdist_group("machine-build-host")

BUILDER = "192.0.2.2"
FILE = "/root/systems.nix"
BUILDS = f"{PROJECT}/tests/machine/system/builds.nix"
_CONFIG = f"""
Host builder unknown-key
    HostName {BUILDER}
    StrictHostKeyChecking yes
Host unknown-key
    HostKeyAlias nobody-has-seen-it
"""
_names = (f"n{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def builder(laboratory: Laboratory) -> Iterator[Host]:
    """A machine with Nix, and nothing in its store."""
    made = Host(laboratory, "builder")
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def here(laboratory: Laboratory, furnished: Host, builder: Host) -> Iterator[Host]:
    """A machine with generations, a link of its own to the builder, and a key that it takes."""
    made = Host(laboratory, "here", furnished)
    made.start()
    link = ("type", "veth", "peer", "name", "eth1", "netns", str(builder.leader))
    run_ip("link", "add", "eth1", "netns", str(made.leader), *link)
    for host, address in ((made, "192.0.2.1"), (builder, BUILDER)):
        host.run("ip", "address", "add", f"{address}/24", "dev", "eth1")
        host.run("ip", "link", "set", "eth1", "up")
    write(made, "/root/.ssh/id_ed25519", (builder.folder / "key").read_text())
    write(made, "/root/.ssh/config", _CONFIG)
    key = builder.read("/etc/ssh/ssh_host_ed25519_key.pub")
    write(made, "/root/.ssh/known_hosts", f"{BUILDER} {key}")
    yield made
    made.close()


@pytest.fixture
def name(here: Host) -> str:
    """A word that makes derivations that no other test has, in FILE."""
    made = next(_names)
    write(here, FILE, f'import {BUILDS} {{ name = "{made}"; }}')
    return made


def write(host: Host, path: str, text: str) -> None:
    host.run("sh", "-c", 'umask 077; mkdir -p "${1%/*}"; cat > "$1"', "sh", path, input=text)


def build(here: Host, attr: str, build_host: str = "builder", **options: Any) -> dict[str, Any]:
    return change(here, "build", file=FILE, attr=attr, build_host=build_host, **options)


def is_building(builder: Host) -> bool:
    return builder.run("pgrep", "--full", "sleep 997", check=False).returncode == 0


def begin(here: Host, builder: Host, name: str, **env: str) -> Change:
    """A slow build that is under way on the builder."""
    asked = Change(here, "build", env=env, file=FILE, attr="slow", build_host="builder")
    begun = Path(builder.share, name)
    wait_until("the build", lambda: begun.exists() or asked.has_ended())
    assert begun.exists(), asked.end()
    return asked


def assert_nothing_left(builder: Host) -> None:
    wait_until("the end of the build", lambda: not is_building(builder))
    wait_until("its root's end", lambda: "luminous-nix" not in builder.run("ls", "/tmp").stdout)


def test_a_switch_to_what_was_built_there(here: Host, builder: Host) -> None:
    options = dict(zip(("file", "attr"), NEW[1::2], strict=True))
    told = change(here, "switch", build_host="builder", **options)
    assert told["success"], told
    running = look(here).running
    assert running is not None and name_of(running) == "dusk"
    assert builder.run("nix-store", "--query", "--deriver", running).stdout.endswith(".drv\n")
    log = ("sh", "-c", "ls -R /nix/var/log/nix/drvs | grep -c dusk")
    assert builder.run(*log).stdout == "1\n"
    assert here.run(*log, check=False).stdout == "0\n", "it was built here"
    journal = here.run("sh", "-c", "cat /var/lib/luminous-nix/journal*").stdout
    steps = ("nix-instantiate", "nix-copy-closure --to builder", "--realise", "--from builder")
    places = [journal.find(step) for step in steps]
    assert places == sorted(places) and -1 not in places
    assert_nothing_left(builder)


def test_a_link_to_what_was_built_there_keeps_it(here: Host, builder: Host, name: str) -> None:
    told = build(here, "fine", link="/root/kept")
    assert told["success"], told
    assert here.read("/root/kept/built-on") == "builder\n"
    path = here.run("readlink", "/root/kept").stdout.strip()
    assert path in here.run("nix-store", "--gc", "--print-live").stdout
    assert path in builder.run("nix-store", "--gc", "--print-dead").stdout
    # Now it is here, and nothing is asked of the builder but its version.
    builder.run("nix-store", "--delete", path)
    assert build(here, "fine", link="/root/kept")["success"]
    assert builder.run("test", "-e", path, check=False).returncode == 1


def test_a_flake_built_by_a_user_whom_nobody_trusts(here: Host, builder: Host, name: str) -> None:
    system = f"{here.run('uname', '--machine').stdout.strip()}-linux"
    of = f'import ./builds.nix {{ name = "{name}"; system = "{system}"; }}'
    flake = f"{{ outputs = _: {{ nixosConfigurations.web = ({of}).fine; }}; }}"
    write(here, "/root/flake/flake.nix", flake)
    here.run("cp", BUILDS, "/root/flake/builds.nix")
    builder.run("usermod", "--append", "--groups", "nix-users", "bob")
    where = {"flake": "/root/flake#web", "link": "/root/of-flake"}
    told = change(here, "build", build_host=f"bob@{BUILDER}", **where)
    assert told["success"], told
    assert here.read("/root/of-flake/built-on") == "builder\n"
    assert_nothing_left(builder)


def test_what_this_machine_does_not_trust(here: Host, builder: Host, name: str) -> None:
    """Whoever is not trusted here may not copy what the builder did not sign."""
    lines = (
        "usermod --append --groups nix-users bob; cp /root/.ssh/[!a]* /home/bob/.ssh; "
        f"chown -R bob /home/bob/.ssh; cp {FILE} /home/bob/systems.nix; chmod 644 /home/bob/*.nix"
    )
    here.run("sh", "-c", lines)
    where = {"file": "/home/bob/systems.nix", "attr": "fine", "link": "/home/bob/result"}
    told = change(here, "build", user="bob", build_host=f"root@{BUILDER}", **where)
    assert "could not copy what was built" in told["error"], told
    assert "lacks a" in told["why"], told
    assert here.run("ls", "/home/bob").stdout == "systems.nix\n"


def test_a_dry_run_changes_neither_machine(here: Host, builder: Host, name: str) -> None:
    before = builder.run("ls", "/nix/store").stdout
    code = (
        "from luminous_nix_ipy import nix; import sys; "
        "print(nix.build(file=sys.argv[1], attr='fine', build_host='builder', dry_run=True)); "
        "print(nix.explain(f'switch --file {sys.argv[1]} --attr fine --build-host builder'))"
    )
    shown = here.python(code, FILE)
    assert shown.count("nix-copy-closure --to builder /nix/store/") == 2
    assert shown.count("nix-copy-closure --from builder /nix/store/") == 2
    assert "To be built on" in shown and "Commands that would be run" in shown
    assert builder.run("ls", "/nix/store").stdout == before


def test_a_build_that_fails_there(here: Host, builder: Host, name: str) -> None:
    before = look(here).links()
    told = build(here, "broken")
    assert not told["success"] and "on builder" in told["error"], told
    assert "line-30\n" in told["why"] and "it is broken" in told["why"], told
    assert look(here).links() == before
    assert_nothing_left(builder)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("nobody.invalid", "There is no host nobody.invalid."),
        ("192.0.2.7", "192.0.2.7 cannot be reached."),
        ("127.0.0.1 -p 9", "is no name of a host"),
        ("unknown-key", "unknown-key is not the host that ssh knows"),
        (f"dave@{BUILDER}", "does not let you in"),
        (f"carol@{BUILDER}", "Nix does not work on carol@"),
    ],
)
def test_a_builder_that_cannot_be_had(here: Host, builder: Host, host: str, sentence: str) -> None:
    builder.run("rm", "-f", "/home/dave/.ssh/authorized_keys")
    write(here, FILE, "{ }")
    told = build(here, "fine", build_host=host)
    assert not told["success"] and sentence in told["error"], told


def test_a_builder_where_no_sshd_runs(here: Host, name: str) -> None:
    told = build(here, "fine", env={"NIX_SSHOPTS": "-p 9"})
    assert "builder takes no connection." in told["error"], told


def test_a_builder_without_nix(here: Host, builder: Host, name: str) -> None:
    builder.run("mv", "/usr/bin/nix-store", "/usr/bin/nix-store.away")
    try:
        told = build(here, "fine")
    finally:
        builder.run("mv", "/usr/bin/nix-store.away", "/usr/bin/nix-store")
    assert "There is no Nix on builder." in told["error"], told


def test_a_builder_whose_disk_is_full(here: Host, builder: Host, name: str) -> None:
    faults.use_small_disk(builder, "/nix/store", 1 << 20)
    try:
        told = build(here, "large")
    finally:
        builder.run("umount", "/nix/store")
        builder.run("umount", "/mnt/small")
    assert not told["success"] and "No space left on device" in told["why"], told


def test_the_link_goes_down_during_a_build(here: Host, builder: Host, name: str) -> None:
    before = look(here).links()
    opts = "-oServerAliveInterval=1 -oServerAliveCountMax=2"
    asked = begin(here, builder, name, NIX_SSHOPTS=opts)
    builder.run("ip", "link", "set", "eth1", "down")
    try:
        told = asked.end()
    finally:
        builder.run("ip", "link", "set", "eth1", "up")
        builder.run("pkill", "--full", "^nix-store.*slow")
    assert "The connection to builder was lost." in told["error"], told
    assert "Nothing was changed here" in told["why"], told
    assert look(here).links() == before
    assert_nothing_left(builder)


@pytest.mark.parametrize("signal", ["INT", "KILL"])
def test_an_interrupt_ends_the_build_there(
    here: Host, builder: Host, name: str, signal: str
) -> None:
    """Whoever asked for it is interrupted, or dies."""
    before = look(here).links()
    asked = begin(here, builder, name)
    here.run("systemctl", "kill", "--kill-who=all", f"--signal={signal}", asked.unit)
    wait_until("its end", asked.has_ended)
    asked.abandon()
    assert_nothing_left(builder)
    assert look(here).links() == before

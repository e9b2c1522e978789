"""Fixtures: hosts whose disks begin as that of one on which the generations were built."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.machine import systems
from tests.machine.host import Host, Laboratory
from tests.require import require

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    require("machine")
    laboratory = Laboratory(tmp_path_factory.mktemp("hosts"))
    yield laboratory
    laboratory.close()


@pytest.fixture(scope="session")
def furnished(laboratory: Laboratory) -> Host:
    """A host that is off, with generations and a boot menu."""
    host = Host(laboratory, "furnished")
    host.start()
    systems.install(host)
    host.stop()
    return host


@pytest.fixture
def new_host(laboratory: Laboratory, furnished: Host) -> Iterator[Callable[[], Host]]:
    """Boots further hosts, each like `host`."""
    hosts: list[Host] = []

    def make() -> Host:
        hosts.append(Host(laboratory, f"host{next(_numbers)}", furnished))
        hosts[-1].start()
        return hosts[-1]

    yield make
    for host in hosts:
        if host.leader:
            # Shown where the test has failed.
            print(host.run("journalctl", "--no-pager", "--lines=200", check=False).stdout)
        host.close()


@pytest.fixture
def host(new_host: Callable[[], Host]) -> Host:
    """A host for this test alone: coral, its third generation, is current, runs and was booted."""
    return new_host()

"""Fixtures of every test: isolation, real Nix in private stores, asyncio's debug mode."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from luminous_nix_ipy import log, machine, settings
from luminous_nix_ipy.machine import Machine
from tests.held_loops import SLOW_CALLBACK, HeldLoops
from tests.network import own_network
from tests.private_nix import make_machine
from tests.provide import nix
from tests.provide.cache import cache_dir
from tests.provide.nix import NixPrograms
from tests.require import require

pytest_plugins = ["pytester", "tests.strict", "tests.machine.table"]

# How long an example takes tells of the machine and what else it does.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

# The cache is the user's own, although each test has another home.
os.environ["LUMINOUS_NIX_TEST_CACHE"] = str(cache_dir())


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """Make names that are not UTF-8 visible: xdist's workers cannot send them as they are."""
    return _printable((yield))


def _printable(data: object) -> object:
    match data:
        case str():
            return data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_printable(key): _printable(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(map(_printable, data))
    return data


@pytest.fixture(scope="session", autouse=True)
def network() -> Iterator[None]:
    """No test meets what runs beside it."""
    with own_network():
        yield


@pytest.fixture(autouse=True)
def isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees this user's home, settings or Nix variables, nor what another test left."""
    home = tmp_path / "user"
    for name in [name for name in os.environ if name.startswith(("NIX_", "NIXOS_", "LUMINOUS_"))]:
        if not name.startswith("LUMINOUS_NIX_TEST_"):
            monkeypatch.delenv(name)
    for name, folder in {
        "HOME": "",
        "XDG_CACHE_HOME": ".cache",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_RUNTIME_DIR": ".run",
        "IPYTHONDIR": ".ipython",
        "JUPYTER_CONFIG_DIR": ".jupyter",
        "JUPYTER_DATA_DIR": ".local/share/jupyter",
        "JUPYTER_RUNTIME_DIR": ".local/share/jupyter/runtime",
        "LUMINOUS_NIX_STATE_DIR": ".local/state/luminous-nix",
        "LUMINOUS_NIX_SYSTEM_STATE_DIR": ".system/luminous-nix",
    }.items():
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "none")
    home.mkdir()
    (home / ".run").mkdir(mode=0o700)
    yield
    machine.use(None)
    settings.activate(None)
    log.stop()


@pytest.fixture(autouse=True)
def no_slow_callbacks(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A loop of this process that is held too long fails the test.

    Not for tests of kernels and notebooks, whose client libraries have loops of their own, nor for
    a test marked `slow_callbacks`.
    """
    foreign = {"browser", "kernel", "machine", "notebooks"} & set(request.path.parent.parts[-2:])
    if foreign or request.node.get_closest_marker("slow_callbacks"):
        yield
        return
    held = HeldLoops()
    with held.watch(monkeypatch):
        yield
    told = "\n".join(held.steps)
    assert not told, f"The event loop was held for more than {SLOW_CALLBACK} s: {told}"


@pytest.fixture(scope="session", params=["old", "new"])
def nix_programs(request: pytest.FixtureRequest) -> NixPrograms:
    """Each Nix in turn. For one alone: `@pytest.mark.parametrize("nix_programs", ["new"],
    indirect=True)`."""
    require(f"nix-{request.param}")
    programs = nix.find(request.param)
    assert programs is not None
    return programs


@pytest.fixture
def private_machine(tmp_path: Path, nix_programs: NixPrograms) -> Machine:
    """A machine of its own for each test, with an empty store, run once on each Nix.

    `tests.private_nix` has `build`, `package`, `add_generation` and `run` to fill it.
    """
    return make_machine(tmp_path / "machine", nix_programs)


@pytest.fixture(scope="session")
def path_without_nix(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with every program that this one has, but for Nix's."""
    folder = tmp_path_factory.mktemp("without-nix")
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("[!.]*") if place else ():
            if not program.name.startswith("nix"):
                with contextlib.suppress(FileExistsError):
                    (folder / program.name).symlink_to(program)
    return str(folder)

"""Build logs, chains of references and explained lines, by real Nix, old and new."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.errors import NotFound
from luminous_nix_ipy.machine import Machine
from tests.private_nix import add_generation, build, package, run

LIB = package("lib-1.0", "lib", script="printf '\\033[31mred\\033[0m\\nlast line\\n'")
LEFT = package("left-1.0", "left", needs=(LIB,))
RIGHT = package("right-1.0", "right", needs=(LIB,))
TOP = package("top-2.0", "top", needs=(LEFT, RIGHT))


@pytest.fixture
def here(private_machine: Machine) -> Iterator[Machine]:
    machine.use(private_machine)
    yield private_machine
    machine.use(None)


def test_a_log_without_terminal_codes(here: Machine) -> None:
    path = build(here, LIB)
    assert nix.log(path).splitlines() == ["red", "last line"]
    assert nix.log(path, last=1) == "last line"
    derivation = run(here, "nix-store", "--query", "--deriver", path)
    assert "last line" in nix.log(derivation)
    add_generation(here, "system", path)
    assert "last line" in nix.log("current")
    assert "last line" in nix.log(1)


def test_a_log_that_is_empty_says_so(here: Machine) -> None:
    log = nix.log(build(here, package("quiet-1.0", "quiet")))
    assert log == ""
    assert repr(log) == "The build said nothing."
    assert "The build said nothing." in log._repr_html_()


def test_no_log_is_a_sentence(here: Machine, tmp_path: os.PathLike[str]) -> None:
    source = os.path.join(tmp_path, "source")
    with open(source, "w") as file:
        file.write("no build made this")
    path = run(here, "nix-store", "--add", source)
    with pytest.raises(NotFound, match="There is no build log of") as raised:
        nix.log(path)
    assert "fetched or copied" in raised.value.why
    with pytest.raises(NotFound, match="There is no generation or path"):
        nix.log("./nowhere")


def test_why(here: Machine) -> None:
    top, lib, left = build(here, TOP), build(here, LIB), build(here, LEFT)
    add_generation(here, "system", top)
    for needs in ("lib", "lib-1.0", lib):
        frame = nix.why("current", needs)
        names = frame.name.tolist()
        assert [names[0], names[2], names[3], names[5]] == ["top-2.0", "lib-1.0"] * 2
        assert {names[1], names[4]} == {"left-1.0", "right-1.0"}
        assert frame.chain.tolist() == [1, 1, 1, 2, 2, 2]
        assert frame.step.tolist() == [0, 1, 2, 0, 1, 2]
        assert frame.attrs["summary"] == "2 shortest chains of 2 references"
        for above, below in zip(frame.path[:2], frame.path[1:3], strict=True):
            assert below in run(here, "nix-store", "--query", "--references", above).split()
    assert len(nix.why(left, lib)) == 2
    assert nix.why(lib, left) == f"{lib} does not need {left}."
    assert '"count": 2' in nix.why(1, "lib", json=True)
    with pytest.raises(NotFound, match="There is no package libb") as raised:
        nix.why("current", "libb")
    assert raised.value.todo[0] == "Did you mean lib?"
    with pytest.raises(NotFound, match="There is no generation 7"):
        nix.why("current", 7)


def test_explaining_runs_nothing(here: Machine) -> None:
    path = build(here, LIB)
    assert "nix --extra-experimental-features nix-command log" in repr(nix.explain(f"log {path}"))
    shown = repr(nix.explain("eval '1 + 1'"))
    assert "nix-instantiate --eval --strict --json -" in shown
    assert "nix-build --no-out-link -" in repr(nix.explain("eval --build x"))
    assert "starts no program" in repr(nix.explain("list --sizes"))
    add_generation(here, "profile", path)
    add_generation(here, "profile", build(here, LEFT))
    profile = f"{here.profiles_dir}/profile"
    before = os.readlink(profile)
    explained = nix.explain(f"rollback --profile {profile}")
    assert f"nix-env --profile {profile} --switch-generation 1" in repr(explained)
    assert len(explained.commands) >= 1
    assert os.readlink(profile) == before

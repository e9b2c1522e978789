"""The fixtures themselves: a private store that really builds, kept apart from the machine's."""

import os
from pathlib import Path

from luminous_nix_ipy.machine import Machine
from tests.private_nix import add_generation, build, package, run
from tests.provide.nix import NixPrograms


def test_a_private_machine_builds_and_keeps_generations(private_machine: Machine) -> None:
    lib = package("zlib-1.3", "a library")
    first = build(private_machine, package("hello-2.10", needs=(lib,)))
    second = build(private_machine, package("hello-2.12", needs=(lib,), script="mkdir $out/bin"))
    assert Path(first).parent == Path(private_machine.store_dir)
    assert (Path(second) / "bin").is_dir()
    assert [add_generation(private_machine, "system", path) for path in (first, second)] == [1, 2]
    assert os.path.realpath(private_machine.system_profile) == second
    references = run(private_machine, "nix-store", "--query", "--references", first).splitlines()
    assert [os.path.basename(reference).split("-", 1)[1] for reference in references] == [
        "zlib-1.3"
    ]


def test_its_programs_are_the_ones_asked_for(
    private_machine: Machine, nix_programs: NixPrograms
) -> None:
    told = run(private_machine, "nix-env", "--version").split()[-1]
    assert told == ".".join(str(part) for part in nix_programs.version)

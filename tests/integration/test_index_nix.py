"""Lists that real Nix makes of files, flakes and configurations; values of options; near names."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy import NixBackend, NixOperation, OperationType, nix, playground
from luminous_nix_ipy.machine import Machine, use
from tests.stand_in_nixpkgs import with_nixpkgs

_SYSTEM = """\
let
  options = builtins.toJSON {
    "services.web.enable" = {
      type = "boolean"; description = "Whether to enable the web."; declarations = [ ]; loc = [ ];
    };
  };
in
{ config = {
    services.web.enable = true;
    services.web.ports = [ 80 443 ];
    services."a.b".x = { nested = "value"; };
    services.function = x: x;
    system.build.manual.optionsJSON = derivation {
      name = "options.json";
      system = "SYSTEM";
      builder = "/bin/sh";
      inherit options;
      args = [ "-c" ''
        export PATH=/bin:/usr/bin
        mkdir -p $out/share/doc/nixos
        printf %s "$options" > $out/share/doc/nixos/options.json
      '' ];
    };
  };
}
"""
_ATTRIBUTE = "config.services.web.enable"
_FLAKE = """\
{ outputs = { self }: { nixosConfigurations.box = import ./system.nix; }; }
"""


@pytest.fixture(params=[False, True], ids=["file", "flake"])
def flakes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def machine(private_machine: Machine, tmp_path: Path, flakes: bool) -> Machine:
    return with_nixpkgs(private_machine, tmp_path / "src", flakes=flakes)


@pytest.fixture
def system(tmp_path: Path, nix_programs: Any) -> Path:
    folder = tmp_path / "system"
    folder.mkdir()
    text = _SYSTEM.replace("SYSTEM", _here())
    (folder / "system.nix").write_text(text)
    (folder / "flake.nix").write_text(_FLAKE)
    return folder


def _here() -> str:
    import platform

    return f"{platform.machine()}-linux"


def execute(machine: Machine, which: OperationType, /, *packages: str, **options: Any) -> Any:
    operation = NixOperation(which, packages=list(packages), options=options)
    return asyncio.run(NixBackend(machine).execute(operation))


def add(machine: Machine, source: str, **options: Any) -> Any:
    result = execute(machine, OperationType.INDEX, action="add", source=source, **options)
    assert result.success, result.error
    return result


def found(machine: Machine, *words: str, **options: Any) -> list[str]:
    result = execute(machine, OperationType.SEARCH, *words, **options)
    assert result.success, result.error
    return [hit.entry.attribute for hit in result.data["results"]]


def test_a_nixpkgs_is_listed_by_evaluation(machine: Machine, tmp_path: Path, flakes: bool) -> None:
    source = "nixpkgs" if flakes else str(tmp_path / "src/nixpkgs")
    add(machine, source, name="mine")
    assert found(machine, "hello")[0] == "hello"
    assert found(machine, "tree", channel="mine") == ["tree"]
    assert found(machine, "hello_2", flake=source)[0] == "hello_2"
    assert found(machine, "to test with tree")[0] == "tree"
    assert not [name for name in os.listdir(_folder()) if name.endswith(".list")]


@pytest.mark.parametrize("flakes", [False], indirect=True)
def test_the_search_path_is_a_source(machine: Machine) -> None:
    add(machine, "<nixpkgs>")
    assert found(machine, "library")[0] == "library"


@pytest.mark.parametrize("flakes", [False], indirect=True)
def test_what_cannot_be_evaluated_is_told_and_leaves_the_old(
    machine: Machine, tmp_path: Path
) -> None:
    file = tmp_path / "mine.nix"
    file.write_text((tmp_path / "src/nixpkgs/default.nix").read_text())
    add(machine, str(file), name="mine")
    file.write_text("{ broken = ")
    result = execute(machine, OperationType.INDEX, action="update", names=["mine"])
    assert not result.success
    assert "syntax error" in result.error
    assert found(machine, "hello")[0] == "hello"


def test_near_names_are_offered_where_nix_finds_none(machine: Machine, flakes: bool) -> None:
    add(machine, "nixpkgs" if flakes else "<nixpkgs>", name="mine")
    for kind in (OperationType.INSTALL, OperationType.SHELL):
        result = execute(machine, kind, "libary")
        assert not result.success
        assert any("Did you mean" in s and "library" in s for s in result.suggestions), result


def test_lines_that_ask_nix_are_explained(
    machine: Machine, system: Path, flakes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = configured(machine, system, flakes)
    use(machine)
    [command] = nix.explain("option services.web.enable").commands.command
    assert _ATTRIBUTE in command
    [command] = nix.explain("index add nixpkgs --name mine").commands.command
    assert "--json" in command


def configured(machine: Machine, system: Path, flakes: bool) -> Machine:
    """The machine with this configuration where NixOS has its own."""
    etc = Path(machine.etc_dir, "nixos")
    if flakes:
        etc.parent.mkdir(parents=True, exist_ok=True)
        etc.symlink_to(system)
        return machine
    etc.mkdir(parents=True)
    (etc / "configuration.nix").write_text("{ }")
    nixos = system / "channel/nixos"
    nixos.mkdir(parents=True)
    (nixos / "default.nix").write_text("{ ... }: import ../../system.nix\n")
    path = f"nixpkgs={nixos.parent}:nixos-config={etc}/configuration.nix"
    return replace(machine, env={**machine.env, "NIX_PATH": path})


def test_the_options_of_a_configuration_are_built(
    machine: Machine, system: Path, flakes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    source = f"path:{system}" if flakes else str(system / "system.nix")
    add(machine, source, name="mine", kind="nixos")
    result = execute(machine, OperationType.SEARCH_OPTIONS, "web")
    assert [hit.entry.name for hit in result.data["results"]] == ["services.web.enable"]


def test_options_have_the_values_of_the_configuration(
    machine: Machine,
    system: Path,
    flakes: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    machine = configured(machine, system, flakes)
    about = {"type": "x", "description": "", "declarations": [], "loc": []}
    names = ["services.web.enable", "services.web.ports", "services.<name>.x", "services.function"]
    names.append("services.missing")
    (tmp_path / "options.json").write_text(json.dumps(dict.fromkeys(names, about)))
    add(machine, str(tmp_path / "options.json"), kind="nixos")

    def option(name: str) -> Any:
        result = execute(machine, OperationType.OPTION, name=name)
        assert result.success, result.error
        return result.data["option"]

    assert option("services.web.enable").value is True
    assert option("services.web.ports").value == [80, 443]
    assert option('services."a.b".x').value == {"nested": "value"}
    for name in ("services.function", "services.missing"):
        facts = option(name)
        assert not facts.has_value and facts.value_problem, name
    assert "missing" in option("services.missing").value_problem


def test_a_playground_of_real_nix_has_values(nix_programs: Any, monkeypatch: Any) -> None:
    path = f"{nix_programs.bin_dir}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    for name, value in nix_programs.env.items():
        monkeypatch.setenv(name, value)
    machine = asyncio.run(playground.start(real=True))
    try:
        result = execute(machine, OperationType.OPTION, name="networking.firewall.allowedTCPPorts")
        assert result.data["option"].value == [22, 80, 443]
        result = execute(machine, OperationType.OPTION, name="users.users.me.extraGroups")
        assert result.success and result.data["option"].value_problem
        assert found(machine, "git")[0] == "git"
    finally:
        asyncio.run(playground.stop())


_FAKE = """\
#!PYTHON
import sys
meta = '{"blob": "' + "x" * 200_000 + '"}'
sys.stdout.write("{")
for i in range(3000):
    sys.stdout.write("," if i else "")
    sys.stdout.write(f'"p{i}": {{"name": "p{i}-1", "meta": {meta}}}')
sys.stdout.write("}")
"""
_MEASURED = """\
import asyncio, sys
from luminous_nix_ipy import NixBackend, NixOperation, OperationType
from luminous_nix_ipy.machine import Machine
machine = Machine(home=sys.argv[1], env={"PATH": sys.argv[2]})
options = {"action": "add", "source": sys.argv[1], "name": "large"}
operation = NixOperation(OperationType.INDEX, options=options)
result = asyncio.run(NixBackend(machine).execute(operation))
assert result.success, result.error
print(result.data["updated"][0].message)
# Of this program alone: what getrusage(2) tells counts what was there before execve(2) too.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024)
"""


def test_memory_stays_small_whatever_nix_prints(tmp_path: Path) -> None:
    """600 MB of it, by a program that takes the place of nix-env."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nix-env").write_text(_FAKE.replace("PYTHON", sys.executable))
    (programs / "nix").write_text("#!/bin/sh\necho 'nix (Nix) 2.8.0'\n")
    for program in programs.iterdir():
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
    (tmp_path / "default.nix").write_text("{ }")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path), f"{programs}:/usr/bin:/bin"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    message, megabytes = done.stdout.splitlines()
    assert message == "3,000 entries"
    assert int(megabytes) < 300


def _folder() -> str:
    return os.path.join(os.environ["XDG_CACHE_HOME"], "luminous-nix/indexes")

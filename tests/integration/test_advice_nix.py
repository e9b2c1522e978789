"""Advice that works: the changed line builds, and what is told to be free is what Nix frees."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.machine import Machine
from tests.http_server import serving
from tests.private_nix import build, make_machine, package, run
from tests.provide.nix import NixPrograms

FOUR = 4 << 20


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build leaves its link here."""
    monkeypatch.chdir(tmp_path)


def built(machine: Machine, file: Path) -> NixResult:
    operation = NixOperation(OperationType.BUILD, options={"file": str(file)})
    return asyncio.run(NixBackend(machine).execute(operation))


@pytest.mark.parametrize("left_open", [f'"{"0" * 52}"', '""'])
def test_the_changed_line_builds(private_machine: Machine, tmp_path: Path, left_open: str) -> None:
    with serving() as server:
        url = server.serve("source", b"the source")
        top = tmp_path / "configuration/default.nix"
        source = tmp_path / "configuration/packages/it.nix"
        source.parent.mkdir(parents=True)
        top.write_text("{ config.system.build.toplevel = import ./packages/it.nix; }\n")
        lines = [
            'derivation { name = "it"; builder = "builtin:fetchurl"; system = "builtin";',
            f'  url = "{url}"; outputHashMode = "flat"; outputHashAlgo = "sha256";',
            f"  outputHash = {left_open}; preferLocalBuild = true; }}",
        ]
        if left_open == '""':
            # What an empty hash means in nixpkgs' fetchers.
            lines.insert(0, 'let hash = ""; fake = "sha256-" + "%s="; in' % ("A" * 43))
            lines[3] = lines[3].replace('""', 'if hash == "" then fake else hash')
        source.write_text("\n".join(lines) + "\n")
        result = built(private_machine, top)
        assert not result.success
        told = next(item for item in result.suggestions if item.startswith("Change line"))
        found = re.fullmatch(r"Change line (\d+) of (.*) to: (.*)", told)
        assert found is not None and found[2] == str(source)
        lines[int(found[1]) - 1] = found[3]
        source.write_text("\n".join(lines) + "\n")
        result = built(private_machine, top)
        assert result.success, result.error
        assert Path(result.data["build"].path).read_bytes() == b"the source"


@pytest.fixture
def small_machine(tmp_path: Path, nix_programs: NixPrograms) -> Iterator[Machine]:
    """A machine whose disk has 24 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk))
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"Nothing can be mounted: {error}")
    if done.returncode != 0:
        pytest.skip(f"Nothing can be mounted: {done.stderr.strip()}")
    try:
        yield make_machine(disk / "machine", nix_programs)
    finally:
        subprocess.run(("umount", "--lazy", str(disk)), check=True)


def test_a_full_disk_is_counted_and_left_alone(small_machine: Machine, tmp_path: Path) -> None:
    machine = small_machine
    unused = build(machine, package("unused-1", script=f"head -c {FOUR} /dev/zero > $out/big"))
    top = tmp_path / "default.nix"
    full = package("full-1", script="head -c 40000000 /dev/zero > $out/big || exit 1")
    top.write_text(f"{{ config.system.build.toplevel = {full}; }}\n")
    result = built(machine, top)
    assert not result.success
    counted = next(item for item in result.suggestions if item.startswith("About "))
    found = re.fullmatch(r"About ([\d.]+) MiB of the store could be freed: %nix collect", counted)
    # What the failed build left is unused too, where it was left.
    assert found is not None and FOUR <= float(found[1]) * 2**20 < 24 * 2**20
    assert Path(unused).exists()
    run(machine, "nix-store", "--gc")
    assert not Path(unused).exists()


def test_a_disk_without_a_byte_left_is_told(small_machine: Machine, tmp_path: Path) -> None:
    machine = small_machine
    build(machine, package("unused-1", script=f"head -c {FOUR} /dev/zero > $out/big"))
    with open(f"{machine.store_dir}/../filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    top = tmp_path / "default.nix"
    top.write_text(f"{{ config.system.build.toplevel = {package('more-1')}; }}\n")
    result = built(machine, top)
    assert not result.success
    told = result.suggestions
    assert f"The disk of {machine.store_dir} has 0.0 KiB left." in told
    counted = any(item.startswith("About 4.") and item.endswith("%nix collect") for item in told)
    # The old one leaves its database half open, which SQLite cannot read then.
    assert counted or any(item.startswith("How much could be freed is not") for item in told), told

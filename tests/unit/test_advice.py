"""The line that names a hash, and what could be freed: advice that takes a look."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from luminous_nix_ipy.backend import advice, hash_places
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.hash_places import find_places, places_in
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.backend.operations import SERVED
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.hashes import spellings, sri
from tests.fake_system import make_machine
from tests.store_database import write_database

SRI = "sha256-9uN5sGOQVMUYBv1dZ5SMvK69NUsOkadoOTKwQ8XDujI="
BASE16 = "f6e379b0639054c51806fd5d67948cbcaebd354b0e91a7683932b043c5c3ba32"
BASE32 = "0cmsqg2l7c1j75lag48f9csvvbmwija6fpgx0qccam4hcfq7kqzn"
FAKE = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.mark.parametrize("text", [SRI, f"sha256:{BASE16}", f"sha256:{BASE32}", f"sha256-{BASE32}"])
def test_a_hash_has_these_spellings(text: str) -> None:
    assert spellings(text) == (BASE16, BASE32, SRI)
    assert sri(text) == SRI


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256-",
        "sha257-" + BASE16,
        "sha256-" + "!" * 44,
        "sha256:" + "e" * 52,
        BASE16,
    ],
)
def test_what_is_no_hash_has_none(text: str) -> None:
    assert spellings(text) == ()
    assert sri(text) == text


def test_other_kinds_have_their_lengths() -> None:
    assert spellings("sha1:" + "0" * 40)[1] == "0" * 32
    assert spellings("md5:" + "0" * 32)[1] == "0" * 26
    assert len(spellings("sha512:" + "f" * 128)[1]) == 103


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (f'  hash = "{FAKE}";', f'hash = "{SRI}";'),
        (f'sha256 = "{"0" * 52}";', f'sha256 = "{SRI}";'),
        (f'sha256 = "{"0" * 64}";', f'sha256 = "{SRI}";'),
        (f'hash = "sha256:{"0" * 64}";', f'hash = "{SRI}";'),
        ("hash = lib.fakeHash;", f'hash = "{SRI}";'),
        ("sha256 = fakeSha256;", f'sha256 = "{SRI}";'),
        ('hash = "";', f'hash = "{SRI}";'),
    ],
)
def test_the_line_is_found_however_it_is_spelled(line: str, changed: str) -> None:
    (place,) = places_in(f"{{\n{line}\n}}\n", "x.nix", FAKE, f"sha256:{BASE32}")
    assert (place.file, place.line, place.changed) == ("x.nix", 2, changed)


def test_only_the_expected_hash_is_sought() -> None:
    assert places_in(f'hash = "{SRI}"; other = "";', "x", SRI.replace("9", "8"), FAKE) == []
    assert places_in('hash = "";', "x", SRI, FAKE) == []
    assert places_in('hash = "";', "x", "nonsense", FAKE) == []


def test_files_of_the_configuration_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.nix", "sub/b.json", ".git/c.nix", "flake.lock", "store.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'\nhash = "{FAKE}"\n')
    (tmp_path / "result").symlink_to("/")
    (tmp_path / "link.nix").symlink_to("a.nix")
    found = find_places([str(tmp_path), str(tmp_path), "/nowhere"], FAKE, SRI)
    assert [(place.file, place.line) for place in found] == [
        (str(tmp_path / "a.nix"), 2),
        (str(tmp_path / "sub/b.json"), 2),
    ]
    (tmp_path / "a.nix").write_text(f'"{FAKE}"\n' * 30)
    assert len(find_places([str(tmp_path)], FAKE, SRI)) == 10
    monkeypatch.setattr(hash_places, "_SECONDS", -1.0)
    assert find_places([str(tmp_path)], FAKE, SRI) == []


def mismatch(expected: str = FAKE, got: str = SRI) -> CommandFailed:
    said = (
        "error: hash mismatch in fixed-output derivation '/nix/store/x.drv':\n"
        f"         specified: {expected}\n            got:    {got}\n"
    )
    return CommandFailed("nix ended with 1.", argv=("nix",), returncode=1, stderr=said)


def advised(machine: Machine, operation: NixOperation, error: Exception) -> list[str]:
    context = Context(machine, Progress(), direct=True)
    return asyncio.run(advice.suggestions(context, operation, error))


@pytest.mark.parametrize("scheme", ["", "path:", "git+file://"])
def test_the_line_of_a_flake_is_told_first(tmp_path: Path, scheme: str) -> None:
    machine = make_machine(tmp_path / "machine")
    file = tmp_path / "flake/pkgs/it.nix"
    file.parent.mkdir(parents=True)
    file.write_text(f'fetchurl {{\n  hash = "{FAKE}";\n}}\n')
    operation = NixOperation(
        OperationType.SWITCH, options={"flake": f"{scheme}{tmp_path}/flake?dir=.#host"}
    )
    told = advised(machine, operation, mismatch())
    assert told[0] == f'Change line 2 of {file} to: hash = "{SRI}";'
    assert told[1].startswith(f"Expected was {FAKE}")


def test_the_line_of_the_installed_configuration_is_told(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine", etc_dir=str(tmp_path / "etc"))
    file = tmp_path / "etc/nixos/configuration.nix"
    file.parent.mkdir(parents=True)
    file.write_text(f'{{ hash = "{FAKE}"; }}\n')
    told = advised(machine, NixOperation(OperationType.BUILD), mismatch())
    assert told[0].startswith(f"Change line 1 of {file} to")


def test_the_line_of_an_expression_is_told(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine")
    options = {"expression": f'\nfetch {{ hash = "{FAKE}"; }}'}
    operation = NixOperation(OperationType.EVALUATE, options=options)
    told = advised(machine, operation, mismatch())
    assert told[0].startswith("Change line 2 of the expression to: fetch")


def test_files_in_the_store_are_nobodys_to_change(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine")
    Path(machine.store_dir, "x.nix").write_text(f'"{FAKE}"')
    operation = NixOperation(OperationType.BUILD, options={"file": f"{machine.store_dir}/x.nix"})
    assert not any("Change line" in item for item in advised(machine, operation, mismatch()))


def no_space() -> CommandFailed:
    said = "error: writing to file: No space left on device"
    return CommandFailed("nix ended with 1.", argv=("nix",), returncode=1, stderr=said)


def test_what_could_be_freed_is_counted(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine")
    path = f"{machine.store_dir}/{'0' * 32}-one"
    write_database(Path(machine.state_dir), {path: (3 << 30, ())})
    told = advised(machine, NixOperation(OperationType.BUILD), no_space())
    assert "About 3.0 GiB of the store could be freed: %nix collect" in told
    assert "See what could be freed, and how much: %nix collect --dry-run" in told


def test_a_failing_disk_is_told_to_be_full_only_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    write_database(Path(machine.state_dir), {})
    error = no_space()
    error.stderr = "error: executing SQLite statement 'x': disk I/O error (in '/x/db.sqlite')"
    general = [
        "See how full the disks are: df -h",
        "Where none is full, see what the kernel says of them: journalctl --dmesg",
    ]
    monkeypatch.setattr(advice, "free_bytes", lambda _: 65 << 20)
    assert advised(machine, NixOperation(OperationType.BUILD), error) == general
    monkeypatch.setattr(advice, "free_bytes", lambda _: 1536 << 10)
    told = advised(machine, NixOperation(OperationType.BUILD), error)
    assert told[0] == f"The disk of {machine.store_dir} has 1.5 MiB left."
    assert told[3].startswith("Nothing in the store is unused. Old generations could go")
    assert told[4:] == general


def test_advice_that_cannot_be_had_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_machine(tmp_path / "machine")
    told = advised(machine, NixOperation(OperationType.BUILD), no_space())
    assert told[0].startswith("How much could be freed is not known: ")
    assert told[1] == "See what could be freed, and how much: %nix collect --dry-run"
    monkeypatch.setattr(advice, "_SECONDS", 0.05)
    monkeypatch.setitem(advice._LOOKS, "no space", lambda *_: __import__("time").sleep(0.4))
    assert advised(machine, NixOperation(OperationType.BUILD), no_space()) == told[1:]


def test_plans_are_advised_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = NixBackend(make_machine(tmp_path / "machine"))

    async def fail(*_: object) -> NixResult:
        raise mismatch()

    served = SERVED[OperationType.BUILD]._replace(plan=fail, run=fail)
    monkeypatch.setitem(SERVED, OperationType.BUILD, served)
    with pytest.raises(CommandFailed) as raised:
        asyncio.run(backend.plan(NixOperation(OperationType.BUILD)))
    result = asyncio.run(backend.execute(NixOperation(OperationType.BUILD)))
    assert list(raised.value.todo) == result.suggestions
    assert any("Expected was" in item for item in result.suggestions)

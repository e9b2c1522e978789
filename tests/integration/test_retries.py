"""Downloads from a real server that fails some times and then works, by real Nix, old and new."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.backend import retrying
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.backend.nix_run import run_nix
from luminous_nix_ipy.backend.package_tool import ask_nix
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Command
from luminous_nix_ipy.tools import commands
from luminous_nix_ipy.tools.messages import Messages
from luminous_nix_ipy.tools.process import plain
from tests.http_server import Server, serving
from tests.private_nix import build, package, run

FLAKES = ("nix", "--extra-experimental-features", "nix-command flakes")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def machine(private_machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Its Nix tries each download once, and we wait hardly at all."""
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(retrying, "_LEAST_WAIT", 0.01)
    configure(private_machine, "download-attempts = 1")
    return private_machine


def configure(machine: Machine, line: str) -> None:
    with open(f"{machine.conf_dir}/nix.conf", "a") as file:
        file.write(f"{line}\n")


def evaluate(
    machine: Machine, expression: str, *, build: bool = False
) -> tuple[NixResult, list[str]]:
    """The result, and what was told of tries."""
    told: list[str] = []
    backend = NixBackend(machine)
    backend.set_progress_callback(lambda message, _: told.append(message))
    backend.progress._interval = 0.0
    options: dict[str, Any] = {"expression": expression, "build": build}
    operation = NixOperation(OperationType.EVALUATE, options=options)
    result = asyncio.run(backend.execute(operation))
    return result, [message for message in told if "trying again" in message]


def fetched(url: str, body: bytes) -> str:
    """An expression: a derivation that Nix's own builder fetches."""
    digest = hashlib.sha256(body).hexdigest()
    return (
        f'derivation {{ name = "it"; builder = "builtin:fetchurl"; system = "builtin"; '
        f'url = "{url}"; outputHashMode = "flat"; outputHashAlgo = "sha256"; '
        f'outputHash = "{digest}"; preferLocalBuild = true; }}'
    )


def requests(server: Server, path: str) -> int:
    return sum(asked[":path"] == path for asked in server.asked)


@pytest.mark.parametrize("fault", ["503", "429", "reset", "truncate"])
def test_a_source_is_fetched_at_last(machine: Machine, server: Server, fault: str) -> None:
    url = server.serve("it", b"the source", faults=[fault] * 2)
    result, told = evaluate(machine, fetched(url, b"the source"), build=True)
    assert result.success, result.error
    assert Path(result.data["paths"][0]).read_bytes() == b"the source"
    assert [message.rpartition(", ")[2] for message in told] == ["2 of 4", "3 of 4"]
    assert url in told[0]
    assert requests(server, "it") == 3


def test_what_an_expression_fetches_is_fetched_at_last(machine: Machine, server: Server) -> None:
    url = server.serve("it", b"21", faults=["503"])
    text = f'builtins.trace "seen" (builtins.readFile (builtins.fetchurl "{url}"))'
    result, told = evaluate(machine, text)
    assert result.success, result.error
    assert result.data["value"] == "21"
    assert len(told) == 1
    assert len([said for said in result.data["said"] if "seen" in said]) == 1


@pytest.mark.parametrize("fault", ["404", "403"])
def test_what_is_not_there_is_asked_for_once(machine: Machine, server: Server, fault: str) -> None:
    url = server.serve("it", b"x", faults=[fault] * 9)
    result, told = evaluate(machine, fetched(url, b"x"), build=True)
    assert not result.success
    assert told == [] and requests(server, "it") == 1


def test_what_is_another_file_is_asked_for_once(machine: Machine, server: Server) -> None:
    url = server.serve("it", b"another", faults=[])
    result, told = evaluate(machine, fetched(url, b"the source"), build=True)
    assert "hash mismatch" in (result.error or "")
    assert told == [] and requests(server, "it") == 1


def test_a_server_that_stays_busy_is_given_up(
    machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "2")
    url = server.serve("it", b"x", faults=["503"] * 9)
    result, told = evaluate(machine, fetched(url, b"x"), build=True)
    error = result.data["exception"]
    assert isinstance(error, CommandFailed)
    assert "HTTP error 503" in plain(error.stderr + "".join(error.failed_builds[0].log))
    assert error.why.endswith("It was tried 3 times.")
    assert len(told) == 2 and requests(server, "it") == 3


def cached(machine: Machine, server: Server, tmp_path: Path, **faults: list[str]) -> str:
    """A package that a binary cache has and the machine no more; its store path."""
    path = build(machine, package("cached-1"))
    cache = tmp_path / "cache"
    run(machine, *FLAKES, "copy", "--to", f"file://{cache}", path)
    run(machine, "nix-store", "--delete", path)
    for file in (file for file in cache.rglob("*") if file.is_file()):
        kind = "nar" if file.parent != cache else file.suffix.lstrip(".") or "info"
        name = str(file.relative_to(cache))
        server.serve(name, file.read_bytes(), faults=faults.get(kind, []))
    configure(machine, f"substituters = {server.url}")
    configure(machine, "require-sigs = false")
    return path


@pytest.mark.parametrize("kind", ["nar", "narinfo", "info"])
def test_a_path_is_fetched_from_a_cache_at_last(
    machine: Machine, server: Server, tmp_path: Path, kind: str
) -> None:
    path = cached(machine, server, tmp_path, **{kind: ["503", "503"]})
    progress = Progress()
    context = Context(machine, progress, direct=True)
    planned = Messages()
    command = Command(("nix-store", "--realise", path), "fetch it")
    assert asyncio.run(ask_nix(context, command, planned)).strip() == path
    assert Path(path, "content").exists()
    assert list(planned.planned.fetches) == [path]
    packed = server.files[next(name for name in server.files if name.startswith("nar/"))].body
    # What was announced before it failed is not counted twice; Nix rounds it.
    assert planned.planned.download_bytes < 1.5 * len(packed)


def test_channels_and_inputs_are_updated_at_last(machine: Machine, server: Server) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        text = b"{ }\n"
        member = tarfile.TarInfo("nixpkgs-26.05/default.nix")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    server.serve("channel", b"", faults=[])
    for name in ("xz", "bz2"):
        tries = ["503", "503"] if name == "xz" else ["503"] * 9
        server.serve(f"channel/nixexprs.tar.{name}", packed.getvalue(), faults=tries)
    server.serve("input.tar.xz", packed.getvalue(), faults=["503", "503"])
    Path(machine.home, ".nix-channels").write_text(f"{server.url}/channel nixpkgs\n")
    flake = Path(machine.home, "flake")
    flake.mkdir()
    given = f'inputs.it = {{ url = "{server.url}/input.tar.xz"; flake = false; }};'
    (flake / "flake.nix").write_text(f"{{ {given} outputs = _: {{ }}; }}\n")

    async def update() -> None:
        context = Context(machine, Progress(), direct=True)
        release = await commands.nix_release(machine)
        for argv in (commands.update_channels(()), commands.update_flake(release, str(flake), ())):
            await run_nix(context, Command(argv, "update"))

    asyncio.run(update())
    assert (flake / "flake.lock").exists()
    assert requests(server, "input.tar.xz") >= 3
    assert requests(server, "channel/nixexprs.tar.xz") >= 3


def test_an_interrupt_ends_the_wait(
    machine: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 60.0)
    url = server.serve("it", b"x", faults=["503"] * 9)
    progress = Progress(interval=0)
    context = Context(machine, progress, direct=True)
    command = Command(("nix-instantiate", "--eval", "-E", f'builtins.fetchurl "{url}"'), "fetch it")

    async def interrupt() -> float:
        task = asyncio.create_task(run_nix(context, command))
        while "trying again in 60 s" not in progress.state.message:
            await asyncio.sleep(0.02)
        started = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return time.monotonic() - started

    assert asyncio.run(interrupt()) < 1.0
    assert requests(server, "it") == 1


def test_nix_is_left_its_own_tries(machine: Machine, server: Server) -> None:
    conf = Path(machine.conf_dir, "nix.conf")
    conf.write_text(conf.read_text().replace("download-attempts = 1", "download-attempts = 3"))
    url = server.serve("it", b"x", faults=["503"] * 2)
    result, told = evaluate(machine, fetched(url, b"x"), build=True)
    assert result.success and told == []
    assert requests(server, "it") == 3

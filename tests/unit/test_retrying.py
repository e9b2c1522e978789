"""Which failures of downloads may pass, and how they are tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from luminous_nix_ipy.backend import retrying as module
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.backend.retrying import passing, retrying
from luminous_nix_ipy.errors import CommandFailed
from luminous_nix_ipy.records import FailedBuild, Message
from luminous_nix_ipy.tools.process import Completed

FOLDER = Path(__file__).parents[1] / "fixtures" / "nix_errors"
PASSING = {
    "network": "http://127.0.0.1:9/source.tar",
    "network-name": "http://it.invalid/x",
    "substituter": "http://127.0.0.1:9/nix-cache-info",
    "busy-server": "http://127.0.0.1:8000/source.tar",
    "too-many-requests": "http://127.0.0.1:8000/source.tar",
    "broken-off": "http://127.0.0.1:8000/source.tar",
    "busy-flake": "http://127.0.0.1:8000/source.tar.gz",
    "busy-cache": "http://127.0.0.1:8000/nar/",
    "git-unreachable": "http://127.0.0.1:9/it/",
}
FETCHED = 'Derive([("out","/s/x","sha256","00ff")],[],[],"builtin","builtin:fetchurl",[],[])'
BUILT = 'Derive([("out","/s/x","","")],[],[],"x86_64-linux","/bin/sh",[],[])'


def failed(said: str, *messages: str, builds: tuple[FailedBuild, ...] = ()) -> CommandFailed:
    error = CommandFailed("nix ended with 1.", "why", argv=("nix",), returncode=1, stderr=said)
    error.messages = tuple(Message(level=0, text=text) for text in messages)
    error.failed_builds = builds
    return error


@pytest.mark.parametrize(
    "file", sorted(FOLDER.glob("*/*.txt")), ids=lambda f: f"{f.parent.name}-{f.stem}"
)
def test_only_downloads_may_fail_for_passing_reasons(file: Path) -> None:
    found = passing(failed(file.read_text()))
    if file.stem in PASSING:
        assert found is not None and found.what.startswith(PASSING[file.stem])
        assert found.why and "\n" not in found.why
    else:
        assert found is None


@pytest.mark.parametrize(
    ("why", "passes"),
    [
        ("HTTP error 500", True),
        ("HTTP error 599 ('x')", True),
        ("HTTP error 408", True),
        ("HTTP error 200 ('OK') (curl error: Timeout was reached)", True),
        ("HTTP error 206 (curl error: Stream error in the HTTP/2 framing layer)", True),
        ("Timeout was reached (28) Operation too slow", True),
        ("HTTP error 404", False),
        ("HTTP error 403 ('Forbidden')", False),
        ("HTTP error 401", False),
        ("HTTP error 501", False),
        ("HTTP error 200 (curl error: Failed writing received data to disk/application)", False),
        ("URL using bad/illegal format or missing URL (3)", False),
        ("SSL peer certificate or SSH remote key was not OK (60)", False),
    ],
)
def test_which_reasons_pass(why: str, passes: bool) -> None:
    assert (
        passing(failed(f"error: unable to download 'http://it/x': {why}")) is not None
    ) is passes


def test_the_last_error_counts() -> None:
    download = "unable to download 'http://it/x': HTTP error 503"
    undefined = "error: undefined variable 'x'"
    assert passing(failed(f"warning: {download}\n{undefined}")) is None
    assert passing(failed(f"error: {download}", f"error: {download}", undefined)) is None
    assert passing(failed(f"error: {download}", f"error: {download}", "(use '-x')")) is not None
    assert (
        passing(failed(f"warning: {download}; retrying in 3 ms\nerror: build of 'x' failed"))
        is None
    )
    assert passing(failed(f"warning: {download}\nerror: build of '/x.drv' failed")) is not None
    assert passing(failed(f"error: {download}\nerror: hash mismatch in file 'x'")) is None
    unstarted = failed(f"error: {download}")
    unstarted.returncode = None
    assert passing(unstarted) is None


def test_builds_are_not_done_again_but_fetches_are(tmp_path: Path) -> None:
    drvs = {}
    for name, text in (("fetched", FETCHED), ("built", BUILT)):
        drvs[name] = tmp_path / f"{'0' * 32}-{name}-1.drv"
        drvs[name].write_text(text)
    curl = ("trying http://it/x", "curl: (6) Could not resolve host: it", "cannot download x")
    http = ("curl: (22) The requested URL returned error: 503",)
    gone = ("curl: (22) The requested URL returned error: 404",)

    def of(name: str, log: tuple[str, ...]) -> FailedBuild:
        return FailedBuild(derivation=str(drvs[name]), host="", log=log)

    found = passing(failed("error: build failed", builds=(of("fetched", curl),)))
    assert found is not None
    assert (found.what, found.why) == ("fetched-1", "Could not resolve host: it")
    assert passing(failed("error: x", builds=(of("fetched", http), of("fetched", curl))))
    assert passing(failed("error: x", builds=(of("fetched", gone),))) is None
    assert passing(failed("error: x", builds=(of("fetched", http), of("fetched", gone)))) is None
    assert passing(failed("error: x", builds=(of("built", curl),))) is None
    assert passing(failed("error: x", builds=(of("fetched", curl), of("built", curl)))) is None
    lost = FailedBuild(derivation="/nowhere.drv", host="", log=curl)
    assert passing(failed("error: x", builds=(lost,))) is None


class Tries:
    """What fails some times and then works, and what was waited between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, said: str) -> None:
        self.waits: list[float] = []
        self.left = times
        self.said = said
        self.told: list[str] = []
        self.again = 0
        self.progress = Progress(lambda message, _: self.told.append(message), interval=0)

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        monkeypatch.setattr(module.asyncio, "sleep", sleep)

    async def attempt(self) -> Completed:
        if self.left > 0:
            self.left -= 1
            raise failed(self.said)
        return Completed(("nix",), 0, "out", "", 0.0)

    def count(self) -> None:
        self.again += 1

    def run(self) -> Completed:
        return asyncio.run(retrying(self.progress, self.attempt, self.count))


BUSY = "error: unable to download 'http://it/x': HTTP error 503"


def test_it_waits_longer_each_time_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = Tries(monkeypatch, 3, BUSY)
    assert tries.run().stdout == "out"
    assert tries.waits == [4.0, 8.0, 16.0]
    assert tries.again == 3
    assert tries.told[-3:] == [
        "download of http://it/x failed (HTTP error 503), trying again in 4 s, 2 of 4",
        "download of http://it/x failed (HTTP error 503), trying again in 8 s, 3 of 4",
        "download of http://it/x failed (HTTP error 503), trying again in 16 s, 4 of 4",
    ]


def test_what_nix_waited_is_not_waited_again(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "".join(
        f"warning: unable to download '{url}': HTTP error 503; retrying in {ms} ms (attempt 1/5)\n"
        for url, ms in (("http://it/x", 500), ("http://it/other", 9000), ("http://it/x", 4500))
    )
    tries = Tries(monkeypatch, 2, own + BUSY)
    tries.run()
    assert tries.waits == [1.0, 3.0]


def test_the_last_failure_is_told_with_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "1")
    tries = Tries(monkeypatch, 9, BUSY)
    with pytest.raises(CommandFailed) as raised:
        tries.run()
    assert raised.value.why == "why\nIt was tried 2 times."
    assert raised.value.stderr == BUSY
    assert tries.waits == [4.0]


def test_without_retries_there_is_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_RETRIES", "0")
    tries = Tries(monkeypatch, 9, BUSY)
    with pytest.raises(CommandFailed) as raised:
        tries.run()
    assert raised.value.why == "why"
    assert tries.waits == [] and tries.left == 8


def test_other_failures_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = Tries(monkeypatch, 9, "error: undefined variable 'x'")
    with pytest.raises(CommandFailed):
        tries.run()
    assert tries.waits == [] and tries.left == 8

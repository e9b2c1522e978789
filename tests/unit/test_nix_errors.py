"""What Nix's recorded errors are recognised as, and that suggestions stand beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.backend.nix_errors import recognise
from luminous_nix_ipy.backend.operations import SERVED
from luminous_nix_ipy.backend.recovery import suggestions
from luminous_nix_ipy.errors import ChangeFailed, CommandFailed
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import FailedBuild, Message

FOLDER = Path(__file__).parents[1] / "fixtures" / "nix_errors"

# What of each is recognised, and a part of what is suggested.
EXPECTED: dict[str, tuple[set[str], str]] = {
    "hash-mismatch": (
        {"hash mismatch"},
        'hash = "sha256-9uN5sGOQVMUYBv1dZ5SMvK69NUsOkadoOTKwQ8XDujI="',
    ),
    "hash-of-download": (
        {"hash mismatch"},
        "got was sha256:0zcl4dgcmqwl1g5xb901pd6dz61r1xgmac9mqlwvh022paa6gks1",
    ),
    "hash-of-tree": ({"hash mismatch"}, "lock it anew: %nix update"),
    "missing-attribute": ({"missing attribute", "evaluation"}, "hello or help"),
    "missing-selection": ({"missing attribute"}, "Did you mean hello?"),
    "missing-in-flake": ({"missing attribute in a flake"}, "flake show git+file:///tmp/machine/lacking"),
    "undefined-variable": ({"undefined variable", "evaluation"}, "the name helo"),
    "collision": (set(), "%nix remove"),
    "no-space": ({"no space", "builder failure"}, "%nix collect --dry-run"),
    "network": ({"network"}, "curl -I http://127.0.0.1:9/source.tar"),
    "network-name": ({"network"}, "curl -I http://it.invalid/x"),
    "substituter": ({"substituter", "substituter unreachable"}, "curl -I http://127.0.0.1:9/nix-cache-info"),
    "permission": ({"permission"}, "as root"),
    "locked-database": ({"locked"}, "wait until it has ended"),
    "evaluation": ({"evaluation"}, "Look at /tmp/machine/configuration.nix, line 2, column 29."),
    "networking-option": ({"missing attribute", "evaluation"}, "Did you mean hostName?"),
    "syntax": ({"syntax", "evaluation"}, "line 3, column 1"),
    "infinite-recursion": ({"infinite recursion", "evaluation"}, "%nix build --show-trace"),
    "builder-failure": ({"builder failure"}, "%nix log /nix/store/"),
    "dirty": ({"dirty tree"}, "git -C /tmp/machine/dirty commit -a"),
    "untracked": ({"untracked file"}, "add new.nix"),
    "unfree": (set(), "paid-1.0 is not free software"),
    "insecure": (set(), "holes-1.1"),
    "broken": (set(), "shards-0.2 is known not to build"),
    "wrong-system": ({"wrong system"}, "It is for aarch64-darwin, and this is x86_64-linux"),
    "busy-server": ({"network"}, "127.0.0.1:8000/source.tar does not answer (HTTP error 503"),
    "too-many-requests": ({"network"}, "(HTTP error 429"),
    "not-found": ({"not there"}, "There is nothing at http://127.0.0.1:8000/source.tar"),
    "broken-off": ({"network"}, "curl -I http://127.0.0.1:8000/source.tar"),
    "busy-flake": ({"network"}, "curl -I http://127.0.0.1:8000/source.tar.gz"),
    "busy-cache": ({"network"}, "curl -I http://127.0.0.1:8000/nar/"),
    "git-unreachable": ({"network"}, "git ls-remote http://127.0.0.1:9/it/"),
    "untrusted-signature": ({"missing signature"}, "store sign --key-file FILE /nix/store/"),
    "untrusted-substituter": (
        {"untrusted substituter", "substituter"}, "add it to trusted-substituters"
    ),
    "untrusted-setting": ({"untrusted user", "builder failure"}, "The setting sandbox is ignored"),
    "untrusted-repair": ({"untrusted user"}, "may repair paths: run the notebook as root"),
}  # fmt: skip
RECORDED = sorted(FOLDER.glob("*/*.txt"))


def failed(said: str) -> CommandFailed:
    return CommandFailed("nix ended with 1.", argv=("nix",), returncode=1, stderr=said)


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_what_nix_really_said_is_recognised(file: Path) -> None:
    said = file.read_text()
    error = failed(said)
    kinds, part = EXPECTED[file.stem]
    # New Nix tells where an expression called what failed, and what it cannot have then.
    told = {"evaluation", "substituter"} if file.stem == "busy-cache" else {"evaluation"}
    assert {r.kind for r in recognise(error, said)} - told == kinds - told
    assert "evaluation" in {r.kind for r in recognise(error, said)} or "evaluation" not in kinds
    assert any(part in each for each in suggestions(error)), suggestions(error)
    assert error.stderr == said


def test_both_nixes_were_recorded() -> None:
    for name in ("old", "new"):
        there = {file.stem for file in RECORDED if file.parent.name == name}
        # Another user does not reach the programs of the new one; the old one does not say which
        # settings it ignores.
        lacking = {"old": {"untrusted-setting"}, "new": {"permission"}}[name]
        assert there | lacking == set(EXPECTED), name


def test_networking_is_no_network() -> None:
    for file in RECORDED:
        if file.stem in ("evaluation", "networking-option", "syntax"):
            said = file.read_text()
            assert "networking.host" in said
            assert not {r.kind for r in recognise(failed(said), said)} & {"network", "substituter"}


def test_messages_in_parts_come_before_text() -> None:
    error = failed("error: attribute 'textual' missing")
    error.messages = (
        Message(
            level=0,
            text="error: attribute 'it' missing\n  at /x.nix:9:9:",
            raw="attribute 'it' missing",
            file="/a.nix",
            line=3,
            column=4,
        ),
    )
    told = suggestions(error)
    assert told[0].startswith("There is no attribute it ")
    assert "Look at /a.nix, line 3, column 4." in told
    assert not any("textual" in each for each in told)


def test_the_expressions_own_text_is_not_what_nix_says() -> None:
    said = (
        "error: cannot add a set to an integer\n"
        "       at /x.nix:2:1:\n"
        "            1| # error: unable to download 'http://it/': No space left on device\n"
        "            2| 1 + {}\n"
    )
    assert [r.kind for r in recognise(failed(said), said)] == ["evaluation"]


def test_downloads_that_worked_when_tried_again_are_no_errors() -> None:
    said = "warning: error: unable to download 'http://it/': x (7); retrying in 3 ms\n"
    assert recognise(failed(said), said) == []


def test_a_builders_log_is_read() -> None:
    error = failed("error: 1 build failed")
    error.failed_builds = (
        FailedBuild(derivation="/x.drv", host="", log=("cc: No space left on device",)),
    )
    assert "See how full the disks are: df -h" in suggestions(error)


def test_what_an_error_was_caused_by_is_recognised_and_kept() -> None:
    cause = failed("error: Git tree '/a b' is dirty")
    error = ChangeFailed("The build failed.", "why", ["first"])
    error.__cause__ = cause
    told = suggestions(error)
    assert told[0] == "first"
    assert "Commit it: git -C '/a b' commit -a" in told
    assert (error.what, error.why, error.__cause__) == ("The build failed.", "why", cause)


def test_other_errors_have_their_own_advice_alone() -> None:
    assert suggestions(ChangeFailed("x", "", ["y"])) == ["y"]
    assert suggestions(ValueError("error: Git tree '/a' is dirty")) == []


def test_the_view_of_a_failure_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = NixBackend(Machine())

    async def fail(*_: object) -> NixResult:
        raise failed("error: Git tree '/a' is dirty")

    served = SERVED[OperationType.STATUS]._replace(run=fail)
    monkeypatch.setitem(SERVED, OperationType.STATUS, served)
    result = asyncio.run(backend.execute(NixOperation(OperationType.STATUS)))
    assert not result.success
    assert "Commit it: git -C /a commit -a" in result.suggestions
    shown = result.data["exception"].lines()
    assert "  → Commit it: git -C /a commit -a" in shown
    assert result.data["exception"].stderr == "error: Git tree '/a' is dirty"
    assert result.duration > 0

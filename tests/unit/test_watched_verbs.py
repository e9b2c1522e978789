"""The options of verbs that say how a change is watched: what becomes of them, on a playground."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import Expectation, NixOperation, OperationType, Safety
from luminous_nix_ipy.backend.operations import SERVED
from luminous_nix_ipy.backend.safety import SAFETY
from luminous_nix_ipy.errors import NoConsent, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs.change import line_of
from luminous_nix_ipy.verbs.parser import Parser, parse_line
from tests.playground import simulated
from tests.shell import new_shell, run

WATCHED = ("rollback", "undo", "switch", "boot", "test", "update")
ASKED = (
    "--expect \"ping -c 1 '10.0.0.1'\" --expect true --expect-url http://localhost/health "
    "--expect-unit nginx --settle 10s --confirm-timeout 2m --force disk-space --no-restore"
)
SAFE = Safety(
    expectations=(
        Expectation("command", "ping -c 1 '10.0.0.1'"),
        Expectation("command", "true"),
        Expectation("url", "http://localhost/health"),
        Expectation("unit", "nginx.service"),
    ),
    settle=10.0,
    confirm_timeout=120.0,
    force=("disk space",),
    restore=False,
)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        run(shell, "%config NixMagics.progress = 'none'")
        yield shell


@pytest.fixture(scope="module")
def read_only() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def there(read_only: Machine) -> Machine:
    machine.use(read_only)
    return read_only


@pytest.mark.parametrize("verb", WATCHED)
def test_the_verbs_take_what_their_operations_take(verb: str) -> None:
    options = {action.dest for action in Parser(verb).options().values()}
    assert set(SAFETY) <= options
    assert set(SAFETY) <= set(SERVED[OperationType(verb)].options)
    _, given = parse_line([verb, *shlex.split(ASKED)])
    assert given["expect"] == ["ping -c 1 '10.0.0.1'", "true"]
    assert (given["settle"], given["force"], given["restore"]) == ("10s", ["disk-space"], False)


@pytest.mark.usefixtures("there")
def test_a_plan_has_what_was_asked_for(shell: InteractiveShell) -> None:
    view = run(shell, f"%nix rollback --dry-run {ASKED}")
    assert view.plan.safety == SAFE
    assert "The command must succeed: ping -c 1 '10.0.0.1'" in repr(view)
    assert run(shell, "%nix rollback --dry-run").plan.safety == Safety()
    # Whole variables reach it as they are.
    shell.user_ns["health"] = 'curl --fail "http://localhost/a b"'
    expected = run(shell, "%nix rollback --dry-run --expect {health}").plan.safety.expectations
    assert expected == (Expectation("command", 'curl --fail "http://localhost/a b"'),)


@pytest.mark.usefixtures("there")
def test_from_python_one_needs_no_list_and_seconds_are_numbers() -> None:
    view: Any = nix.rollback(dry_run=True, expect="true", expect_unit="nginx", settle=1.5)
    assert view.plan.safety == Safety(
        expectations=(Expectation("command", "true"), Expectation("unit", "nginx.service")),
        settle=1.5,
    )
    view = nix.rollback(dry_run=True, expect_url=["http://a/", "http://b/"], restore=False)
    assert [e.what for e in view.plan.safety.expectations] == ["http://a/", "http://b/"]
    assert not view.plan.safety.restore


@pytest.mark.usefixtures("there")
def test_what_the_settings_expect_is_in_every_plan(shell: InteractiveShell) -> None:
    run(shell, "%config NixMagics.expect_url = ['http://localhost/']")
    run(shell, "%config NixMagics.settle = 3")
    safety = run(shell, "%nix rollback --dry-run --expect-unit sshd").plan.safety
    assert [e.what for e in safety.expectations] == ["http://localhost/", "sshd.service"]
    assert safety.settle == 3.0
    run(shell, "%config NixMagics.expect = ['echo \"']")
    with pytest.raises(Refused, match=r"the setting expect "):
        run(shell, "%nix rollback --dry-run")


@pytest.mark.parametrize("verb", WATCHED)
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ('--expect "curl \'x"', "is no command line"),
        ("--expect-url ftp://x/", "cannot be asked"),
        ("--expect-unit a/b", "is no unit"),
        ("--settle=-1", "is no span of time"),
        ("--confirm-timeout 0", "takes 1 s at least"),
        ("--force everything", "There is no check"),
    ],
)
@pytest.mark.usefixtures("there")
def test_what_can_never_hold_is_refused_before_anything_is_built(
    shell: InteractiveShell, verb: str, option: str, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        run(shell, f"%nix {verb} --dry-run {option}")


@pytest.mark.usefixtures("there")
def test_the_line_for_where_nobody_answers_means_the_same(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    newest = run(shell, "%nix list").number[0]
    with pytest.raises(NoConsent) as refusal:
        run(shell, f"%nix rollback {newest - 1} --test --profile system {ASKED}")
    line = refusal.value.todo[0].partition("%nix ")[2]
    verb, given = parse_line(shlex.split(line))
    assert verb == "rollback" and given["yes"]
    assert (given["generation"], given["mode"], given["profile"]) == (newest - 1, "test", "system")
    _, asked = parse_line(["rollback", *shlex.split(ASKED)])
    assert {name: given[name] for name in SAFETY} == {name: asked[name] for name in SAFETY}


def test_a_line_repeats_an_option_for_each_of_several() -> None:
    options = {"option": [("cores", "1"), ("fallback", "true")], "expect": ["a b", "c"]}
    assert line_of("switch", {**options, "force": "x", "restore": True, "impure": True}) == [
        "switch", "--option", "cores", "1", "--option", "fallback", "true",
        "--expect", "a b", "--expect", "c", "--force", "x", "--impure",
    ]  # fmt: skip
    assert line_of("undo", {"flake": None, "expect_unit": "-.mount"})[1] == "--expect-unit=-.mount"
    assert line_of("undo", {"restore": False}) == ["undo", "--no-restore"]
    assert line_of("install", {"restore": None}) == ["install"]


def test_an_operation_takes_them_too(there: Machine) -> None:
    options = {"expect": ("true",), "settle": 0, "force": "disk space"}
    plan = asyncio.run(
        NixBackend(there).plan(NixOperation(OperationType.ROLLBACK, options=options))
    )
    assert plan.safety == Safety(
        expectations=(Expectation("command", "true"),), force=("disk space",)
    )

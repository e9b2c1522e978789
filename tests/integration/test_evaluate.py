"""Expressions evaluated and built by real Nix, old and new."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from tests.private_nix import package
from tests.shell import new_shell, run, usage_error


@pytest.fixture
def here(private_machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("LUMINOUS_NIX_PROGRESS", "none")
    machine.use(private_machine)
    yield private_machine
    machine.use(None)


@pytest.fixture
def shell(here: Machine) -> Iterator[InteractiveShell]:
    with new_shell() as made:
        yield made


def failure(shell: InteractiveShell, cell: str) -> str:
    """The error of a cell as it is shown."""
    with pytest.raises(CommandFailed) as raised:
        run(shell, cell)
    return "\n".join(raised.value.lines())


def test_values_are_pythons(shell: InteractiveShell) -> None:
    cases: list[tuple[str, object]] = [
        ("1 + 1", 2),
        ("1.5", 1.5),
        ('"a${toString 1}\\n"', "a1\n"),
        ("[ true null ]", [True, None]),
        ("{ a.b = 1; }", {"a": {"b": 1}}),
        ("[ ]", []),
    ]
    for expression, value in cases:
        assert run(shell, f"%%nix\n{expression}") == value
    assert run(shell, "%nix eval '1 + 1'") == 2
    assert run(shell, "x = %nix eval 1 + 1\nx") == 2
    assert nix.eval("{ a = 1; }") == {"a": 1}
    assert '"a": 1' in nix.eval("{ a = 1; }", json=True)


def test_a_list_of_sets_is_a_frame(shell: InteractiveShell) -> None:
    frame = run(
        shell,
        '%%nix --name hosts\n[ { name = "a"; cores = 4; up = true; } { name = "b"; more.x = 1; } ]',
    )
    assert list(frame.columns) == ["cores", "name", "up", "more"]
    assert [str(kind) for kind in frame.dtypes] == ["Int64", "string", "boolean", "object"]
    assert frame.cores[0] == 4
    assert frame.cores.isna()[1]
    assert frame.more[1] == {"x": 1}
    pd.testing.assert_frame_equal(shell.user_ns["hosts"], frame)
    assert run(shell, "%%nix eval --name n;\n7") is None
    assert shell.user_ns["n"] == 7


def test_errors_point_into_the_cell(shell: InteractiveShell) -> None:
    shown = failure(shell, "%%nix\nlet\n  s = { hello = 1; };\nin s.helo + 1")
    assert "cannot be evaluated: attribute 'helo' missing" in shown
    assert "line 4, column 4 of the expression:" in shown
    assert "3 |   s = { hello = 1; };\n4 | in s.helo + 1\n  |    ^" in shown
    assert "→ Did you mean hello?" in shown
    shown = failure(shell, "%%nix\n\nlet x = x; in x")
    assert "infinite recursion encountered" in shown
    assert "line 3, column 9" in shown
    assert "needs its own value" in shown
    shown = failure(shell, "%nix eval 'let hello = 1; in helo'")
    assert "undefined variable 'helo'" in shown
    assert "1 | let hello = 1; in helo\n  |                   ^" in shown
    assert "→ Did you mean hello?" in shown
    assert "syntax error" in failure(shell, "%%nix\n{ a = ")
    assert "Apply the function" in failure(shell, "%%nix\nx: x")


def test_an_error_in_a_file_shows_the_file(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hosts.nix").write_text("{\n  a = missing;\n}\n")
    monkeypatch.chdir(tmp_path)
    shown = failure(shell, "%%nix\n(import ./hosts.nix).a")
    assert f"line 2, column 7 of {tmp_path}/hosts.nix:" in shown
    assert "2 |   a = missing;\n  |       ^" in shown


def test_what_the_expression_says_goes_to_stderr(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shell, '%%nix\nbuiltins.trace "over here" 1') == 1
    assert "over here" in capsys.readouterr().err


def test_shell_text_is_only_text(shell: InteractiveShell, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/a); `touch {tmp_path}/b` {{x}}"
    assert run(shell, f"%%nix\n''{evil}''") == evil
    assert not list(tmp_path.glob("[ab]"))


def test_building(shell: InteractiveShell, here: Machine) -> None:
    two = f"[ {package('one-1.0', 'hi')} {package('two-1.0', 'ho')} ]"
    one = run(shell, f"%%nix build --name built\n{package('one-1.0', 'hi')}")
    assert one[0].startswith(here.store_dir)
    assert one[0].endswith("-one-1.0")
    assert Path(one, "content").read_text().startswith("hi")
    assert str(shell.user_ns["built"]) == repr(one) == one[0]
    both = nix.eval(two, build=True)
    assert (len(both), both[0]) == (2, one[0])
    with pytest.raises(ValueError):
        Path(both)
    with pytest.raises(NotFound, match="describes nothing to build"):
        run(shell, "%%nix build\n{ a = 1; }")


def test_a_failing_build_keeps_its_log(shell: InteractiveShell) -> None:
    with pytest.raises(CommandFailed) as raised:
        run(shell, f"%%nix build\n{package('bad-1.0', script='echo the end is near; exit 3')}")
    assert raised.value.failed_builds[0].log[-1] == "the end is near"


def test_a_build_in_the_background_can_be_cancelled(shell: InteractiveShell) -> None:
    quick: Any = run(shell, "job = %nix eval --bg '{ }'\njob")
    assert quick.result(60) == {}
    slow = nix.eval(package("slow-1.0", script="sleep 300"), build=True, bg=True)
    deadline = time.monotonic() + 60
    while "slow" not in slow.message and time.monotonic() < deadline:
        time.sleep(0.1)
    slow.cancel()
    started = time.monotonic()
    with pytest.raises(NixError, match="was cancelled"):
        slow.result(60)
    assert time.monotonic() - started < 5


def test_what_is_refused(shell: InteractiveShell) -> None:
    with pytest.raises(Refused, match="There is no expression"):
        run(shell, "%nix eval")
    assert "not the name of a variable" in usage_error(shell, "%nix eval --name 1x 1")
    assert "not the name of a variable" in usage_error(shell, "%nix eval --name for 1")
    assert "no --json" in usage_error(shell, "%nix eval --build --json 1")
    assert "x = await job" in usage_error(shell, "%nix eval --name x --bg 1")
    assert "not both" in usage_error(shell, "%%nix eval 1\n2")
    with pytest.raises(CommandFailed) as raised:
        run(shell, '%nix eval "a" + "b"')
    assert "around all of it" in raised.value.todo[-1]

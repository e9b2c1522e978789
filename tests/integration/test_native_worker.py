"""The worker for nixos-rebuild's module, in real interpreters and with every era of the module.

The modules are stand-ins of our own (`tests/nixos_rebuild_stand_ins.py`); where the machine has a
nixos-rebuild-ng of its own, that one is asked too.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import machine as machines
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, NotServed, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools import native
from luminous_nix_ipy.tools.native import Capabilities, Configuration, NativeWorker
from luminous_nix_ipy.tools.native_search import NativeModule, locate, writable_by_others
from tests.nixos_rebuild_stand_ins import ERAS, make_era, make_module, python_program

MACHINE = Machine()


def interpreters() -> dict[tuple[int, ...], str]:
    """Version -> an interpreter of it: this one, those in PATH, and those of pyenv."""
    candidates = [sys.executable]
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/bin", "/usr/bin"]:
        candidates += [str(path) for path in Path(folder).glob("python3.*") if path.suffix]
    candidates += [
        str(path) for path in Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python")
    ]
    found: dict[tuple[int, ...], str] = {}
    for candidate in candidates:
        if re.fullmatch(r"python(3\.\d+)?", os.path.basename(candidate)):
            version = version_of(candidate)
            if version >= (3, 8):
                found.setdefault(version, candidate)
    return found


def version_of(interpreter: str) -> tuple[int, ...]:
    try:
        told = subprocess.run(
            [interpreter, "-I", "-S", "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        return tuple(int(word) for word in told.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()


# Found when the module is loaded, while HOME is still the user's own.
FOUND = interpreters()
NEW = {version: path for version, path in FOUND.items() if version >= (3, 12)}
NEW = NEW or {sys.version_info[:2]: sys.executable}
OLD = {version: path for version, path in FOUND.items() if version < (3, 12)}
ANY = sorted(NEW.items())[-1][1]


@pytest.fixture(autouse=True)
def own_files() -> Iterator[None]:
    """Files that only their owner can write, whatever the machine's habit is."""
    old = os.umask(0o022)
    yield
    os.umask(old)


def worker(site_packages: Path, interpreter: str = ANY, time_limit: float = 60) -> NativeWorker:
    module = NativeModule(
        package=str(site_packages / "nixos_rebuild"),
        interpreter=interpreter,
        search_path=(str(site_packages),),
        program=None,
    )
    return NativeWorker(MACHINE, module, time_limit)


def ask(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def fails(error: type[NixError], coroutine: Any) -> NixError:
    with pytest.raises(error) as caught:
        ask(coroutine)
    assert type(caught.value) is error
    return caught.value


@pytest.mark.parametrize("interpreter", NEW.values(), ids=lambda path: str(version_of(path)))
def test_every_era_in_every_interpreter(tmp_path: Path, interpreter: str) -> None:
    """All functions of every era are usable; only those that it had not yet are missing."""
    for number, era in enumerate(ERAS):
        package = make_era(tmp_path / f"{number}", era)
        told: Capabilities = ask(worker(tmp_path / f"{number}", interpreter).capabilities())
        assert told.package == str(package)
        assert told.python.startswith(".".join(map(str, version_of(interpreter))))
        missing = {f.name: f.reason for f in told.functions if not f.usable}
        if era.startswith("2024-11"):
            assert missing == {
                "configuration of a file": "The module has no models.BuildAttr.from_arg."
            }
        else:
            assert missing == {}, era
        assert not list(package.rglob("__pycache__")), "nothing is written"


def test_the_form_of_an_era_is_told(tmp_path: Path) -> None:
    make_era(tmp_path / "old", "2024-11, without target host")
    make_era(tmp_path / "new", "2026-09")
    forms = [
        {f.name: f.form for f in ask(worker(tmp_path / name).capabilities()).functions}
        for name in ("old", "new")
    ]
    assert forms[0]["build"] == "nix.nixos_build(attr, pre_attr, file, nix_flags=None, **kwargs)"
    assert forms[1]["build"] == "nix.build(attr, build_attr, build_flags=None)"
    assert forms[0]["rollback"] == "nix.rollback(profile)"
    assert forms[1]["rollback"] == "nix.rollback(profile, target_host, elevate)"
    assert forms[0]["configuration of a file"] == ""


@pytest.mark.parametrize("era", ERAS)
def test_the_configuration_that_nixos_rebuild_would_take(tmp_path: Path, era: str) -> None:
    make_era(tmp_path, era)
    asked = worker(tmp_path)
    quote = "" if era.startswith("2024") else '"'
    found = ask(asked.configuration(flake="/etc/somewhere#host"))
    attr = f"nixosConfigurations.{quote}host{quote}"
    assert found == Configuration("flake", "/etc/somewhere", attr)
    own = ask(asked.configuration(flake=True))
    assert own == Configuration("flake", ".", attr.replace("host", "stand-in"))
    if era.startswith("2024-11"):
        error = fails(NotServed, asked.configuration(file="a.nix"))
        assert error.what == "The module has no models.BuildAttr.from_arg."
        return
    assert ask(asked.configuration()) == Configuration("file", "<nixpkgs/nixos>", None)
    assert ask(asked.configuration(flake=False)).path == "<nixpkgs/nixos>"
    assert ask(asked.configuration(file="a.nix", attr="b")) == Configuration("file", "a.nix", "b")
    assert ask(asked.configuration(attr="b")) == Configuration("file", "default.nix", "b")


def test_a_flake_and_a_file_are_refused(tmp_path: Path) -> None:
    fails(Refused, worker(tmp_path).configuration(flake=".", file="a.nix"))
    fails(Refused, worker(tmp_path).configuration(flake=True, attr="a"))


def test_the_revision_of_nixpkgs(tmp_path: Path) -> None:
    make_era(tmp_path, "2026-09")
    (tmp_path / "nixpkgs é\udcff").mkdir()
    for name in ("nixpkgs é", "nixpkgs é\udcff"):
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        assert ask(worker(tmp_path).nixpkgs_revision(str(path))) == f".git.{name}"
    assert ask(worker(tmp_path).nixpkgs_revision(str(tmp_path / "gone"))) is None


def test_what_is_missing_is_told_precisely(tmp_path: Path) -> None:
    era = ERAS["2026-09"]
    nix = (
        era["nix"]
        .replace("rollback(profile, target_host, elevate)", "rollback(profile, host, elevate)")
        .replace("find_file(file, nix_flags=None)", "find_it(file)")
        .replace("get_nixpkgs_rev(nixpkgs_path)", "get_nixpkgs_rev(nixpkgs_path, vcs)")
        .replace("def list_generations(profile):", "list_generations = 5\ndef other(profile):")
    )
    make_module(tmp_path, models=era["models"], nix=nix)
    told = ask(worker(tmp_path).capabilities())
    missing = {f.name: f.reason for f in told.functions if not f.usable}
    assert missing == {
        "rollback": "nix.rollback has arguments that are not known here. It takes "
        "(profile, host, elevate); for nix.rollback(profile, target_host, elevate) it lacks "
        "target_host and it also needs host.",
        "find_file": "The module has no nix.find_file.",
        "revision of nixpkgs": "nix.get_nixpkgs_rev has arguments that are not known here. It "
        "takes (nixpkgs_path, vcs); for nix.get_nixpkgs_rev(nixpkgs_path) it also needs vcs.",
        "list_generations": "The module has no nix.list_generations.",
    }
    error = fails(NotServed, worker(tmp_path).nixpkgs_revision("/x"))
    assert error.what == "nix.get_nixpkgs_rev has arguments that are not known here."


def test_a_function_that_fails_says_how(tmp_path: Path) -> None:
    models = """
class Flake:
    @classmethod
    def from_arg(cls, flake_arg, target_host):
        raise ValueError("no such flake")
class BuildAttr:
    @classmethod
    def from_arg(cls, attr, file):
        raise SystemExit(3)
"""
    make_module(tmp_path, models=models)
    error = fails(CommandFailed, worker(tmp_path).configuration(flake="x"))
    assert error.what == "models.Flake.from_arg failed."
    assert error.why == "ValueError: no such flake"
    error = fails(CommandFailed, worker(tmp_path).configuration(file="x"))
    assert error.why == "SystemExit: 3"


def test_a_module_that_is_gone(tmp_path: Path) -> None:
    error = fails(NotFound, worker(tmp_path).capabilities())
    assert error.what == "There is no Python module nixos_rebuild."
    make_module(tmp_path)
    (tmp_path / "nixos_rebuild/nix.py").unlink()
    error = fails(NotFound, worker(tmp_path).capabilities())
    assert error.what == "There is no Python module nixos_rebuild.nix."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module_of_anybody", "ModuleNotFoundError: No module named 'no_such_"),
        ("from os import no_such_name", "ImportError: cannot import name 'no_such_name'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: "),
        ("raise SystemExit(4)", "SystemExit: 4"),
    ],
)
def test_a_module_that_cannot_be_loaded(tmp_path: Path, text: str, words: str) -> None:
    make_module(tmp_path, __init__=text)
    error = fails(NotFound, worker(tmp_path).capabilities())
    assert "nixos_rebuild" in error.what
    assert words in error.why
    if version_of(ANY) >= (3, 12):
        version = ".".join(map(str, version_of(ANY)))
        assert re.match(rf"nixos_rebuild cannot be loaded by Python {version}\.\d+\.$", error.what)


def test_an_interpreter_that_is_too_old(tmp_path: Path) -> None:
    """The syntax of the newer module (PEP 695) is none of Python 3.11's; an interpreter that knows
    it loads the module."""
    era = ERAS["2026-09"]
    make_module(tmp_path, nix=era["nix"], models="type Variants = dict[str, str]\n" + era["models"])
    for version, interpreter in OLD.items():
        error = fails(NotFound, worker(tmp_path, interpreter).configuration())
        told = re.escape(".".join(map(str, version)))
        assert re.fullmatch(
            rf"nixos_rebuild\.models needs a Python of 3\.12 or later, and this is {told}\.\d+\.",
            error.what,
        )
        assert error.why.startswith("SyntaxError: ")
    if version_of(ANY) >= (3, 12):
        assert ask(worker(tmp_path).configuration()).path == "<nixpkgs/nixos>"
    assert OLD or version_of(ANY) >= (3, 12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os; os._exit(9)", "It ended with exit status 9 and printed nothing."),
        ("import os; os.abort()", "It ended with exit status -6"),
        ("import os, sys; print('dying'); sys.stdout.flush(); os._exit(1)", "dying"),
        ("import sys; sys.exit = None; raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_worker_that_dies(tmp_path: Path, text: str, words: str) -> None:
    make_module(tmp_path, __init__=text)
    error = fails(CommandFailed, worker(tmp_path).capabilities())
    assert error.what == "The worker for nixos-rebuild's module gave no answer."
    assert words in error.why


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hang = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    make_module(tmp_path, __init__=hang)
    started = time.monotonic()
    error = fails(CommandFailed, worker(tmp_path, time_limit=2).capabilities())
    assert "took longer than 2 s and was ended" in error.what
    assert time.monotonic() - started < 20
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        ("echo garbage; echo '[1]'; echo '{'", "gave no answer", "garbage"),
        ("printf '\\377\\n'", "gave no answer", "\udcff"),
        ("exit 7", "gave no answer", "exit status 7"),
        ("""echo '{"answer": 5}'""", "was not understood", "Expected `object`, got `int`"),
        ("""echo '{"answer": {"python": "3"}}'""", "was not understood", "package"),
        ("""echo '{"error": "no"}'""", "was not understood", "Expected `object`, got `str`"),
        (
            """echo '{"error": {"kind": "odd", "what": "a", "why": "b"}}'""",
            "was not understood",
            "odd",
        ),
    ],
)
def test_answers_that_are_none(tmp_path: Path, text: str, what: str, why: str) -> None:
    interpreter = program(tmp_path / "python3", f"cat >/dev/null; {text}")
    error = fails(CommandFailed, worker(tmp_path, interpreter).capabilities())
    assert what in error.what
    assert why in error.why


def test_words_of_the_interpreter_before_the_answer_are_passed_over(tmp_path: Path) -> None:
    make_era(tmp_path, "2026-09")
    talks = program(tmp_path / "python3", f"echo hello; echo 7; exec {ANY} " + '"$@"')
    assert ask(worker(tmp_path, talks).configuration()).kind == "file"


def test_an_interpreter_that_cannot_be_started(tmp_path: Path) -> None:
    error = fails(CommandFailed, worker(tmp_path, str(tmp_path / "python3")).capabilities())
    assert "could not be started" in error.what


def test_several_questions_are_answered_line_by_line(tmp_path: Path) -> None:
    make_era(tmp_path, "2026-09")
    lines = ['{"ask": "nixpkgs_revision", "path": "/no/such"}', "", "7", "nonsense", '{"ask": "x"}']
    lines += ['{"ask": "capabilities", "more": 1}', '{"ask": "configuration"}', lines[0]]
    done = subprocess.run(
        [ANY, "-I", "-B", native._WORKER, str(tmp_path)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines), "what the module prints is not among them"
    assert answers[0] == answers[-1] == '{"answer": null}'
    assert all('"kind": "request"' in answer for answer in answers[1:-1])
    assert "it prints" not in done.stdout
    assert "a stand-in for nixos_rebuild is imported" in done.stderr


def test_the_users_own_python_settings_do_not_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_era(tmp_path / "site-packages", "2026-09")
    make_module(tmp_path / "other", __init__="raise SystemExit('the wrong one')")
    (tmp_path / "other/json.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "gone"))
    monkeypatch.chdir(tmp_path / "other")
    assert ask(worker(tmp_path / "site-packages").configuration()).kind == "file"


def test_two_loops_and_many_questions_at_once(tmp_path: Path) -> None:
    make_era(tmp_path, "2026-09")
    asked = worker(tmp_path)

    async def both() -> list[Any]:
        return await asyncio.gather(asked.configuration(), asked.configuration(flake="a#b"))

    for _ in range(2):
        assert [found.kind for found in ask(both())] == ["file", "flake"]


def test_from_the_program_to_the_answer(tmp_path: Path) -> None:
    """As a user has it: nixos-rebuild in PATH names its interpreter and its folders."""
    make_era(tmp_path / "site-packages", "2026-09")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/nixos-rebuild"
    script.write_text(python_program(ANY, tmp_path / "site-packages"))
    script.chmod(0o755)
    machine = Machine(env={"PATH": str(tmp_path / "bin")})
    if writable_by_others(ANY) is not None:
        with pytest.raises(Refused):
            locate(machine)
        return
    asked = native.find(machine)
    assert asked is not None
    assert ask(asked.configuration(flake="a#b")).path == "a"


def test_the_module_that_this_machine_has() -> None:
    """One real run where there is a nixos-rebuild-ng. Where there is none, that is what is said:
    nothing can provide it on a machine that is not NixOS, so nothing is skipped."""
    machine = machines.local()
    asked = native.find(machine)
    if asked is None:
        assert native.describe(machine).startswith("none: ")
        assert shutil.which("nixos-rebuild-ng") is None or "change" in native.describe(machine)
        return
    told = ask(asked.capabilities())
    assert {f.name for f in told.functions if f.usable} >= {
        "configuration of a flake",
        "revision of nixpkgs",
    }
    assert ask(asked.configuration(flake="/etc/nixos#host")).kind == "flake"

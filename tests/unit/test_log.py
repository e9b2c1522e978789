"""The log file: where it is, what it holds, and what never gets into it."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luminous_nix_ipy import log, settings
from luminous_nix_ipy.machine import Machine

LOGGER = logging.getLogger("luminous_nix_ipy.somewhere")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    yield Machine(user_state_dir=str(tmp_path / "state"))
    log.stop()


def written(machine: Machine) -> str:
    return Path(log.log_file(machine)).read_text()


def test_the_file_is_in_the_state_folder_and_private(machine: Machine) -> None:
    log.start(machine)
    path = Path(log.log_file(machine))
    assert path.is_relative_to(machine.user_state_dir)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_tells_the_versions_the_machine_the_time_and_the_process(machine: Machine) -> None:
    log.start(machine)
    LOGGER.info("ran %s", "nix-env")
    first, second = written(machine).splitlines()
    assert "Python 3." in first
    assert machine.store_dir in first
    date, process, level, name, *message = second.split()
    assert date[10] == "T"
    assert date[-6] in "+-"
    assert (int(process), level, name) == (os.getpid(), "INFO", "luminous_nix_ipy.somewhere:")
    assert message == ["ran", "nix-env"]


def test_starting_twice_writes_once(machine: Machine) -> None:
    log.start(machine)
    log.start(machine)
    LOGGER.warning("once")
    assert written(machine).count("once") == 1


def test_only_warnings_reach_the_programs_own_handlers(machine: Machine) -> None:
    heard: list[str] = []

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    handler = Heard()
    logging.getLogger().addHandler(handler)
    try:
        log.start(machine)
        LOGGER.info("for the file")
        LOGGER.warning("for everybody")
        log.stop()
        LOGGER.warning("as any logger")
    finally:
        logging.getLogger().removeHandler(handler)
    assert heard == ["for everybody", "as any logger"]


def test_a_machine_without_a_state_folder_has_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log.start(Machine())
    LOGGER.warning("nowhere")
    assert list(tmp_path.glob("**/*.log")) == []


def test_another_machine_has_another_file(machine: Machine, tmp_path: Path) -> None:
    log.start(machine)
    other = Machine(user_state_dir=str(tmp_path / "other"))
    log.start(other)
    LOGGER.warning("to the other")
    assert "to the other" in written(other)
    assert "to the other" not in written(machine)


def test_the_level_is_the_settings_and_follows_them(machine: Machine) -> None:
    traits = settings.SettingTraits()
    settings.activate(traits)
    traits.log_level = "WARNING"
    log.start(machine)
    LOGGER.info("hidden")
    traits.log_level = "DEBUG"
    LOGGER.debug("shown")
    assert "hidden" not in written(machine)
    assert "shown" in written(machine)


def test_tracebacks_are_whole_and_indented(machine: Machine) -> None:
    log.start(machine)
    try:
        raise ValueError("why it failed")
    except ValueError:
        LOGGER.exception("it failed")
    lines = written(machine).splitlines()
    assert lines[-1] == "    ValueError: why it failed"
    assert any(line.startswith("    Traceback") for line in lines)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("nix flake update --option access-tokens github.com=ghs_abc123", "ghs_abc123"),
        ("access-tokens = github.com=aaa gitlab.com=PAT:bbb", "bbb"),
        ("fetching https://user:hunter2@example.org/x", "hunter2"),
        ("fetching https://hunter2@example.org/x?token=abc&x=1", "hunter2"),
        ("fetching https://example.org/x?private_token=abcdef&x=1", "abcdef"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("curl -H 'authorization: abcdef'", "abcdef"),
        ('{"password": "hunter2"}', "hunter2"),
        ("MY_API_KEY=hunter2 nix build", "hunter2"),
        ("cloning with ghp_0123456789abcdefghij0123456789abcdef", "ghp_"),
    ],
)
def test_secrets_are_left_out(machine: Machine, text: str, secret: str) -> None:
    log.start(machine)
    LOGGER.warning("failed:\n%s", text)
    assert secret not in written(machine)
    assert "***" in written(machine)


@pytest.mark.parametrize(
    "text",
    [
        "/nix/store/aaa-password-store-1.7.4 --option substituters https://cache.nixos.org/x@y",
        "the secret service is running and asks for a token",
        "nix-env --profile /nix/var/nix/profiles/system --switch-generation 41",
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert log.without_secrets(text) == text


def test_it_rotates(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_BYTES", 2000)
    log.start(machine)
    for number in range(200):
        LOGGER.info("line %d", number)
    files = sorted(Path(log.log_file(machine)).parent.iterdir())
    assert len(files) == 4
    assert all(file.stat().st_size <= 2000 for file in files)
    assert "line 199" in written(machine)


def test_text_that_is_not_utf8_is_written(machine: Machine) -> None:
    log.start(machine)
    LOGGER.info("name %s", os.fsdecode(b"\xe9t\xe9"))
    assert r"name \udce9t\udce9" in written(machine)


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    log.start(Machine(user_state_dir=str(tmp_path / "state")))
    LOGGER.warning("still fine")
    assert capsys.readouterr().err == ""


def test_a_folder_that_goes_away_stops_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "_BYTES", 2000)
    log.start(machine)
    shutil.rmtree(machine.user_state_dir)
    for _ in range(3):  # over the size at which the next file is opened
        LOGGER.warning("lost %s", "x" * 1500)
    assert capsys.readouterr().err == ""


def test_importing_the_package_opens_no_file_and_prints_nothing() -> None:
    script = (
        "import sys, logging, luminous_nix_ipy; "
        "logging.getLogger('luminous_nix_ipy.x').warning('nobody listens'); "
        "print('luminous_nix_ipy.log' in sys.modules, 'logging.handlers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("False False\n", "")

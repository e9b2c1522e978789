"""The extension in IPython in a terminal, driven by typing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.kernel.test_extension import variables

PROMPT = r"In \[\d+\]:"
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")


class Terminal:
    """IPython at the other end of a pseudo-terminal."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor", *options],
            env={
                **os.environ,
                **variables(folder, TERM="xterm-256color", LUMINOUS_NIX_PROGRESS="text"),
                "PROMPT_TOOLKIT_NO_CPR": "1",
            },
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 100),
        )
        self.process.expect(PROMPT)

    def run(self, line: str, until: str = PROMPT) -> str:
        """What is shown between a line and the next prompt, without terminal codes."""
        self.process.sendline(line)
        self.process.expect(until)
        return _CODES.sub("", self.process.before)

    def press(self, keys: str) -> str:
        """What is shown between keys and the next prompt, without terminal codes.

        They are pressed again where nothing comes of them: Python does not hear an interrupt that
        comes between its look for one and its wait for the terminal (CPython's readline.c).
        """
        for _ in range(5):
            self.process.send(keys)
            if self.process.expect([PROMPT, pexpect.TIMEOUT], timeout=10) == 0:
                return _CODES.sub("", self.process.before)
        raise AssertionError(f"{keys!r} is not heard: {self.process.before}")

    def close(self) -> None:
        self.process.sendline("exit")
        self.process.expect(pexpect.EOF)
        self.process.close()


@pytest.fixture
def simple(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, "--simple-prompt")
    yield terminal
    terminal.close()
    assert terminal.process.exitstatus == 0


def test_list_ask_roll_back_undo(simple: Terminal) -> None:
    assert simple.run("%load_ext luminous_nix_ipy").strip() == "%load_ext luminous_nix_ipy"
    assert "PLAYGROUND" in simple.run("%nix playground start")
    table = simple.run("%nix list")
    assert "nixos_version" in table
    assert "<" not in table
    asked = simple.run("%nix rollback 4", until=r"\[y/N\] ")
    assert "Plan: rollback of system" in asked
    assert "on the PLAYGROUND?" in asked
    assert "NoConsent: Not agreed to. Nothing was changed." in simple.run("n")
    for keys in ("\x03", "\x04"):
        simple.run("%nix rollback 4", until=r"\[y/N\] ")
        _, *below = simple.press(keys).splitlines()
        assert below[0] == "NoConsent: Not agreed to. Nothing was changed."
    simple.run("%nix rollback 4", until=r"\[y/N\] ")
    done = simple.run("y")
    assert "Done" in done
    assert "Traceback" not in done
    assert "PLAYGROUND" in simple.run("%nix undo --yes")
    wrong = simple.run("%nix rolback")
    assert "UsageError: %nix: there is no verb 'rolback'; did you mean rollback?" in wrong
    assert "Traceback" not in wrong
    assert "The playground is gone." in simple.run("%nix playground stop")


def test_in_a_pipe_nobody_is_asked(tmp_path: Path) -> None:
    lines = [
        "%load_ext luminous_nix_ipy",
        "%nix playground start",
        "%nix rollback",
        "y",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt"],
        input="\n".join(lines),
        env={**os.environ, **variables(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    shown = done.stdout
    assert "NoConsent: Nobody can be asked here. Nothing was changed." in shown
    assert "[y/N]" not in shown


def test_tab_in_the_real_prompt(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.process.send("%load_ext luminous_nix_ipy\r")
    terminal.process.expect(r"In \[2\]:")
    terminal.process.send("%nix rol\t")
    terminal.process.expect("lback")
    terminal.process.send(" -h\r")
    terminal.process.expect("usage: %nix rollback")
    terminal.process.expect(r"In \[3\]:")
    terminal.process.send("exit\r")
    terminal.process.expect(pexpect.EOF)

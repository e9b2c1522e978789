"""Builds on another machine: what is run for them, what is refused, and what ssh's errors mean."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.backend.nix_run import with_log
from luminous_nix_ipy.backend.recovery import suggestions
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.errors import CommandFailed, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools import ssh
from luminous_nix_ipy.tools.activity import ActivityLog
from luminous_nix_ipy.tools.configuration import Configuration, Flags
from luminous_nix_ipy.tools.process import run
from tests.shell import new_shell, usage_error

DERIVATION = "/nix/store/00000000000000000000000000000000-system.drv"
LAST = ["-oConnectTimeout=15", "-oServerAliveInterval=10", "-oServerAliveCountMax=3"]
FLAGS = Flags(
    impure=True,
    override_inputs=(("nixpkgs", "./n"),),
    options=(("cores", "1"),),
    show_trace=True,
    max_jobs="2",
)


def with_options(text: str) -> Machine:
    return Machine(env={"NIX_SSHOPTS": text})


def test_what_is_evaluated_here() -> None:
    flake = Configuration(flake="/f", attr='nixosConfigurations."web".x')
    argv = flake.instantiate(FLAGS, "/l/derivation")
    assert argv[3:] == (
        *("eval", "--raw", '/f#nixosConfigurations."web".x.drvPath', "--impure", "--show-trace"),
        *("--override-input", "nixpkgs", "./n", "--option", "cores", "1"),
    )
    assert flake.instantiate(FLAGS, "/l", dry=True) == (*argv, "--no-write-lock-file")
    file = Configuration(file="/f.nix", attr="web.x", includes=("nixpkgs=/n",))
    flags = Flags(options=FLAGS.options, max_jobs="2")
    assert file.instantiate(flags, "/l/derivation") == (
        *("nix-instantiate", "/f.nix", "--attr", "web.x", "-I", "nixpkgs=/n"),
        *("--option", "cores", "1", "--add-root", "/l/derivation", "--indirect"),
    )
    assert FLAGS.building() == ("--option", "cores", "1", "--max-jobs", "2")


def test_what_is_run_there_is_quoted_for_its_shell() -> None:
    words = ("nix-store", "--realise", DERIVATION, "--option", "extra-sandbox-paths", "/a b;'$c")
    argv = ssh.on_host(Machine(), "bob@builder", words)
    assert argv[:2] == ("ssh", "-a") and argv[-3:-1] == ("bob@builder", "--")
    assert tuple(shlex.split(argv[-1])) == words
    there = ssh.held(Machine(), "builder", words)
    assert shlex.split(there.argv[-1])[:7] == ["sh", "-s", "--", "nix-store", *ssh.LOG]


def test_nix_sshopts_are_heeded_but_nobody_is_ever_asked() -> None:
    """Of an option that is given twice ssh takes the first (ssh_config(5))."""
    machine = with_options("-p 22  -oBatchMode=no -i '/my key'")
    options = list(ssh.options(machine))
    assert options == ["-oBatchMode=yes", "-p", "22", "-oBatchMode=no", "-i", "/my key", *LAST]
    # An old Nix splits them at blanks, a new one as a shell does: the user's are as they were.
    env, variable, program, *rest = ssh.copy_to(machine, "builder", DERIVATION)
    assert (env, program, rest) == ("env", "nix-copy-closure", ["--to", "builder", DERIVATION])
    told = f"-oBatchMode=yes {machine.env['NIX_SSHOPTS']} {' '.join(LAST)}"
    assert variable == f"NIX_SSHOPTS={told}"
    assert ssh.copy_from(machine, "builder", "/p")[2:] == (
        *("nix-copy-closure", "--from", "builder", "/p"),
    )
    with pytest.raises(Refused, match="NIX_SSHOPTS cannot be read"):
        ssh.options(with_options("-i 'no end"))


def test_a_program_that_env_starts_writes_its_log() -> None:
    assert with_log(("env", "A=1", "nix-copy-closure", "--to", "h", "p")) == (
        *("env", "A=1", "nix-copy-closure", *ssh.LOG, "--to", "h", "p"),
    )
    assert with_log(("env", "A=1", "true")) == ("env", "A=1", "true")


@pytest.mark.parametrize(
    "name", ["builder", "bob@builder", "a.example.org", "192.0.2.2", "_x", "b-1"]
)
def test_names_of_hosts(name: str) -> None:
    assert ssh.check_host(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-oProxyCommand=x",
        "bob@-x",
        "-l@x",
        "a b",
        "a\n",
        "a;b",
        "ssh://a",
        "::1",
        "a:22",
        "@a",
        "ä",
    ],
)
def test_what_is_no_name_of_a_host(name: str) -> None:
    with pytest.raises(Refused, match="is no name of a host"):
        ssh.check_host(name)


SAID = {
    "There is no host h": "ssh: Could not resolve hostname h: Name or service not known",
    "h is not the host that ssh knows": "No ED25519 host key is known for h\n"
    "Host key verification failed.",
    "h does not let you in": "root@h: Permission denied (publickey,password).",
    "h takes no connection": "ssh: connect to host h port 22: Connection refused",
    "h cannot be reached": "ssh: connect to host h port 22: Connection timed out",
    "h cannot be reached.": "ssh: connect to host 192.0.2.7 port 22: No route to host",
    "The connection to h was lost": "Timeout, server h not responding.",
    "The connection to h was lost.": "client_loop: send disconnect: Broken pipe",
    "There is no Nix on h": "bash: line 1: nix-store: command not found",
    "There is no Nix on h.": "sh: 1: nix-store: not found",
    "h prints something": "error: 'nix-store --serve' protocol mismatch from 'h', got 'hi'",
}


@pytest.mark.parametrize(("what", "said"), SAID.items())
def test_what_ssh_means(what: str, said: str) -> None:
    found = ssh.trouble("h", f"before\n{said}\nafter", 255)
    assert found is not None and found.what.startswith(what)
    assert found.why in said and found.todo
    assert not any("{" in item for item in found.todo)


def test_what_is_not_sshs_to_fail() -> None:
    assert ssh.trouble("h", "error: builder for 'x.drv' failed with exit code 1", 1) is None
    unknown_words = ssh.trouble("h", "fish: Unknown command", 127)
    assert unknown_words is not None and unknown_words.what == "There is no Nix on h."


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            f"error: builder for '{DERIVATION}' failed with exit code 1",
            f"ssh h nix-store --read-log {DERIVATION}",
        ),
        ("error: writing to file: No space left on device", "ssh h df -h"),
        ("error: connecting: Permission denied", "may not use Nix there"),
        ("error: you are not privileged to build", "On h: "),
        ("error: undefined variable 'x'", "Nothing of the name x is in scope"),
    ],
)
def test_advice_is_about_where_it_failed(said: str, advice: str) -> None:
    error = CommandFailed("x", returncode=1, stderr=said)
    error.host = "h"
    told = suggestions(error)
    assert any(advice in item for item in told), told
    assert not re.search(r"%nix (log|collect)", " ".join(told))
    error.host = ""
    assert not any("ssh" in item or "On " in item for item in suggestions(error))


def test_builds_are_told_to_be_there() -> None:
    log = ActivityLog(host="builder")
    start = (
        '@nix {"action":"start","id":%d,"level":3,"type":105,"text":"","fields":["%s","%s",1,1]}\n'
    )
    log.feed((start % (1, DERIVATION, "") + start % (2, DERIVATION, "ssh://other")).encode())
    assert [activity.host for activity in log.running()] == ["builder", "ssh://other"]


class Realise:
    """A stand-in for `nix-store --realise`: it makes the root, says so, and lasts for a while."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()
        self.program = folder / "realise"
        self.program.write_text(
            '#!/bin/sh\nwhile [ "$1" != --add-root ]; do shift; done\n'
            f'ln -s /nix/store/it "$2"\necho noise\necho $$ >{folder}/pid\nexec sleep "$SECONDS_"\n'
        )
        self.program.chmod(0o755)

    async def run(self, seconds: str) -> str:
        env = {"PATH": "/usr/bin:/bin", "TMPDIR": f"{self.folder}/tmp", "SECONDS_": seconds}
        there = ssh.held(Machine(), "h", (str(self.program), "x"))
        argv = shlex.split(there.argv[-1])
        done = await run(argv, env=env, stdin=there.script, stdin_stays_open=True)
        return done.stdout

    def is_left(self) -> bool:
        pid = (self.folder / "pid").read_text().strip()
        alive = subprocess.run(["kill", "-0", pid], capture_output=True).returncode == 0
        return alive or bool(list((self.folder / "tmp").iterdir()))


def test_what_was_realised_there_is_printed_alone_and_its_root_is_gone(tmp_path: Path) -> None:
    there = Realise(tmp_path)
    assert asyncio.run(there.run("0")) == "/nix/store/it\n"
    assert not there.is_left()


def test_the_end_of_the_connection_ends_it_there(tmp_path: Path) -> None:
    """The connection's end is the end of its stdin; nothing it prints is read then."""
    there = Realise(tmp_path)
    held = ssh.held(Machine(), "h", (str(there.program), "x"))
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": f"{tmp_path}/tmp", "SECONDS_": "1000"}
    process = subprocess.Popen(
        shlex.split(held.argv[-1]),
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(held.script.encode())
    process.stdin.flush()
    while not (tmp_path / "pid").exists():
        assert process.poll() is None
    process.stdout.close()
    process.stdin.close()
    assert process.wait(20) != 0
    assert not there.is_left()


def test_hosts_are_completed_from_the_users_configuration() -> None:
    folder = Path("~/.ssh").expanduser()
    folder.mkdir()
    (folder / "config").write_text(
        "Host builder big *.example.org !no  # spare\n  User bob\nhost = basalt\nHostName bogus\n"
    )
    found = complete("%nix switch --build-host b")
    assert found is not None and [word for word, _ in found.found] == ["basalt", "big", "builder"]
    found = complete("%nix update --build-host=bob@bu")
    assert found is not None and [word for word, _ in found.found] == ["bob@builder"]
    (folder / "config").unlink()
    found = complete("%nix build --build-host ")
    assert found is not None and not [kind for _, kind in found.found if kind == "host"]


@pytest.mark.parametrize("kind", ["build", "switch", "boot", "test", "update"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_refused_is_refused_at_once(tmp_path: Path, kind: str, dry_run: bool) -> None:
    """An update fetches nothing for a switch that nobody can build."""
    (tmp_path / "flake.nix").write_text("{ }")
    asked = {"flake": str(tmp_path), "build_host": "-x"}
    operation = NixOperation(OperationType(kind), [], dry_run, asked)
    for machine, why in (
        (Machine(home=str(tmp_path)), "is no name of a host"),
        (Machine(home=str(tmp_path), playground=str(tmp_path)), "builds nothing on other machines"),
    ):
        result = asyncio.run(NixBackend(machine).execute(operation))
        assert result.error is not None and why in result.error


def test_it_needs_a_name() -> None:
    with new_shell() as shell:
        assert "expected one argument" in usage_error(shell, "%nix build --build-host")

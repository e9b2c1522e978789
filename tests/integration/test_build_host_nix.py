"""Builds on another machine with real Nix, old and new, over a stand-in for ssh that stays here.

Both machines have one store, so nothing is left to copy; all programs run as they would otherwise.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import BuildReport, NixOperation, NixResult, OperationType
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools.build_history import history_file, read_history

_SSH = """\
#!/bin/sh
# Runs what it is told to here, as sshd has a shell do: all the words after the host, as one.
printf '%s\\n' "$*" >>LOG
while [ $# -gt 0 ] && [ "$1" != builder ]; do shift; done
shift
[ "$1" != -- ] || shift
while [ "${1#-}" != "$1" ]; do shift; done
[ ! -e GREETING ] || cat GREETING
exec sh -c "$*"
"""
_EXPRESSION = """
{ kind ? "fine" }: {
  config.system.build.toplevel = derivation {
    name = "built-there";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" (if kind == "fine" then "echo $PPID > $out" else "echo no; exit 3") ];
  };
}
"""


@pytest.fixture
def machine(private_machine: Machine, tmp_path: Path) -> Machine:
    """A machine that reaches itself as the host `builder`."""
    programs = tmp_path / "programs"
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(
        _SSH.replace("LOG", f"{tmp_path}/ssh.log").replace("GREETING", f"{tmp_path}/greeting")
    )
    ssh.chmod(0o755)
    (tmp_path / "system.nix").write_text(_EXPRESSION)
    path = f"{programs}{os.pathsep}{private_machine.env['PATH']}"
    return replace(private_machine, env={**private_machine.env, "PATH": path})


def build(machine: Machine, *, dry_run: bool = False, **options: Any) -> NixResult:
    asked = {"build_host": "builder", **options}
    return asyncio.run(
        NixBackend(machine).execute(NixOperation(OperationType.BUILD, [], dry_run, asked))
    )


def programs_of(report: BuildReport) -> list[str]:
    return [
        next(word for word in command.argv if word.startswith(("nix", "ssh")))
        for command in report.commands
    ]


def test_a_file_is_built_and_kept(machine: Machine, tmp_path: Path) -> None:
    where = {"file": f"{tmp_path}/system.nix", "link": f"{tmp_path}/result"}
    told = build(machine, dry_run=True, **where)
    assert told.success, told.error
    planned = told.data["build"]
    assert [os.path.basename(path).partition("-")[2] for path in planned.builds] == [
        "built-there.drv"
    ]
    steps = ["ssh", "nix-instantiate", "nix-copy-closure", "ssh", "nix-copy-closure", "nix-store"]
    assert programs_of(planned) == steps
    assert not (tmp_path / "result").exists()

    done = build(machine, **where, max_jobs=1, option=[("cores", "1")])
    assert done.success, done.error
    report = done.data["build"]
    assert programs_of(report) == steps
    assert os.readlink(where["link"]) == report.path and Path(report.path).read_text()
    roots = subprocess.run(
        ["nix-store", "--query", "--roots", report.path],
        env=machine.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"{tmp_path}/result" in roots and roots.count("\n") == 1, (
        "the build's root is still there"
    )
    ran = (tmp_path / "ssh.log").read_text()
    assert "--option cores 1 --max-jobs 1" in ran and "BatchMode=yes" in ran
    history = read_history(history_file(machine.child_environment()))
    assert [(r.host, r.name) for r in history] == [("builder", "built-there")]

    (tmp_path / "ssh.log").write_text("")
    again = build(machine, **where)
    assert again.success and programs_of(again.data["build"]) == steps[:2] + steps[-1:]
    assert (tmp_path / "ssh.log").read_text().count("\n") == 1, "it was built again"


def test_a_flake_is_evaluated_here(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "flake"
    folder.mkdir()
    system = _EXPRESSION.replace("builtins.currentSystem", f'"{os.uname().machine}-linux"')
    (folder / "flake.nix").write_text(
        f"{{ outputs = _: {{ nixosConfigurations.web = ({system}) {{ }}; }}; }}"
    )
    where = {"flake": f"path:{folder}#web", "link": f"{tmp_path}/result"}
    assert build(machine, dry_run=True, **where).data["build"].builds
    assert not (folder / "flake.lock").exists()
    done = build(machine, **where)
    assert done.success, done.error
    assert os.readlink(where["link"]) == done.data["build"].path


def test_a_failed_build_tells_the_log_and_where_it_is(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "system.nix").write_text(_EXPRESSION.replace('"fine" }', '"broken" }'))
    told = build(machine, file=f"{tmp_path}/system.nix", link=f"{tmp_path}/result")
    error = told.data["exception"]
    assert "on builder" in error.what and error.host == "builder"
    assert "\n  no" in error.why
    assert any("ssh builder nix-store --read-log" in item for item in told.suggestions)
    assert not any("%nix log" in item for item in told.suggestions)
    assert not (tmp_path / "result").exists()


def test_a_login_that_greets(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "greeting").write_text("Welcome\n")
    told = build(machine, file=f"{tmp_path}/system.nix", link=f"{tmp_path}/result")
    assert told.error is not None and "prints something of its own at a login" in told.error


def test_what_no_store_path_is_is_not_believed(machine: Machine, tmp_path: Path) -> None:
    mischief = tmp_path / "programs/readlink"
    mischief.write_text("#!/bin/sh\necho /etc/passwd\n")
    mischief.chmod(0o755)
    told = build(machine, file=f"{tmp_path}/system.nix", link=f"{tmp_path}/result")
    assert told.error is not None and "did not say what it built" in told.error
    assert not (tmp_path / "result").exists()

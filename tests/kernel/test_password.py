"""sudo's password, asked for by a real kernel and answered as a frontend does."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from luminous_nix_ipy.machine import Machine
from tests.kernel.driver import Kernel, a_kernel
from tests.kernel.notebook import run
from tests.provide.nix import NixPrograms
from tests.throwaway_user import (
    NAME,
    PASSWORD,
    WITH_PASSWORD,
    ThrowawayUser,
    numbers,
    system_of_root,
    throwaway_user,
)

pytestmark = pytest.mark.parametrize("nix_programs", ["old"], indirect=True)

BEGIN = """
import os, msgspec
from luminous_nix_ipy import machine as machines, nix
machines.use(msgspec.json.decode(os.environ["MACHINE"], type=machines.Machine))
get_ipython().run_line_magic("load_ext", "luminous_nix_ipy")
"""


@pytest.fixture
def user() -> Iterator[ThrowawayUser]:
    with throwaway_user(WITH_PASSWORD) as made:
        yield made


@pytest.fixture
def system(nix_programs: NixPrograms) -> Iterator[Machine]:
    with system_of_root(nix_programs) as machine:
        yield machine


@pytest.fixture
def kernel(user: ThrowawayUser, system: Machine) -> Iterator[Kernel]:
    """A kernel of a user whom sudo asks for a password."""
    with a_kernel(
        user.home,
        before=user.argv(),
        MACHINE=user.machine(system),
        **{**user.env, "LUMINOUS_NIX_LOG_LEVEL": "DEBUG"},
    ) as made:
        assert run(made, BEGIN).status == "ok"
        yield made


PROMPT = f"Password of {NAME} for sudo on {os.uname().nodename}: "


def test_the_password_is_asked_for_and_left_nowhere(
    kernel: Kernel, user: ThrowawayUser, system: Machine
) -> None:
    reply = run(kernel, "%nix delete 1", ["y", "wrong", PASSWORD])
    assert reply.status == "ok", reply.traceback
    assert reply.asked[1:] == [PROMPT, PROMPT]
    assert "sudo does not take that. 2 more tries." in reply.cell.printed()
    assert "1 generation deleted." in reply.result
    assert numbers(system) == [2, 3]
    assert "as root" in reply.displayed
    again = run(kernel, "%nix delete 2 --yes", [PASSWORD])
    assert again.status == "ok" and again.asked == [PROMPT], "it was forgotten"
    run(kernel, "%nix journal")
    run(kernel, "print(_, __, In, Out, dir(), get_ipython().user_ns)")
    run(kernel, "%history -g")
    messages = "".join(str(cell.messages) for cell in kernel.cells.values())
    history = next(kernel.folder.rglob("history.sqlite"))
    with closing(sqlite3.connect(history)) as database:
        kept = "\n".join(database.iterdump())
    assert "%nix delete 1" in kept, "there is a history"
    files = [
        f for top in (Path(system.home).parent, user.folder) for f in top.rglob("*") if f.is_file()
    ]
    assert {"journal.jsonl", "luminous-nix.log"} <= {file.name for file in files}
    assert any(b"--delete-generations" in file.read_bytes() for file in files)
    assert "correct horse" not in messages + kept
    assert [file for file in files if b"correct horse" in file.read_bytes()] == []


def test_three_wrong_passwords(kernel: Kernel, system: Machine) -> None:
    reply = run(kernel, "%nix delete 1 --yes", ["one", "two", "three"])
    assert reply.ename == "Refused"
    assert "sudo took none of 3 passwords. Nothing was changed." in reply.traceback
    assert run(kernel, "%nix delete 1 --yes", [""]).ename == "NoConsent"
    assert numbers(system) == [1, 2, 3]


def test_a_job_asks_before_it_begins(kernel: Kernel, system: Machine) -> None:
    assert run(kernel, "%nix delete 1 --yes --bg").ename == "PasswordNeeded"
    reply = run(kernel, "job = %nix delete 1 --yes --bg\nprint(await job)", [PASSWORD])
    assert reply.asked == [PROMPT]
    assert "1 generation deleted." in reply.cell.printed()
    code = """
    import gc
    from luminous_nix_ipy.tools.elevated import Credentials
    print({c.elevated for c in gc.get_objects() if type(c) is Credentials})
    """
    assert run(kernel, code).cell.printed() == "{None}\n"
    assert numbers(system) == [2, 3]


def test_papermill_is_refused(user: ThrowawayUser, system: Machine) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
    cells = (BEGIN, "%nix delete 1 --yes")
    notebook.cells = [*map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(notebook, user.home / "runbook.ipynb")
    done = subprocess.run(
        user.argv(sys.executable, "-m", "papermill", "runbook.ipynb", "done.ipynb"),
        env={**user.env, "MACHINE": user.machine(system)},
        cwd=user.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode != 0
    told = (user.home / "done.ipynb").read_text()
    assert "sudo asks for a password, and nobody can be asked for it here." in told
    assert "a rule with NOPASSWD (sudoers(5))" in told
    assert numbers(system) == [1, 2, 3]
